"""divide(a, b): the quotient a / b of each pair of floats."""

import numpy as np

from netc.compiler.ir.tensor import FLOATS
from netc.compiler.ops.pointwise import pointwise


def gradient(build, node, upstream):
    a, b = node.inputs
    by_a = build.divide(upstream, b)
    return by_a, build.negate(build.multiply(by_a, node.output))


OP = pointwise("divide", np.divide, gradient, flops=4, accepts=FLOATS)
