"""cos(x): the cosine of x in radians."""

import numpy as np

from netc.compiler.ir.tensor import FLOATS
from netc.compiler.ops.pointwise import pointwise


def gradient(build, node, upstream):
    (x,) = node.inputs
    return (build.negate(build.multiply(upstream, build.sin(x))),)


OP = pointwise("cos", np.cos, gradient, flops=12, expensive=True, accepts=FLOATS)
