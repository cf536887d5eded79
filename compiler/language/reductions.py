"""Functions that fold axes: sum, mean, var, max, min, prod, argmax, argmin."""

from collections.abc import Callable
from math import prod
from typing import Any

from netc.compiler.ir.graph import Value
from netc.compiler.language.arguments import Tensor, Truth, Whole, Wholes, wholes
from netc.compiler.language.elementwise import as_tensor, cast
from netc.compiler.language.shapes import axis_of
from netc.compiler.language.trace import Trace

ALL: tuple[int, ...] = ()
MOST_PAIRS = 64  # places along an axis whose running sum is one of all pairs of them
BLOCK = 32


def axes_of(trace: Trace, x: Value, axis: Any) -> tuple[int, ...]:
    """The axes to fold, counted from the front and sorted; all of them where none is named."""
    axes = sorted({axis_of(trace, x, one) for one in wholes(axis)})
    if len(axes) != len(wholes(axis)):
        raise trace.fail("E0208", f"{axis} names an axis of {x.type} twice", trace.place("axis"))
    return tuple(axes) or tuple(range(len(x.type.shape)))


def kept(trace: Trace, x: Value, folded: Value, axes: tuple[int, ...], keep: bool) -> Value:
    """The result, with the folded axes as axes of size 1 where they are kept."""
    if not keep:
        return folded
    shape = tuple(1 if axis in axes else size for axis, size in enumerate(x.type.shape))
    return folded if shape == folded.type.shape else trace.build.reshape(folded, shape=shape)


def whole_or_float(trace: Trace, x: Value) -> Value:
    return cast(trace, x, "i32") if x.type.dtype in ("bool", "u8") else x


def as_float(trace: Trace, x: Value) -> Value:
    return x if x.type.is_float else cast(trace, x, "f32")


def fold(op: str, prepare: Callable[[Trace, Value], Value]):
    """The language's function for an op that folds axes."""

    def function(trace: Trace, x: Tensor, axis: Wholes = ALL, keep: Truth = False) -> Value:
        axes = axes_of(trace, x, axis)
        x = prepare(trace, x)
        return kept(trace, x, trace.build.apply(op, x, axes=axes), axes, keep)

    return function


def mean(trace: Trace, x: Tensor, axis: Wholes = ALL, keep: Truth = False) -> Value:
    axes = axes_of(trace, x, axis)
    x = as_float(trace, x)
    total = trace.build.sum(x, axes=axes)
    count = prod(x.type.shape[one] for one in axes)
    average = trace.build.divide(total, as_tensor(trace, count, total.type))
    return kept(trace, x, average, axes, keep)


def var(trace: Trace, x: Tensor, axis: Wholes = ALL, keep: Truth = False) -> Value:
    """The mean squared distance from the mean: divides by the count.

    The distances sum to zero, so that no gradient flows through the mean: it is stopped there.
    """
    x = as_float(trace, x)
    center = trace.build.stop_gradient(mean(trace, x, axis, keep=True))
    distance = trace.build.subtract(x, center)
    return mean(trace, trace.build.multiply(distance, distance), axis, keep)


def cumsum(trace: Trace, x: Tensor, axis: Whole = -1) -> Value:
    """The sum of each element and all before it along an axis."""
    at = axis_of(trace, x, axis)
    x = whole_or_float(trace, x)
    rank = len(x.type.shape)
    if at == rank - 1:
        return running_sum(trace, x)
    axes = (*range(at), *range(at + 1, rank), at)
    last = running_sum(trace, trace.build.transpose(x, axes=axes))
    return trace.build.transpose(last, axes=(*range(at), rank - 1, *range(at, rank - 1)))


def running_sum(trace: Trace, x: Value) -> Value:
    """Along the last axis: in blocks of it, then over the sums of the blocks, and both added."""
    build, (*rest, size) = trace.build, x.type.shape
    if size <= MOST_PAIRS:
        return short_running_sum(trace, x)
    count = -(-size // BLOCK)
    none, one = (0,) * len(rest), (1,) * len(rest)
    grown = build.pad(x, low=(*none, 0), high=(*none, count * BLOCK - size), value=0.0)
    blocks = build.reshape(grown, shape=(*rest, count, BLOCK))
    ends = build.sum(blocks, axes=(len(rest) + 1,))
    ends = build.slice(ends, starts=(*none, 0), stops=(*rest, count - 1), steps=(*one, 1))
    before = running_sum(trace, build.pad(ends, low=(*none, 1), high=(*none, 0), value=0.0))
    before = build.reshape(before, shape=(*rest, count, 1))
    total = build.add(short_running_sum(trace, blocks), before)
    total = build.reshape(total, shape=(*rest, count * BLOCK))
    return build.slice(total, starts=(*none, 0), stops=(*rest, size), steps=(*one, 1))


def short_running_sum(trace: Trace, x: Value) -> Value:
    """Along the last axis, as the sum over all pairs of places in order."""
    build, (*rest, size) = trace.build, x.type.shape
    pairs, at = (*rest, size, size), len(rest)  # [.., from, to]
    first, last = build.iota(axis=at, shape=pairs), build.iota(axis=at + 1, shape=pairs)
    apart = build.broadcast_to(build.reshape(x, shape=(*rest, size, 1)), pairs)
    return build.sum(build.where(build.less_equal(first, last), apart, 0), axes=(at,))


FUNCTIONS = {
    "cumsum": cumsum,
    "sum": fold("sum", whole_or_float),
    "mean": mean,
    "var": var,
    "max": fold("max", whole_or_float),
    "min": fold("min", whole_or_float),
    "prod": fold("product", whole_or_float),
    "argmax": fold("argmax", whole_or_float),
    "argmin": fold("argmin", whole_or_float),
}
