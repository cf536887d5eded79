"""not_equal(a, b): whether a != b, for each pair; NaN differs from everything."""

import numpy as np

from netc.compiler.ir.tensor import SIZES
from netc.compiler.ops.pointwise import pointwise

OP = pointwise("not_equal", np.not_equal, None, result="bool", accepts=tuple(SIZES))
