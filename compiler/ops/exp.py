"""exp(x): e to the power of x."""

import numpy as np

from netc.compiler.ir.tensor import FLOATS
from netc.compiler.ops.pointwise import pointwise


def gradient(build, node, upstream):
    return (build.multiply(upstream, node.output),)


OP = pointwise("exp", np.exp, gradient, flops=8, expensive=True, accepts=FLOATS)
