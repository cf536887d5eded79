"""constant(): a tensor whose every element is one number."""

import numpy as np

from netc.compiler.ir.operation import Family, Op
from netc.compiler.ir.tensor import Shape, TensorType
from netc.compiler.ops.arrays import ARRAYS
from netc.compiler.scalar.expression import Constant


def type_rule(*, value: float, dtype: str, shape: Shape) -> TensorType:
    return TensorType(dtype, tuple(shape))


def reference(*, value: float, dtype: str, shape: Shape) -> np.ndarray:
    return np.full(shape, value, ARRAYS[dtype])


def element(node, read, index) -> Constant:
    return Constant(node.named["value"], node.output.type.dtype)


OP = Op("constant", Family.MAP, type_rule, reference, element=element, moves_only=True)
