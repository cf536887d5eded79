"""logical_not(x): whether x is false."""

import numpy as np

from netc.compiler.ops.pointwise import pointwise

OP = pointwise("logical_not", np.logical_not, None, accepts=("bool",))
