"""sin(x): the sine of x in radians."""

import numpy as np

from netc.compiler.ir.tensor import FLOATS
from netc.compiler.ops.pointwise import pointwise


def gradient(build, node, upstream):
    (x,) = node.inputs
    return (build.multiply(upstream, build.cos(x)),)


OP = pointwise("sin", np.sin, gradient, flops=12, expensive=True, accepts=FLOATS)
