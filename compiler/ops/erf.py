"""erf(x): the error function, 2 / sqrt(pi) times the integral of exp(-t * t) from 0 to x."""

from math import erf, pi, sqrt

import numpy as np

from netc.compiler.ir.tensor import FLOATS
from netc.compiler.ops.pointwise import pointwise


def gradient(build, node, upstream):
    (x,) = node.inputs
    bell = build.exp(build.negate(build.multiply(x, x)))
    return (build.multiply(upstream, build.multiply(bell, 2.0 / sqrt(pi))),)


def reference(x: np.ndarray) -> np.ndarray:
    return np.vectorize(erf, otypes=[np.float64])(x)


OP = pointwise("erf", reference, gradient, flops=16, expensive=True, accepts=FLOATS)
