"""Ops that fold a range of elements into one: what sum, max and their like share."""

from netc.compiler.ir.operation import OpError
from netc.compiler.ir.tensor import Shape, TensorType


def kept_shape(x: TensorType, axes: tuple[int, ...]) -> Shape:
    """The shape that is left when `axes` (each at most once, counted from 0) are folded away."""
    if len(set(axes)) != len(axes) or any(not 0 <= axis < len(x.shape) for axis in axes):
        raise OpError(f"{x} has no axes {axes} to fold")
    return tuple(size for axis, size in enumerate(x.shape) if axis not in axes)


def spread(build, value, like: TensorType, axes: tuple[int, ...]):
    """`value`, which lost `axes`, repeated along them again to the shape of `like`."""
    shape = tuple(1 if axis in axes else size for axis, size in enumerate(like.shape))
    return build.broadcast_to(build.reshape(value, shape=shape), like.shape)
