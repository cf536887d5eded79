"""relu(x): x where it is positive, else 0; NaN stays NaN.

The gradient reads the output, so that x need not be kept; at 0 it is 0.
"""

import numpy as np

from netc.compiler.ops.pointwise import pointwise


def reference(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def gradient(build, node, upstream):
    return (build.where(build.greater(node.output, 0), upstream, 0),)


OP = pointwise("relu", reference, gradient)
