"""max(x): the greatest element over `axes`; NaN where there is one.

The first greatest element takes the whole gradient.
"""

import numpy as np

from netc.compiler.ir.operation import Family, Op
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.reduction import folded_type, spread_to_first


def type_rule(x: TensorType, *, axes: tuple[int, ...]) -> TensorType:
    return folded_type("max", x, axes)


def gradient(build, node, upstream):
    (x,), axes = node.inputs, node.named["axes"]
    return (spread_to_first(build, upstream, build.argmax(x, axes=axes), x.type, axes),)


def reference(x: np.ndarray, *, axes: tuple[int, ...]) -> np.ndarray:
    return np.max(x, axis=axes)


OP = Op(
    "max", Family.REDUCE, type_rule, reference, gradient,
    flops=lambda node: node.inputs[0].type.count,
)  # fmt: skip
