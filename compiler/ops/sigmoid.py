"""sigmoid(x): 1 / (1 + exp(-x)).

Its gradient is output * (1 - output), so that x need not be kept.
"""

import numpy as np

from netc.compiler.ir.tensor import FLOATS
from netc.compiler.ops.pointwise import pointwise


def reference(x: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0.0, -x))  # neither end overflows


def gradient(build, node, upstream):
    slope = build.multiply(node.output, build.subtract(1.0, node.output))
    return (build.multiply(upstream, slope),)


OP = pointwise("sigmoid", reference, gradient, flops=10, expensive=True, accepts=FLOATS)
