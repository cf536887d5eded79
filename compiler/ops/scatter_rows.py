"""scatter_rows(indices, values): for each row of a table the sum of the values that name it.

indices i32[...], values of the same axes and then those of a row -> [rows, ...]. It is the adjoint
of gather: what names no row is left out. Each row is summed in the order of the indices, whatever
the threads, so that the result has the same bits at every run.
"""

from math import prod

import numpy as np

from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import TensorType
from netc.compiler.scalar.expression import Scatter
from netc.compiler.scalar.index import unravel


def type_rule(indices: TensorType, values: TensorType, *, rows: int) -> TensorType:
    rank = len(indices.shape)
    if indices.dtype != "i32" or values.dtype != "f32" or values.shape[:rank] != indices.shape:
        raise OpError(
            f"scatter_rows takes i32 indices and f32 rows for them, got {indices} and {values}"
        )
    return values.with_shape((rows, *values.shape[rank:]))


def gradient(build, node, upstream):
    return None, build.gather(upstream, node.inputs[0])


def scatter(node, read) -> Scatter:
    indices, values = node.inputs
    leading, width = indices.type.shape, node.output.type.shape[1:]
    return Scatter(
        rows=node.named["rows"],
        columns=prod(width),
        count=indices.type.count,
        row=lambda k: read(indices, unravel(k, leading)),
        value=lambda k, c: read(values, (*unravel(k, leading), *unravel(c, width))),
    )


def reference(indices: np.ndarray, values: np.ndarray, *, rows: int) -> np.ndarray:
    total = np.zeros((rows, *values.shape[indices.ndim :]), values.dtype)
    there = (indices >= 0) & (indices < rows)
    np.add.at(total, indices[there], values[there])
    return total


OP = Op(
    "scatter_rows", Family.SCATTER, type_rule, reference, gradient, scatter=scatter,
    flops=lambda node: node.inputs[1].type.count,
)  # fmt: skip
