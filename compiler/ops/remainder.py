"""remainder(a, b): a - b * floor(a / b), which has the sign of b, as in Python.

The remainder of a whole number by 0 is 0.
"""

import numpy as np

from netc.compiler.ops.pointwise import pointwise


def gradient(build, node, upstream):
    a, b = node.inputs
    return upstream, build.negate(build.multiply(upstream, build.floor_divide(a, b)))


OP = pointwise("remainder", np.remainder, gradient, flops=6)
