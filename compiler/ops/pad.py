"""pad(x): x with low[axis] elements of `value` before it and high[axis] after it.

With `steps`, neighbours of x lie steps[axis] apart, with `value` between them as well.
"""

import numpy as np

from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import Shape, TensorType
from netc.compiler.ops import constant
from netc.compiler.scalar.expression import Constant, Within, select


def type_rule(x: TensorType, *, low: Shape, high: Shape, value: float, steps: Shape = ()):
    steps = steps or (1,) * len(x.shape)
    if not len(x.shape) == len(low) == len(high) == len(steps):
        raise OpError(f"pad of {x} takes a number before and after each axis, got {low} and {high}")
    if min((*low, *high), default=0) < 0 or min(steps, default=1) < 1:
        raise OpError(f"pad of {x} takes no negative numbers, got {low} and {high}")
    constant.type_rule(value=value, dtype=x.dtype, shape=())
    return x.with_shape(
        tuple(
            before + (size - 1) * step + 1 + after
            for size, before, after, step in zip(x.shape, low, high, steps, strict=True)
        )
    )


def gradient(build, node, upstream):
    (x,) = node.inputs
    low, steps = node.named["low"], node.named.get("steps") or (1,) * len(x.type.shape)
    stops = tuple(
        before + (size - 1) * step + 1
        for before, size, step in zip(low, x.type.shape, steps, strict=True)
    )
    return (build.slice(upstream, starts=low, stops=stops, steps=steps),)


def element(node, read, index):
    (x,) = node.inputs
    low, steps = node.named["low"], node.named.get("steps") or (1,) * len(x.type.shape)
    conditions, places = [], []
    for i, size, before, step in zip(index, x.type.shape, low, steps, strict=True):
        shifted = i - before
        places.append(shifted // step)
        conditions += [Within(shifted % step, 0, 1), Within(places[-1], 0, size)]
    outside = Constant(node.named["value"], x.type.dtype)
    return select(tuple(conditions), read(x, tuple(places)), outside)


def reference(x: np.ndarray, *, low: Shape, high: Shape, value: float, steps: Shape = ()):
    steps = steps or (1,) * x.ndim
    ends = [
        before + (size - 1) * step + 1
        for size, before, step in zip(x.shape, low, steps, strict=True)
    ]
    whole = np.full([end + after for end, after in zip(ends, high, strict=True)], value, x.dtype)
    whole[tuple(map(slice, low, ends, steps))] = x
    return whole


OP = Op("pad", Family.MAP, type_rule, reference, gradient, element, moves_only=True)
