"""reshape(x): the same elements in the same row-major order under another shape."""

from collections.abc import Iterator
from math import prod

import numpy as np

from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import Shape, TensorType
from netc.compiler.scalar.index import Index, linear, unravel


def type_rule(x: TensorType, *, shape: Shape) -> TensorType:
    if prod(shape) != x.count:
        raise OpError(f"{x} has {x.count} elements, and {list(shape)} has {prod(shape)}")
    return x.with_shape(shape)


def gradient(build, node, upstream):
    return (build.reshape(upstream, shape=node.inputs[0].type.shape),)


def matching_axes(old: Shape, new: Shape) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The fewest axes of `old` and of `new` that hold the same elements, from the left on.

    Axes of size 1 are left out: their index is 0.
    """
    before = [axis for axis, size in enumerate(old) if size != 1]
    after = [axis for axis, size in enumerate(new) if size != 1]
    while before:
        a, b = [before.pop(0)], [after.pop(0)]
        while (gap := prod(old[axis] for axis in a) - prod(new[axis] for axis in b)) != 0:
            if gap < 0:
                a.append(before.pop(0))
            else:
                b.append(after.pop(0))
        yield tuple(a), tuple(b)


def element(node, read, index):
    """Axes that keep their size keep their index, whatever becomes of the others."""
    (x,) = node.inputs
    old, new = x.type.shape, node.output.type.shape
    places = [Index()] * len(old)
    for a, b in matching_axes(old, new):
        position = linear(tuple(index[axis] for axis in b), tuple(new[axis] for axis in b))
        for axis, place in zip(a, unravel(position, tuple(old[i] for i in a)), strict=True):
            places[axis] = place
    return read(x, tuple(places))


def reference(x: np.ndarray, *, shape: Shape) -> np.ndarray:
    return np.reshape(x, shape)


OP = Op("reshape", Family.MAP, type_rule, reference, gradient, element, moves_only=True)
