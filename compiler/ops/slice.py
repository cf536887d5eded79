"""slice(x): the elements from starts[axis] up to stops[axis] by steps[axis], along each axis."""

import builtins

import numpy as np

from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import Shape, TensorType


def type_rule(x: TensorType, *, starts: Shape, stops: Shape, steps: Shape) -> TensorType:
    if not len(x.shape) == len(starts) == len(stops) == len(steps):
        raise OpError(f"slice of {x} takes bounds for each axis, got {starts}, {stops} and {steps}")
    bounds = tuple(zip(x.shape, starts, stops, steps, strict=True))
    for size, start, stop, step in bounds:
        if not 0 <= start < stop <= size or step < 1:
            raise OpError(f"{x} has no slice {start}:{stop}:{step} along an axis of {size}")
    return x.with_shape(tuple(-(-(stop - start) // step) for _, start, stop, step in bounds))


def gradient(build, node, upstream):
    starts, steps = node.named["starts"], node.named["steps"]
    after = tuple(
        size - start - (count - 1) * step - 1
        for size, start, count, step in zip(
            node.inputs[0].type.shape, starts, node.output.type.shape, steps, strict=True
        )
    )
    return (build.pad(upstream, low=starts, high=after, value=0, steps=steps),)


def element(node, read, index):
    starts, steps = node.named["starts"], node.named["steps"]
    places = (i * step + start for i, start, step in zip(index, starts, steps, strict=True))
    return read(node.inputs[0], tuple(places))


def reference(x: np.ndarray, *, starts: Shape, stops: Shape, steps: Shape) -> np.ndarray:
    return x[tuple(map(builtins.slice, starts, stops, steps))]


OP = Op("slice", Family.MAP, type_rule, reference, gradient, element, moves_only=True)
