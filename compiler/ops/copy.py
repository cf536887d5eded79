"""copy(x): x itself, kept in memory in the order of its axes.

What only moves elements is else done by whoever reads them. A tensor that is put together from many
places and then read many times is better put together once.
"""

import numpy as np

from netc.compiler.ops.pointwise import pointwise


def gradient(build, node, upstream):
    return (upstream,)


OP = pointwise("copy", np.array, gradient)
