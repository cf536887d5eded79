"""transpose(x): the axes in another order; output axis i is input axis axes[i]."""

import numpy as np

from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import TensorType


def type_rule(x: TensorType, *, axes: tuple[int, ...]) -> TensorType:
    if sorted(axes) != list(range(len(x.shape))):
        raise OpError(f"transpose of {x} takes each axis once, got {axes}")
    return x.with_shape(tuple(x.shape[axis] for axis in axes))


def inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(axes.index(axis) for axis in range(len(axes)))


def gradient(build, node, upstream):
    return (build.transpose(upstream, axes=inverse(node.named["axes"])),)


def element(node, read, index):
    back = inverse(node.named["axes"])
    return read(node.inputs[0], tuple(index[axis] for axis in back))


def reference(x: np.ndarray, *, axes: tuple[int, ...]) -> np.ndarray:
    return np.transpose(x, axes)


OP = Op("transpose", Family.MAP, type_rule, reference, gradient, element, moves_only=True)
