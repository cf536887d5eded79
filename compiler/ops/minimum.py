"""minimum(a, b): the lesser of each pair; NaN where either is NaN.

Equal pairs send their gradient to a.
"""

import numpy as np

from netc.compiler.ops.pointwise import pointwise


def gradient(build, node, upstream):
    a, b = node.inputs
    first = build.less_equal(a, b)
    return build.where(first, upstream, 0), build.where(first, 0, upstream)


OP = pointwise("minimum", np.minimum, gradient)
