"""Functions that move elements without computing: reshape, transpose, concat, split, pad."""

from math import prod
from typing import Any

from netc.compiler.ir.graph import Value
from netc.compiler.language.arguments import (
    Anything,
    Number,
    Operand,
    Tensor,
    Tensors,
    Whole,
    Wholes,
    wholes,
)
from netc.compiler.language.elementwise import cast, common_dtype, typed
from netc.compiler.language.trace import Trace
from netc.compiler.language.values import (
    Word,
    describe,
    is_number,
    is_tensor,
    is_whole,
    items_of,
)
from netc.compiler.language.window_sizes import check_fits, paddings, pair


def axis_of(trace: Trace, x: Value, axis: int, name: str = "axis") -> int:
    """An axis counted from the front; a negative one counts from the back."""
    rank = len(x.type.shape)
    if not -rank <= axis < rank:
        has = f"it has axes {-rank} to {rank - 1}" if rank else "it is a scalar"
        raise trace.fail(
            "E0208",
            f"{x.type} has no axis {axis}",
            trace.place(name),
            has,
            trace.birth(x),
            trace.chain(x),
        )
    return axis % rank


def sizes_of(trace: Trace, sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes given one by one or as one tuple."""
    flat = items_of(sizes[0]) if len(sizes) == 1 and items_of(sizes[0]) is not None else sizes
    for size in flat:
        if not is_whole(size):
            raise trace.fail("E0315", f"a shape is made of whole numbers, not {describe(size)}")
    return tuple(flat)


def reshape(trace: Trace, x: Tensor, *sizes: Wholes) -> Value:
    """The same elements under another shape; one size may be -1 and is worked out."""
    shape = sizes_of(trace, sizes)
    if shape.count(-1) == 1 and 0 not in shape:
        known = prod(size for size in shape if size != -1)
        if x.type.count % known == 0:
            shape = tuple(x.type.count // known if size == -1 else size for size in shape)
    if any(size < 1 for size in shape) or prod(shape) != x.type.count:
        raise trace.fail(
            "E0207",
            f"{x.type} has {x.type.count} elements, which do not fill {list(shape)}",
            None,
            "",
            trace.birth(x),
            trace.chain(x),
        )
    return x if shape == x.type.shape else trace.build.reshape(x, shape=shape)


def transpose(trace: Trace, x: Tensor, axes: Wholes = ()) -> Value:
    """The axes in another order; without `axes` the last two change places."""
    rank = len(x.type.shape)
    order = tuple(axis_of(trace, x, axis, "axes") for axis in wholes(axes))
    if not order:
        axis_of(trace, x, -2, "x")
        order = (*range(rank - 2), rank - 1, rank - 2)
    if sorted(order) != list(range(rank)):
        raise trace.fail(
            "E0208", f"`axes` names each axis of {x.type} once, got {order}", trace.place("axes")
        )
    return trace.build.transpose(x, axes=order)


def tensors_of(trace: Trace, given: tuple[Any, ...], name: str) -> tuple[Value, ...]:
    """Tensors given one by one or as one list, of one type."""
    flat = items_of(given[0]) if len(given) == 1 and not is_tensor(given[0]) else given
    if not flat:
        raise trace.fail("E0315", f"`{name}` takes at least one tensor")
    for value in flat:
        if not is_tensor(value):
            raise trace.fail("E0315", f"`{name}` takes tensors, not {describe(value)}")
    dtypes = {value.type.dtype for value in flat}
    dtype = dtypes.pop() if len(dtypes) == 1 else common_dtype(tuple(flat), to_float=False)
    return tuple(cast(trace, value, dtype) for value in flat)


def concat(trace: Trace, *tensors: Tensors, axis: Whole = -1) -> Value:
    values = tensors_of(trace, tensors, "concat")
    at = axis_of(trace, values[0], axis)
    first = values[0].type.shape
    for value in values[1:]:
        shape = value.type.shape
        if len(shape) != len(first) or any(
            a != b for i, (a, b) in enumerate(zip(shape, first, strict=True)) if i != at
        ):
            raise trace.fail(
                "E0224",
                f"`concat` along axis {axis} takes tensors that are equal elsewhere, "
                f"got {values[0].type} and {value.type}",
                None,
                "",
                trace.birth(values[0]) + trace.birth(value),
            )
    return values[0] if len(values) == 1 else trace.build.concat(*values, axis=at)


def flip(trace: Trace, x: Tensor, axis: Wholes) -> Value:
    """The elements along the axes in the opposite order."""
    axes = tuple(sorted({axis_of(trace, x, one) for one in wholes(axis)}))
    return trace.build.reverse(x, axes=axes)


def stack(trace: Trace, *tensors: Tensors, axis: Whole = 0) -> Value:
    """Tensors of one shape side by side along a new axis."""
    values = tensors_of(trace, tensors, "stack")
    shape = values[0].type.shape
    for value in values:
        if value.type.shape != shape:
            raise trace.fail(
                "E0224",
                f"`stack` takes tensors of one shape, got {values[0].type} and {value.type}",
                None,
                "",
                trace.birth(values[0]) + trace.birth(value),
            )
    rank = len(shape) + 1
    if not -rank <= axis < rank:
        raise trace.fail("E0208", f"the result has no axis {axis}", trace.place("axis"))
    at = axis % rank
    apart = tuple(trace.build.reshape(one, shape=(*shape[:at], 1, *shape[at:])) for one in values)
    return apart[0] if len(apart) == 1 else trace.build.concat(*apart, axis=at)


def split(trace: Trace, x: Tensor, parts: Wholes, axis: Whole = -1) -> tuple[Value, ...]:
    """Equal parts along an axis, or parts of the sizes in a tuple."""
    at = axis_of(trace, x, axis)
    size = x.type.shape[at]
    if is_whole(parts):
        if parts < 1 or size % parts:
            raise trace.fail(
                "E0210",
                f"axis {axis} of {x.type} has size {size}, which {parts} parts do not share evenly",
                trace.place("parts"),
                "",
                trace.birth(x),
            )
        sizes = (size // parts,) * parts
    else:
        sizes = wholes(parts)
        if sum(sizes) != size or min(sizes, default=0) < 1:
            raise trace.fail(
                "E0210",
                f"parts of {list(sizes)} do not add up to the {size} of axis {axis}",
                trace.place("parts"),
            )
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return tuple(
        piece(trace, x, at, start, start + length)
        for start, length in zip(starts, sizes, strict=True)
    )


def piece(trace: Trace, x: Value, axis: int, start: int, stop: int) -> Value:
    shape = x.type.shape
    if (start, stop) == (0, shape[axis]):
        return x
    starts = tuple(start if i == axis else 0 for i in range(len(shape)))
    stops = tuple(stop if i == axis else size for i, size in enumerate(shape))
    return trace.build.slice(x, starts=starts, stops=stops, steps=(1,) * len(shape))


def slice_function(trace: Trace, x: Tensor, start: Whole, stop: Whole, axis: Whole = -1) -> Value:
    """The part of one axis from start up to, not including, stop; -1 is the last."""
    at = axis_of(trace, x, axis)
    begin, end, _ = slice(start, stop).indices(x.type.shape[at])
    if begin >= end:
        raise trace.fail("E0209", f"{start} to {stop} of axis {axis} of {x.type} is empty")
    return piece(trace, x, at, begin, end)


def pad(trace: Trace, x: Tensor, amount: Anything, value: Number = 0) -> Value:
    """Elements of `value` around x: one (before, after) for each axis, or a list of pairs."""
    pairs = items_of(amount)
    rank = len(x.type.shape)
    if is_whole(amount):
        pairs = ((amount, amount),) * rank
    elif (
        pairs is not None and len(pairs) == 2 and all(is_whole(one) for one in pairs) and rank == 1
    ):
        pairs = (pairs,)
    flat = [tuple(items_of(one) or ()) for one in pairs or ()]
    right = len(flat) == rank and all(
        len(one) == 2 and all(is_whole(size) and size >= 0 for size in one) for one in flat
    )
    if not right:
        raise trace.fail(
            "E0315",
            f"`amount` of `pad` is a pair (before, after) for each of the {rank} axes of {x.type}",
            trace.place("amount"),
            f"this is {describe(amount)}",
        )
    low, high = tuple(one[0] for one in flat), tuple(one[1] for one in flat)
    return trace.build.pad(x, low=low, high=high, value=typed(trace, value, x.type.dtype))


def gather(trace: Trace, table: Tensor, indices: Tensor) -> Value:
    """The row of the table that each whole number names: zeros where there is no such row."""
    if not table.type.shape:
        raise trace.fail(
            "E0203", f"`gather` expects a table [R, ...] but got {table.type}", trace.place("table")
        )
    if indices.type.dtype not in ("i32", "u8"):
        raise trace.fail(
            "E0315", "`indices` of `gather` are whole numbers", trace.place("indices"),
            f"this is {indices.type}",
        )  # fmt: skip
    return trace.build.gather(table, cast(trace, indices, "i32"))


def windows(
    trace: Trace,
    x: Tensor,
    size: Wholes,
    stride: Anything = None,
    pad: Anything = 0,
    dilation: Wholes = 1,
    fill: Number = 0,
) -> Value:
    """[N, H, W, C] -> [N, H', W', h, w, C]: the window at each place, `fill` outside."""
    if len(x.type.shape) != 4:
        raise trace.fail(
            "E0203", f"`windows` expects [N, H, W, C] but got {x.type}", trace.place("x")
        )
    window = pair(trace, "size", size)
    step = window if stride is None else pair(trace, "stride", stride)
    spread = pair(trace, "dilation", dilation)
    around = paddings(trace, pad, x.type.shape[1:3], window, step, spread)
    check_fits(trace, x.type.shape[1:3], window, step, around, spread)
    x = x if x.type.is_float else cast(trace, x, "f32")
    return trace.build.windows(
        x, size=window, stride=step, pad=around, dilation=spread, fill=float(fill)
    )


def shape(trace: Trace, x: Tensor) -> tuple[int, ...]:
    return x.type.shape


def rank(trace: Trace, x: Tensor) -> int:
    return len(x.type.shape)


def count(trace: Trace, x: Anything) -> int:
    """How many elements a tensor has, or items a list."""
    if is_tensor(x):
        return x.type.count
    if items_of(x) is None:
        raise trace.fail("E0315", f"`count` takes a tensor or a list, not {describe(x)}")
    return len(items_of(x))


def dtype(trace: Trace, x: Tensor) -> Word:
    return Word(x.type.dtype)


def is_float(trace: Trace, x: Operand) -> bool:
    return x.type.is_float if is_tensor(x) else isinstance(x, float)


def same_shape(trace: Trace, a: Operand, b: Operand) -> bool:
    """Whether two tensors have one shape; a number goes with any."""
    return is_number(a) or is_number(b) or a.type.shape == b.type.shape


def pair_function(trace: Trace, size: Wholes) -> tuple[int, int]:
    return pair(trace, "size", size)


def broadcast_to(trace: Trace, x: Tensor, *sizes: Wholes) -> Value:
    return trace.build.broadcast_to(x, sizes_of(trace, sizes))


FUNCTIONS = {
    "reshape": reshape,
    "transpose": transpose,
    "concat": concat,
    "stack": stack,
    "flip": flip,
    "split": split,
    "slice": slice_function,
    "pad": pad,
    "gather": gather,
    "windows": windows,
    "shape": shape,
    "rank": rank,
    "count": count,
    "dtype": dtype,
    "is_float": is_float,
    "same_shape": same_shape,
    "pair": pair_function,
    "broadcast_to": broadcast_to,
}
