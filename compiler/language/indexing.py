"""`x[...]` as in NumPy: whole numbers, slices, `...` and None, on tensors, tuples and lists; and
tensors of whole numbers, on axes side by side of a tensor."""

from dataclasses import dataclass
from math import prod
from typing import Any

from netc.compiler.diagnostics import Span
from netc.compiler.ir.builder import broadcast_shape
from netc.compiler.ir.graph import Value
from netc.compiler.ir.tensor import TensorType
from netc.compiler.language.elementwise import cast
from netc.compiler.language.trace import Trace
from netc.compiler.language.values import List, describe, is_tensor, is_whole, items_of
from netc.compiler.syntax import tree


def index_items(trace: Trace, value: Any, items: tuple) -> Any:
    """An item of a tuple, list or range, or a slice of it."""
    if len(items) != 1 or isinstance(items[0], tree.Ellipsis_ | tree.NewAxis):
        raise trace.fail("E0209", f"{describe(value)} takes one index")
    content = items_of(value)
    if isinstance(items[0], tree.Slice):
        part = content[bounds(trace, items[0])]
        return List(part) if isinstance(value, List) else part
    position = whole(trace, items[0])
    if not -len(content) <= position < len(content):
        raise trace.fail("E0209", f"{describe(value)} has no item {position}", items[0].span)
    return content[position]


def index_tensor(trace: Trace, x: Value, items: tuple) -> Value:
    """Slices first, then the axes that a number took away and the new ones by a reshape."""
    shape = x.type.shape
    taken = [item for item in items if not isinstance(item, tree.Ellipsis_ | tree.NewAxis)]
    dots = [item for item in items if isinstance(item, tree.Ellipsis_)]
    if len(dots) > 1:
        raise trace.fail("E0209", "an index has one `...` at most", dots[1].span)
    if len(taken) > len(shape):
        raise trace.fail(
            "E0209",
            f"{len(taken)} indices for {len(shape)} axes",
            None,
            f"indexes {x.type}",
            trace.birth(x),
        )
    starts, stops, steps, final = [], [], [], []
    axis = 0
    picks: list[tuple[int, Picked]] = []  # (axis of what the slices leave, what is taken of it)
    items = tuple(picked(trace, item) for item in items)
    for item in items if dots else (*items, None):
        if item is None or isinstance(item, tree.Ellipsis_):
            for size in shape[axis : axis + len(shape) - len(taken)]:
                starts, stops, steps = [*starts, 0], [*stops, size], [*steps, 1]
                final.append(size)
                axis += 1
        elif isinstance(item, tree.NewAxis):
            final.append(1)
        elif isinstance(item, Picked):
            picks.append((len(final), item))
            starts, stops, steps = [*starts, 0], [*stops, shape[axis]], [*steps, 1]
            final.append(shape[axis])
            axis += 1
        else:
            start, stop, step, kept = along(trace, x, axis, item)
            starts, stops, steps = [*starts, start], [*stops, stop], [*steps, step]
            final += kept
            axis += 1
    check_picks(trace, items, [place for place, _ in picks])
    rest = cut(trace, x, tuple(starts), tuple(stops), tuple(steps), tuple(final))
    return take(trace, rest, picks) if picks else rest


@dataclass(frozen=True)
class Picked:
    """An index that is a tensor of whole numbers."""

    index: Value
    span: Span


def picked(trace: Trace, item: Any) -> Any:
    """The item, evaluated where it is a tensor."""
    if item is None or isinstance(item, tree.Ellipsis_ | tree.NewAxis | tree.Slice):
        return item
    value = trace.evaluate(item)
    if not is_tensor(value):
        return item
    if value.type.dtype not in ("i32", "u8"):
        raise trace.fail(
            "E0315", "an index that is a tensor holds whole numbers", item.span,
            f"this is {value.type}",
            help="`where(condition, x, 0)` chooses by a condition"
            if value.type.dtype == "bool" else "",
        )  # fmt: skip
    return Picked(value, item.span)


def check_picks(trace: Trace, items: tuple, places: list[int]) -> None:
    """NumPy moves the axes of tensors that stand apart to the front, which surprises people."""
    if not places:
        return
    picks = [item for item in items if isinstance(item, Picked)]
    others = (Picked, tree.Slice, tree.NewAxis, tree.Ellipsis_)
    has_number = not all(isinstance(item, others) for item in items)
    if has_number or places != list(range(places[0], places[0] + len(places))):
        raise trace.fail(
            "E0209",
            "indices that are tensors stand side by side, without a number among the others",
            picks[-1].span,
            help="index twice: `x[0][:, index]`",
        )


def take(trace: Trace, x: Value, picks: list[tuple[int, Picked]]) -> Value:
    """The elements of x at the numbers that tensors name along some axes side by side.

    These axes are brought to the front and made one, whose rows are gathered. A negative number
    counts from the end; for a number outside of its axis there are zeros.
    """
    build, first, count = trace.build, picks[0][0], len(picks)
    sizes = x.type.shape[first : first + count]
    shape = broadcast_shape(*(one.index.type.shape for _, one in picks))
    rows = build.number(0, TensorType("i32", shape))
    inside = build.number(True, TensorType("bool", shape))
    for size, (_, one) in zip(sizes, picks, strict=True):
        number = cast(trace, one.index, "i32")
        number = build.where(build.less(number, 0), build.add(number, size), number)
        is_there = build.logical_and(build.greater_equal(number, 0), build.less(number, size))
        inside = build.logical_and(inside, is_there)
        rows = build.add(build.multiply(rows, size), number)
    rows = build.where(inside, rows, -1)
    axes = (*range(first, first + count), *range(first), *range(first + count, len(x.type.shape)))
    x = build.transpose(x, axes=axes) if first else x
    others = x.type.shape[count:]
    found = build.gather(build.reshape(x, shape=(prod(sizes), *others)), rows)
    rank = len(shape)
    back = (*range(rank, rank + first), *range(rank), *range(rank + first, rank + len(others)))
    return build.transpose(found, axes=back) if first else found


def along(trace: Trace, x: Value, axis: int, item: Any) -> tuple[int, int, int, list[int]]:
    """(start, stop, step, sizes that are left) of one index along an axis."""
    size = x.type.shape[axis]
    if isinstance(item, tree.Slice):
        start, stop, step = bounds(trace, item).indices(size)
        count = len(range(start, stop, step))
        if count == 0:
            raise trace.fail("E0209", f"this slice of axis {axis} of {x.type} is empty", item.span)
        return start, stop, step, [count]
    position = whole(trace, item)
    if not -size <= position < size:
        raise trace.fail(
            "E0209",
            f"axis {axis} of {x.type} has no index {position}",
            item.span,
            f"it has -{size} to {size - 1}",
            trace.birth(x),
        )
    position %= size
    return position, position + 1, 1, []


def cut(trace: Trace, x: Value, starts, stops, steps, final: tuple[int, ...]) -> Value:
    """The part of x under the shape that its indices leave; a backward axis is turned first."""
    shape = x.type.shape
    turned = tuple(axis for axis, step in enumerate(steps) if step < 0)
    for axis in turned:
        x = backwards(trace, x, axis)
    starts, stops, steps = (
        zip(
            *(
                (size - 1 - start, size - 1 - stop, -step) if step < 0 else (start, stop, step)
                for start, stop, step, size in zip(starts, stops, steps, shape, strict=True)
            ),
            strict=True,
        )
        if shape
        else ((), (), ())
    )
    whole_tensor = all(
        (start, step) == (0, 1) and stop == size
        for start, stop, step, size in zip(starts, stops, steps, shape, strict=True)
    )
    if not whole_tensor:
        x = trace.build.slice(x, starts=starts, stops=stops, steps=steps)
    return x if x.type.shape == final else trace.build.reshape(x, shape=final)


def backwards(trace: Trace, x: Value, axis: int) -> Value:
    return trace.build.reverse(x, axes=(axis,))


def bounds(trace: Trace, item: tree.Slice) -> slice:
    ends = [
        None if end is None else whole(trace, end) for end in (item.start, item.stop, item.step)
    ]
    if ends[2] == 0:
        raise trace.fail("E0209", "the step of a slice is not 0", item.span)
    return slice(*ends)


def whole(trace: Trace, expression: tree.Expression) -> int:
    value = trace.evaluate(expression)
    if is_whole(value):
        return value
    raise trace.fail(
        "E0209", "an index is a whole number", expression.span, f"this is {describe(value)}"
    )
