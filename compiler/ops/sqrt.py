"""sqrt(x): the square root. Its gradient reads the root, so that x need not be kept."""

import numpy as np

from netc.compiler.ir.tensor import FLOATS
from netc.compiler.ops.pointwise import pointwise


def gradient(build, node, upstream):
    return (build.divide(build.multiply(upstream, 0.5), node.output),)


OP = pointwise("sqrt", np.sqrt, gradient, flops=4, accepts=FLOATS)
