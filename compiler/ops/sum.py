"""sum(x): the sum over `axes`, which disappear. Bools and bytes are summed after a cast."""

import numpy as np

from netc.compiler.ir.operation import Family, Op
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.reduction import folded_type, spread


def type_rule(x: TensorType, *, axes: tuple[int, ...]) -> TensorType:
    return folded_type("sum", x, axes)


def gradient(build, node, upstream):
    return (spread(build, upstream, node.inputs[0].type, node.named["axes"]),)


def reference(x: np.ndarray, *, axes: tuple[int, ...]) -> np.ndarray:
    return np.sum(x, axis=axes, dtype=x.dtype)


OP = Op(
    "sum", Family.REDUCE, type_rule, reference, gradient,
    flops=lambda node: node.inputs[0].type.count,
)  # fmt: skip
