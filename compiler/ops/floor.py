"""floor(x): the greatest whole number that is not above x; steps, so without a gradient."""

import numpy as np

from netc.compiler.ir.tensor import FLOATS
from netc.compiler.ops.pointwise import pointwise

OP = pointwise("floor", np.floor, None, accepts=FLOATS)
