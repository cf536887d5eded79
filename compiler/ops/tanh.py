"""tanh(x): the hyperbolic tangent. Its gradient is 1 - output ** 2, so that x need not be kept."""

import numpy as np

from netc.compiler.ir.tensor import FLOATS
from netc.compiler.ops.pointwise import pointwise


def gradient(build, node, upstream):
    slope = build.subtract(1.0, build.multiply(node.output, node.output))
    return (build.multiply(upstream, slope),)


OP = pointwise("tanh", np.tanh, gradient, flops=12, expensive=True, accepts=FLOATS)
