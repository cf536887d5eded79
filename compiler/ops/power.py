"""power(a, b): a to the power of b, for floats.

The gradient is 0 where its formula has 0 * infinity: for a where b is 0, for b where the power is.
"""

import numpy as np

from netc.compiler.ir.tensor import FLOATS
from netc.compiler.ops.pointwise import pointwise


def gradient(build, node, upstream):
    a, b = node.inputs
    slope = build.multiply(b, build.power(a, build.subtract(b, 1.0)))
    by_a = build.where(build.equal(b, 0.0), 0.0, build.multiply(upstream, slope))
    growth = build.multiply(node.output, build.log(a))
    by_b = build.where(build.equal(node.output, 0.0), 0.0, build.multiply(upstream, growth))
    return by_a, by_b


OP = pointwise("power", np.power, gradient, flops=20, expensive=True, accepts=FLOATS)
