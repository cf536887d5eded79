"""logical_and(a, b): whether both are true."""

import numpy as np

from netc.compiler.ops.pointwise import pointwise

OP = pointwise("logical_and", np.logical_and, None, accepts=("bool",))
