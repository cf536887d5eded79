"""combine(x): the squares of x's first two axes, multiplied by a matrix from both sides.

x [p, p, ...] and a `matrix` of q rows of p numbers -> q x q squares matrix @ square @ matrix^T.
Their axes are `axes` of the result, and those of x that remain stand around them in order.
"""

from collections.abc import Callable
from itertools import product

import numpy as np

from netc.compiler.ir.graph import Node
from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import TensorType
from netc.compiler.scalar.expression import Apply, Constant, Expression, Within, select
from netc.compiler.scalar.index import Index, as_index

Matrix = tuple[tuple[float, ...], ...]


def type_rule(x: TensorType, *, matrix: Matrix, axes: tuple[int, int]) -> TensorType:
    sizes = {len(row) for row in matrix}
    if len(x.shape) < 2 or sizes != {x.shape[0]} or x.shape[0] != x.shape[1] or not x.is_float:
        raise OpError(f"combine takes [p, p, ...] and rows of p numbers, got {x} and {matrix}")
    if not 0 <= axes[0] < axes[1] < len(x.shape):
        raise OpError(f"combine of {x} has no axes {axes}")
    shape = list(x.shape[2:])
    for axis in axes:
        shape.insert(axis, len(matrix))
    return x.with_shape(tuple(shape))


def gradient(build, node, upstream):
    axes, rank = node.named["axes"], len(upstream.type.shape)
    first = build.transpose(upstream, axes=(*axes, *others(axes, rank)))
    turned = tuple(zip(*node.named["matrix"], strict=True))
    return (build.combine(first, matrix=turned, axes=(0, 1)),)


def others(axes: tuple[int, int], rank: int) -> tuple[int, ...]:
    return tuple(axis for axis in range(rank) if axis not in axes)


def element(node: Node, read, index: tuple[Index, ...]) -> Expression:
    """A sum for each place of the square; where the place is known, that sum alone."""
    (x,), matrix, axes = node.inputs, node.named["matrix"], node.named["axes"]
    rest = tuple(index[axis] for axis in others(axes, len(index)))

    def at(row: int, column: int) -> Expression:
        def across(a: int) -> Expression:
            return weighted(matrix[column], lambda b: read(x, (as_index(a), as_index(b), *rest)))

        return weighted(matrix[row], across)

    row, column = (index[axis] for axis in axes)
    if row.is_constant and column.is_constant:
        return at(row.constant, column.constant)
    *places, last = product(range(len(matrix)), repeat=2)
    chosen = at(*last)
    for i, j in reversed(places):
        chosen = select((Within(row, i, i + 1), Within(column, j, j + 1)), at(i, j), chosen)
    return chosen


def weighted(weights: tuple[float, ...], term: Callable[[int], Expression]) -> Expression:
    """The sum of the terms by their weights. Those of one size are added first, and what is added
    comes before what is taken away: a difference is then one operation."""
    used = [(weight, number) for number, weight in enumerate(weights) if weight]
    total: Expression = Constant(0.0, "f32")
    for place, size in enumerate(dict.fromkeys(abs(weight) for weight, _ in used)):
        alike = (one for one in used if abs(one[0]) == size)
        (first, number), *more = sorted(alike, key=lambda one: one[0] < 0)
        part = term(number)
        for weight, number in more:
            part = apply("add" if weight * first > 0 else "subtract", part, term(number))
        part = scaled(part, first)
        total = apply("add", total, part) if place else part
    return total


def scaled(term: Expression, weight: float) -> Expression:
    return term if weight == 1 else apply("multiply", term, Constant(float(weight), "f32"))


def apply(function: str, a: Expression, b: Expression) -> Expression:
    return Apply(function, (a, b), a.dtype)


def reference(x: np.ndarray, *, matrix: Matrix, axes: tuple[int, int]) -> np.ndarray:
    squares = np.einsum("ia,jb,ab...->ij...", matrix, matrix, x)
    return np.moveaxis(squares, (0, 1), axes)


OP = Op(
    "combine", Family.MAP, type_rule, reference, gradient, element,
    side_by_side=lambda node: node.named["axes"],
    flops=lambda node: node.inputs[0].type.count * len(node.named["matrix"]),
)  # fmt: skip
