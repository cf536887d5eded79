"""constant(): a tensor whose every element is one number."""

from types import MappingProxyType

import numpy as np

from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import Shape, TensorType
from netc.compiler.ops.arrays import ARRAYS
from netc.compiler.scalar.expression import Constant

RANGES = MappingProxyType({"i32": (-(2**31), 2**31 - 1), "u8": (0, 255), "bool": (0, 1)})


def type_rule(*, value: float, dtype: str, shape: Shape) -> TensorType:
    kind = TensorType(dtype, tuple(shape))
    if not kind.is_float and not RANGES[dtype][0] <= value <= RANGES[dtype][1]:
        raise OpError(f"{value} is not in the range of {dtype}")
    if not kind.is_float and value != int(value):
        raise OpError(f"{value} is not a whole number, as {dtype} takes")
    return kind


def reference(*, value: float, dtype: str, shape: Shape) -> np.ndarray:
    return np.full(shape, value, ARRAYS[dtype])


def element(node, read, index) -> Constant:
    return Constant(node.named["value"], node.output.type.dtype)


OP = Op("constant", Family.MAP, type_rule, reference, element=element, moves_only=True)
