"""log1p(x): log(1 + x), exact for small x."""

import numpy as np

from netc.compiler.ir.tensor import FLOATS
from netc.compiler.ops.pointwise import pointwise


def gradient(build, node, upstream):
    (x,) = node.inputs
    return (build.divide(upstream, build.add(x, 1.0)),)


OP = pointwise("log1p", np.log1p, gradient, flops=12, expensive=True, accepts=FLOATS)
