"""Ops that fold a range of elements into one: what sum, max and their like share."""

from math import prod

import numpy as np

from netc.compiler.ir.operation import OpError
from netc.compiler.ir.tensor import Shape, TensorType, strides

BYTE = 256  # places that a byte can name


def kept_shape(x: TensorType, axes: tuple[int, ...]) -> Shape:
    """The shape that is left when `axes` (ascending, each once, counted from 0) are folded away."""
    if list(axes) != sorted(set(axes)) or any(not 0 <= axis < len(x.shape) for axis in axes):
        raise OpError(f"{x} has no axes {axes} to fold")
    return tuple(size for axis, size in enumerate(x.shape) if axis not in axes)


def folded_type(name: str, x: TensorType, axes: tuple[int, ...]) -> TensorType:
    """The type without `axes`, for an op that counts or compares numbers."""
    if x.dtype in ("bool", "u8"):
        raise OpError(f"{name} does not take {x.dtype}")
    return x.with_shape(kept_shape(x, axes))


def spread(build, value, like: TensorType, axes: tuple[int, ...]):
    """`value`, which lost `axes`, repeated along them again to the shape of `like`."""
    shape = tuple(1 if axis in axes else size for axis, size in enumerate(like.shape))
    return build.broadcast_to(build.reshape(value, shape=shape), like.shape)


def spread_to_first(build, value, chosen, like: TensorType, axes: tuple[int, ...]):
    """`value` at the element that `chosen` counts to along `axes`, 0 at the others. A byte is all
    that is kept of a place among few."""
    if not axes:
        return value
    sizes = tuple(like.shape[axis] for axis in axes)
    steps = strides(sizes)
    place = None
    for axis, step in zip(axes, steps, strict=True):
        along = build.multiply(build.iota(axis=axis, shape=like.shape), step)
        place = along if place is None else build.add(place, along)
    if prod(sizes) <= BYTE:
        place, chosen = build.cast(place, dtype="u8"), build.cast(chosen, dtype="u8")
    here = build.equal(place, spread(build, chosen, like, axes))
    return build.where(here, spread(build, value, like, axes), 0)


def axes_last(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """x with `axes` moved behind the others and joined into one."""
    kept = tuple(axis for axis in range(x.ndim) if axis not in axes)
    shape = tuple(x.shape[axis] for axis in kept)
    return x.transpose(*kept, *axes).reshape(*shape, prod(x.shape[axis] for axis in axes))
