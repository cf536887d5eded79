"""matmul(a, b): rows of a by columns of b, for each leading index.

a is [..., m, k] and b is [..., k, n] with the same leading axes: the caller broadcasts.
`precision` is what both are rounded to; products are summed in f32.
"""

from math import prod

import numpy as np

from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.precision import check_precision, rounded
from netc.compiler.scalar.expression import Contraction
from netc.compiler.scalar.index import unravel


def type_rule(a: TensorType, b: TensorType, *, precision: str = "f32") -> TensorType:
    check_precision(precision)
    if len(a.shape) < 2 or len(a.shape) != len(b.shape) or a.shape[:-2] != b.shape[:-2]:
        raise OpError(f"matmul takes [..., m, k] and [..., k, n], got {a} and {b}")
    if a.shape[-1] != b.shape[-2]:
        raise OpError(
            f"matmul takes [..., m, k] and [..., k, n], got {a} and {b}: "
            f"{a.shape[-1]} is not {b.shape[-2]}"
        )
    if a.dtype != b.dtype or not a.is_float:
        raise OpError(f"matmul takes two tensors of one float type, got {a} and {b}")
    return a.with_shape((*a.shape[:-1], b.shape[-1]))


def swap(build, value):
    """The last two axes swapped."""
    rank = len(value.type.shape)
    return build.transpose(value, axes=(*range(rank - 2), rank - 1, rank - 2))


def gradient(build, node, upstream):
    a, b = node.inputs
    left = build.matmul(upstream, swap(build, b), **node.named)
    return left, build.matmul(swap(build, a), upstream, **node.named)


def contraction(node, read) -> Contraction:
    a, b = node.inputs
    leading, (rows, depth), columns = a.type.shape[:-2], a.type.shape[-2:], b.type.shape[-1]
    return Contraction(
        batch=prod(leading),
        rows=rows,
        columns=columns,
        depth=depth,
        left=lambda batch, m, k: read(a, (*unravel(batch, leading), m, k)),
        right=lambda batch, k, n: read(b, (*unravel(batch, leading), k, n)),
        precision=node.named.get("precision", "f32"),
    )


def reference(a: np.ndarray, b: np.ndarray, *, precision: str = "f32") -> np.ndarray:
    return np.matmul(rounded(a, precision), rounded(b, precision))


OP = Op(
    "matmul", Family.CONTRACT, type_rule, reference, gradient, contraction=contraction,
    flops=lambda node: 2 * node.output.type.count * node.inputs[0].type.shape[-1],
)  # fmt: skip
