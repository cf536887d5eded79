"""rsqrt(x): 1 / sqrt(x). Its gradient is -0.5 * output ** 3, so that x need not be kept."""

import numpy as np

from netc.compiler.ir.tensor import FLOATS
from netc.compiler.ops.pointwise import pointwise


def reference(x: np.ndarray) -> np.ndarray:
    return 1.0 / np.sqrt(x)


def gradient(build, node, upstream):
    cube = build.multiply(build.multiply(node.output, node.output), node.output)
    return (build.multiply(build.multiply(upstream, -0.5), cube),)


OP = pointwise("rsqrt", reference, gradient, flops=4, accepts=FLOATS)
