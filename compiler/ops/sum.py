"""sum(x): the sum over `axes`, which disappear. Bools and bytes are summed after a cast."""

import numpy as np

from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.reduction import kept_shape, spread


def type_rule(x: TensorType, *, axes: tuple[int, ...]) -> TensorType:
    if x.dtype in ("bool", "u8"):
        raise OpError(f"sum does not take {x.dtype}")
    return x.with_shape(kept_shape(x, axes))


def gradient(build, node, upstream):
    return (spread(build, upstream, node.inputs[0].type, node.named["axes"]),)


def reference(x: np.ndarray, *, axes: tuple[int, ...]) -> np.ndarray:
    return np.sum(x, axis=axes)


OP = Op(
    "sum", Family.REDUCE, type_rule, reference, gradient,
    flops=lambda node: node.inputs[0].type.count,
)  # fmt: skip
