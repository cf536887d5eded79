"""product(x): the product over `axes`.

The gradient of an element is the product of the others: the product of all over the element where
no zero is among the others, else 0. Zeros are counted apart, so that nothing is divided by them.
"""

import numpy as np

from netc.compiler.ir.operation import Family, Op
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.reduction import folded_type, spread


def type_rule(x: TensorType, *, axes: tuple[int, ...]) -> TensorType:
    return folded_type("product", x, axes)


def gradient(build, node, upstream):
    (x,), axes = node.inputs, node.named["axes"]
    is_zero = build.equal(x, 0)
    nonzero = build.where(is_zero, 1, x)
    one_if_zero = build.cast(is_zero, dtype=x.type.dtype)
    zeros = spread(build, build.sum(one_if_zero, axes=axes), x.type, axes)
    product = spread(
        build, build.multiply(upstream, build.product(nonzero, axes=axes)), x.type, axes
    )
    only = build.equal(zeros, one_if_zero)
    return (build.where(only, build.divide(product, nonzero), 0),)


def reference(x: np.ndarray, *, axes: tuple[int, ...]) -> np.ndarray:
    return np.prod(x, axis=axes, dtype=x.dtype)


OP = Op(
    "product", Family.REDUCE, type_rule, reference, gradient,
    flops=lambda node: node.inputs[0].type.count,
)  # fmt: skip
