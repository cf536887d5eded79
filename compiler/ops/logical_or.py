"""logical_or(a, b): whether either is true."""

import numpy as np

from netc.compiler.ops.pointwise import pointwise

OP = pointwise("logical_or", np.logical_or, None, accepts=("bool",))
