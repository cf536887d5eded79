"""move_rows(table, room, indices, values, rate): the table, its named rows moved against values.

table f32[R, ...], indices i32[...] of any axes, values of these axes and then those of a row, rate
f32[] -> a new table, in which each row that an index names is less by rate times the sum of the
values that name it: subtract(table, multiply(scatter_rows(indices, values), rate)), to the bit. The
time it takes is that of the values, however many rows there are.

`room` is as large as the table. It holds zeros, and holds them again afterwards: sums are made in
it, of the named rows only.
"""

from math import prod

import numpy as np

from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import TensorType
from netc.compiler.scalar.expression import Move, Scatter
from netc.compiler.scalar.index import unravel


def type_rule(
    table: TensorType, room: TensorType, indices: TensorType, values: TensorType, rate: TensorType
) -> TensorType:
    wanted = values.with_shape((*table.shape[:1], *values.shape[len(indices.shape) :]))
    if room != table or wanted != table or indices.dtype != "i32" or rate.shape:
        raise OpError(
            f"move_rows takes a table, room for one more, i32 indices, rows for them and a rate, "
            f"got {table}, {room}, {indices}, {values} and {rate}"
        )
    return table


def scatter(node, read) -> Scatter:
    table, room, indices, values, rate = node.inputs
    leading, width = indices.type.shape, table.type.shape[1:]
    return Scatter(
        rows=table.type.shape[0],
        columns=prod(width),
        count=indices.type.count,
        row=lambda k: read(indices, unravel(k, leading)),
        value=lambda k, c: read(values, (*unravel(k, leading), *unravel(c, width))),
        move=Move(table, room, read(rate, ())),
    )


def reference(
    table: np.ndarray, room: np.ndarray, indices: np.ndarray, values: np.ndarray, rate: np.ndarray
) -> np.ndarray:
    total = room.copy()
    there = (indices >= 0) & (indices < len(table))
    np.add.at(total, indices[there], values[there])
    moved = table.copy()
    named = np.unique(indices[there])
    moved[named] = table[named] - rate * total[named]
    return moved


OP = Op(
    "move_rows", Family.SCATTER, type_rule, reference, scatter=scatter,
    flops=lambda node: 3 * node.inputs[3].type.count,
)  # fmt: skip
