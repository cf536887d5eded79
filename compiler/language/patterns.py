"""Types in signatures: the first argument that has a name decides it, the others are checked."""

from typing import Any

from netc.compiler.diagnostics import Label, nearest
from netc.compiler.ir.tensor import SIZES, TensorType
from netc.compiler.language.limits import LimitError, check_shape
from netc.compiler.language.trace import Frame, Trace
from netc.compiler.language.values import Argument, Word, describe, is_number, is_tensor, is_whole
from netc.compiler.syntax import tree


def spell(pattern: tree.TypePattern) -> str:
    """The pattern as it is written: `f32[N, ..., C]`."""
    sizes = ", ".join(
        "..." if isinstance(dimension, tree.Ellipsis_) else dimension.span.text
        for dimension in pattern.dimensions
    )
    return f"{pattern.dtype.text if pattern.dtype else ''}[{sizes}]"


def bind(
    trace: Trace, frame: Frame, owner: str, parameter: tree.Parameter, given: Argument
) -> None:
    """Check one argument against its parameter's pattern and bind the names in it.

    `frame` is the callee's; the innermost frame is still the caller's, where errors are shown.
    """
    pattern = parameter.type
    wanted = spell(pattern)
    name, found = parameter.name.text, describe(given.value)
    if not is_tensor(given.value):
        raise trace.fail(
            "E0203",
            f"`{owner}` expects {wanted} for `{name}` but got {found}",
            given.span,
            help=missing_tensor_hint(owner, given.value),
        )
    check_dtype(trace, owner, pattern, given)
    shape = given.value.type.shape
    dimensions = align(pattern, shape)
    if dimensions is None:
        raise trace.fail(
            "E0203",
            f"`{owner}` expects {wanted} but got {brief(given.value.type)}",
            given.span,
            f"this is {given.value.type}",
            trace.birth(given.value),
            trace.chain(given.value),
            rank_hint(pattern, shape),
        )
    for axis, dimension in dimensions:
        bind_dimension(trace, frame, owner, parameter, given, axis, dimension)


def brief(kind: TensorType) -> str:
    return str(kind) if kind.shape else "a scalar"


def missing_tensor_hint(owner: str, value: Any) -> str:
    return f"pipe a tensor into it: `x -> {owner}(...)`" if is_number(value) else ""


def rank_hint(pattern: tree.TypePattern, shape: tuple[int, ...]) -> str:
    axes = len(pattern.dimensions)
    if not shape:
        return "name the axes to reduce: `sum(x, axis=-1)`"
    if axes == 2 and len(shape) > 2:
        return "make it two axes with `flatten` first"
    if len(shape) == axes - 1:
        return "a new axis of size 1 is `x[..., None]`"
    return ""


def check_dtype(trace: Trace, owner: str, pattern: tree.TypePattern, given: Argument) -> None:
    if pattern.dtype is None:
        return
    wanted = dtype_of(trace, pattern)
    found = given.value.type.dtype
    if wanted != found:
        raise trace.fail(
            "E0205",
            f"`{owner}` expects {spell(pattern)} but got {given.value.type}",
            given.span,
            f"the elements are {found}",
            trace.birth(given.value),
            trace.chain(given.value),
            f"convert it: `cast(x, {wanted})`",
        )


def dtype_of(trace: Trace, pattern: tree.TypePattern) -> str:
    """The element type that a pattern names; f32 where it names none."""
    if pattern.dtype is None:
        return "f32"
    if pattern.dtype.text not in SIZES:
        close = nearest(pattern.dtype.text, SIZES)
        raise trace.fail(
            "E0325",
            f"there is no element type `{pattern.dtype.text}`",
            pattern.dtype.span,
            help=f"did you mean `{close}`?" if close else f"the types are {', '.join(SIZES)}",
        )
    return pattern.dtype.text


def align(pattern: tree.TypePattern, shape: tuple[int, ...]):
    """(axis, dimension) pairs, those under `...` left out; None where the ranks do not fit."""
    dimensions = pattern.dimensions
    dots = [i for i, one in enumerate(dimensions) if isinstance(one, tree.Ellipsis_)]
    if not dots:
        return list(enumerate(dimensions)) if len(dimensions) == len(shape) else None
    before, after = dimensions[: dots[0]], dimensions[dots[0] + 1 :]
    if len(before) + len(after) > len(shape):
        return None
    start = len(shape) - len(after)
    return [*enumerate(before), *enumerate(after, start)]


def bind_dimension(trace, frame, owner, parameter, given, axis: int, dimension) -> None:
    size = given.value.type.shape[axis]
    text = dimension.span.text
    if isinstance(dimension, tree.Name):
        if dimension.text == "_":
            return
        if not is_known(frame, dimension.text):
            frame.names[dimension.text] = size
            frame.bound[dimension.text] = Label(given.span, f"{text} is {size} here")
            return
    with trace.inside(frame):
        expected = trace.evaluate(dimension)
    if expected == size and is_whole(expected):
        return
    shown = text if text == str(expected) else f"{text} = {describe_size(expected)}"
    bound = frame.bound.get(text)
    raise trace.fail(
        "E0204",
        f"`{owner}` expects {spell(parameter.type)} with {shown} but got {given.value.type}"
        if text != str(expected)
        else f"`{owner}` expects {spell(parameter.type)} but got {given.value.type}",
        given.span,
        f"axis {axis} is {size}",
        ((bound,) if bound else (Label(dimension.span, "expected here"),))
        + trace.birth(given.value),
        trace.chain(given.value),
    )


def describe_size(value: Any) -> str:
    return str(value) if is_number(value) else describe(value)


def is_known(frame: Frame, name: str) -> bool:
    return name in frame.names or name in frame.module.names


def tensor_type(trace: Trace, pattern: tree.TypePattern) -> TensorType:
    """The type that a pattern stands for when every name in it is known."""
    sizes = []
    for dimension in pattern.dimensions:
        dots = isinstance(dimension, tree.Ellipsis_)
        size = Word("...") if dots else trace.evaluate(dimension)
        if not is_whole(size):
            raise trace.fail(
                "E0216",
                f"a dimension is a whole number, `{dimension.span.text}` is {describe(size)}",
                dimension.span,
            )
        sizes.append(size)
    try:
        check_shape(tuple(sizes))
    except LimitError as error:
        raise trace.fail(error.code, str(error), pattern.span) from None
    return TensorType(dtype_of(trace, pattern), tuple(sizes))
