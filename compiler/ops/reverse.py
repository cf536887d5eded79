"""reverse(x): the elements of each of `axes` in the opposite order."""

import numpy as np

from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import TensorType


def type_rule(x: TensorType, *, axes: tuple[int, ...]) -> TensorType:
    if any(not 0 <= axis < len(x.shape) for axis in axes):
        raise OpError(f"{x} has no axes {axes} to reverse")
    return x


def gradient(build, node, upstream):
    return (build.reverse(upstream, axes=node.named["axes"]),)


def element(node, read, index):
    (x,) = node.inputs
    places = (
        i * -1 + (x.type.shape[axis] - 1) if axis in node.named["axes"] else i
        for axis, i in enumerate(index)
    )
    return read(x, tuple(places))


def reference(x: np.ndarray, *, axes: tuple[int, ...]) -> np.ndarray:
    return np.flip(x, axes)


OP = Op("reverse", Family.MAP, type_rule, reference, gradient, element, moves_only=True)
