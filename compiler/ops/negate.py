"""negate(x): -x."""

import numpy as np

from netc.compiler.ops.pointwise import pointwise


def gradient(build, node, upstream):
    return (build.negate(upstream),)


OP = pointwise("negate", np.negative, gradient)
