"""absolute(x): |x|; its gradient at 0 is 0."""

import numpy as np

from netc.compiler.ops.pointwise import pointwise


def gradient(build, node, upstream):
    (x,) = node.inputs
    return (build.multiply(upstream, build.sign(x)),)


OP = pointwise("absolute", np.abs, gradient)
