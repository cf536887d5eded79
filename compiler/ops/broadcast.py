"""broadcast(x): x repeated along axes of size 1 and along new leading axes, as in NumPy."""

import numpy as np

from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import Shape, TensorType
from netc.compiler.scalar.index import Index


def type_rule(x: TensorType, *, shape: Shape) -> TensorType:
    tail = shape[len(shape) - len(x.shape) :]
    if len(tail) != len(x.shape) or any(
        a not in (1, b) for a, b in zip(x.shape, tail, strict=True)
    ):
        raise OpError(f"{x} does not broadcast to {list(shape)}")
    return x.with_shape(shape)


def gradient(build, node, upstream):
    (x,) = node.inputs
    new = len(node.output.type.shape) - len(x.type.shape)
    stretched = tuple(
        axis
        for axis, size in enumerate(node.output.type.shape)
        if axis < new or (x.type.shape[axis - new] == 1 and size != 1)
    )
    total = build.sum(upstream, axes=stretched) if stretched else upstream
    return (build.reshape(total, shape=x.type.shape),)


def element(node, read, index):
    (x,) = node.inputs
    tail = index[len(index) - len(x.type.shape) :]
    return read(
        x, tuple(Index() if size == 1 else i for size, i in zip(x.type.shape, tail, strict=True))
    )


def reference(x: np.ndarray, *, shape: Shape) -> np.ndarray:
    return np.broadcast_to(x, shape)


OP = Op("broadcast", Family.MAP, type_rule, reference, gradient, element, moves_only=True)
