"""round(x): the nearest whole number, the even one of two; steps, so without a gradient."""

import numpy as np

from netc.compiler.ir.tensor import FLOATS
from netc.compiler.ops.pointwise import pointwise

OP = pointwise("round", np.rint, None, accepts=FLOATS)
