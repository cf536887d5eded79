"""subtract(a, b): the difference of each pair of elements."""

import numpy as np

from netc.compiler.ops.pointwise import pointwise


def gradient(build, node, upstream):
    return upstream, build.negate(upstream)


OP = pointwise("subtract", np.subtract, gradient)
