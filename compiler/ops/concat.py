"""concat(a, b, ...): the tensors one after another along `axis`; their other sizes are the same."""

from itertools import accumulate

import numpy as np

from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import TensorType
from netc.compiler.scalar.expression import Within, select


def type_rule(*parts: TensorType, axis: int) -> TensorType:
    first = parts[0]
    if not 0 <= axis < len(first.shape):
        raise OpError(f"concat has no axis {axis} in {first}")
    for other in parts:
        if other.dtype != first.dtype or around(other, axis) != around(first, axis):
            raise OpError(
                f"concat along axis {axis} takes equal other sizes, got {first} and {other}"
            )
    total = sum(part.shape[axis] for part in parts)
    return first.with_shape((*first.shape[:axis], total, *first.shape[axis + 1 :]))


def around(part: TensorType, axis: int) -> tuple[int, ...]:
    """The sizes of all other axes, with the axis itself as 0."""
    return (*part.shape[:axis], 0, *part.shape[axis + 1 :])


def offsets(node) -> tuple[int, ...]:
    """Where each part begins along the axis."""
    sizes = (part.type.shape[node.named["axis"]] for part in node.inputs)
    return tuple(accumulate(sizes, initial=0))[:-1]


def gradient(build, node, upstream):
    axis, rank = node.named["axis"], len(upstream.type.shape)
    return tuple(
        build.slice(
            upstream,
            starts=tuple(offset if a == axis else 0 for a in range(rank)),
            stops=tuple(
                size + offset if a == axis else size for a, size in enumerate(part.type.shape)
            ),
            steps=(1,) * rank,
        )
        for part, offset in zip(node.inputs, offsets(node), strict=True)
    )


def element(node, read, index):
    axis = node.named["axis"]
    chosen = None
    for part, offset in zip(reversed(node.inputs), reversed(offsets(node)), strict=True):
        place = index[axis] - offset
        here = read(part, (*index[:axis], place, *index[axis + 1 :]))
        before_end = Within(index[axis], 0, offset + part.type.shape[axis])
        chosen = here if chosen is None else select((before_end,), here, chosen)
    return chosen


def place(node, number, index):
    axis = node.named["axis"]
    return (*index[:axis], index[axis] + offsets(node)[number], *index[axis + 1 :])


def reference(*parts: np.ndarray, axis: int) -> np.ndarray:
    return np.concatenate(parts, axis)


OP = Op("concat", Family.MAP, type_rule, reference, gradient, element, place=place, moves_only=True)
