"""equal(a, b): whether a == b, for each pair; false where either is NaN."""

import numpy as np

from netc.compiler.ir.tensor import SIZES
from netc.compiler.ops.pointwise import pointwise

OP = pointwise("equal", np.equal, None, result="bool", accepts=tuple(SIZES))
