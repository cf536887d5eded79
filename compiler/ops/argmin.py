"""argmin(x): where the first least element over `axes` is, counted row-major along them.

NaN counts as the least.
"""

import numpy as np

from netc.compiler.ir.operation import Family, Op
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.reduction import axes_last, folded_type


def type_rule(x: TensorType, *, axes: tuple[int, ...]) -> TensorType:
    return folded_type("argmin", x, axes).with_dtype("i32")


def reference(x: np.ndarray, *, axes: tuple[int, ...]) -> np.ndarray:
    return np.argmin(axes_last(x, axes), axis=-1).astype(np.int32)


OP = Op(
    "argmin", Family.REDUCE, type_rule, reference,
    flops=lambda node: node.inputs[0].type.count,
)  # fmt: skip
