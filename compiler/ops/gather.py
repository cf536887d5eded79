"""gather(table, indices): the row of the table that each whole number names; zeros for no row.

table [R, ...], indices i32[...] -> indices' shape and then the table's without its first axis.
"""

from math import prod

import numpy as np

from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import TensorType
from netc.compiler.scalar.expression import LoadRow
from netc.compiler.scalar.index import linear


def type_rule(table: TensorType, indices: TensorType) -> TensorType:
    if not table.shape or indices.dtype != "i32":
        raise OpError(f"gather takes a table of rows and i32 indices, got {table} and {indices}")
    return table.with_shape((*indices.shape, *table.shape[1:]))


def gradient(build, node, upstream):
    table, indices = node.inputs
    return build.scatter_rows(indices, upstream, rows=table.type.shape[0]), None


def element(node, read, index) -> LoadRow:
    table, indices = node.inputs
    rank = len(indices.type.shape)
    rows, *rest = table.type.shape
    row = read(indices, index[:rank])
    return LoadRow(table, row, rows, prod(rest), linear(index[rank:], tuple(rest)))


def reference(table: np.ndarray, indices: np.ndarray) -> np.ndarray:
    rows = np.zeros((*indices.shape, *table.shape[1:]), table.dtype)
    there = (indices >= 0) & (indices < len(table))
    rows[there] = table[indices[there]]
    return rows


OP = Op(
    "gather", Family.MAP, type_rule, reference, gradient, element, moves_only=True, gathers=True
)
