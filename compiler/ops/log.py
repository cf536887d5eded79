"""log(x): the natural logarithm."""

import numpy as np

from netc.compiler.ir.tensor import FLOATS
from netc.compiler.ops.pointwise import pointwise


def gradient(build, node, upstream):
    (x,) = node.inputs
    return (build.divide(upstream, x),)


OP = pointwise("log", np.log, gradient, flops=10, expensive=True, accepts=FLOATS)
