"""iota(): for each element, its position along one axis."""

import numpy as np

from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import Shape, TensorType
from netc.compiler.scalar.expression import Position


def type_rule(*, axis: int, shape: Shape) -> TensorType:
    if not 0 <= axis < len(shape):
        raise OpError(f"{list(shape)} has no axis {axis} to count along")
    return TensorType("i32", tuple(shape))


def element(node, read, index) -> Position:
    return Position(index[node.named["axis"]])


def reference(*, axis: int, shape: Shape) -> np.ndarray:
    return np.indices(shape, np.int32)[axis]


OP = Op("iota", Family.MAP, type_rule, reference, element=element, moves_only=True)
