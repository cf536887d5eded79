"""What functions written in Python take: kinds of arguments, and matching them to parameters."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from netc.compiler.diagnostics import nearest
from netc.compiler.ir.graph import Value
from netc.compiler.ir.tensor import SIZES
from netc.compiler.language.trace import Trace
from netc.compiler.language.values import (
    Argument,
    List,
    Primitive,
    Word,
    describe,
    is_number,
    is_tensor,
    is_whole,
    items_of,
)


@dataclass(frozen=True)
class Kind:
    """What an argument must be: words for a message and a test."""

    expected: str
    accepts: Callable[[Any], bool]


def is_wholes(value: Any) -> bool:
    items = items_of(value)
    return is_whole(value) or (items is not None and all(is_whole(item) for item in items))


def is_dtype(value: Any) -> bool:
    return isinstance(value, Word) and value.text in SIZES


def is_tensors(value: Any) -> bool:
    return is_tensor(value) or isinstance(value, List | tuple)


Tensor = Annotated[Value, Kind("a tensor", is_tensor)]
Operand = Annotated[Any, Kind("a tensor or a number", lambda v: is_tensor(v) or is_number(v))]
Tensors = Annotated[Any, Kind("tensors or a list of them", is_tensors)]
Number = Annotated[float, Kind("a number", is_number)]
Whole = Annotated[int, Kind("a whole number", is_whole)]
Wholes = Annotated[Any, Kind("a whole number or a tuple of them", is_wholes)]
Truth = Annotated[bool, Kind("true or false", lambda value: isinstance(value, bool))]
DataType = Annotated[Word, Kind(f"one of {' '.join(SIZES)}", is_dtype)]
Text = Annotated[str, Kind("a string", lambda value: isinstance(value, str))]
Anything = Annotated[Any, Kind("anything", lambda value: True)]


def wholes(value: Any) -> tuple[int, ...]:
    """A whole number or a tuple of them as a tuple."""
    return (value,) if is_whole(value) else tuple(items_of(value) or ())


@dataclass(frozen=True)
class Signature:
    """The names of a function's arguments, those that it needs, and whether more may follow."""

    owner: str
    names: tuple[str, ...]
    required: tuple[str, ...]
    rest: str | None = None


def signature_of(primitive: Primitive) -> Signature:
    """The signature of a primitive: its Python parameters after `trace`."""
    parameters = tuple(inspect.signature(primitive.function).parameters.values())[1:]
    rest = [one.name for one in parameters if one.kind is one.VAR_POSITIONAL]
    named = [one for one in parameters if one.kind is not one.VAR_POSITIONAL]
    required = tuple(one.name for one in named if one.default is one.empty)
    names = tuple(one.name for one in named)
    return Signature(primitive.name, names, required, rest[0] if rest else None)


def match(
    trace: Trace, signature: Signature, arguments: tuple[Argument, ...]
) -> tuple[dict[str, Argument], tuple[Argument, ...]]:
    """Arguments by the name of their parameter, and the ones that follow."""
    found: dict[str, Argument] = {}
    positional = [argument for argument in arguments if argument.name is None]
    first_named = signature.names if signature.rest is None else ()
    if signature.rest is not None:
        first_named = signature.names[: len(signature.required)]
    for name, argument in zip(first_named, positional, strict=False):
        found[name] = argument
    following = tuple(positional[len(first_named) :])
    if following and signature.rest is None:
        raise too_many(trace, signature, following, len(positional))
    for argument in arguments:
        if argument.name is not None:
            add_named(trace, signature, found, argument)
    missing = [name for name in signature.required if name not in found]
    if missing:
        raise trace.fail(
            "E0304",
            f"`{signature.owner}` needs `{missing[0]}`",
            help=f"it takes {signature.owner}({', '.join(signature.names)})",
        )
    return found, following


def too_many(trace: Trace, signature: Signature, following, given: int):
    takes = ", ".join(signature.names)
    return trace.fail(
        "E0305",
        f"`{signature.owner}` takes {counted(len(signature.names))}, got {given}",
        following[0].span,
        "this one is too many",
        help=f"it takes {signature.owner}({takes})",
    )


def counted(arguments: int) -> str:
    return "1 argument" if arguments == 1 else f"at most {arguments} arguments"


def add_named(trace: Trace, signature: Signature, found, argument: Argument) -> None:
    name = argument.name
    if name not in signature.names:
        close = nearest(name, signature.names)
        takes = f"it takes {signature.owner}({', '.join(signature.names)})"
        raise trace.fail(
            "E0303",
            f"`{signature.owner}` has no argument `{name}`",
            argument.span,
            help=f"did you mean `{close}`?" if close else takes,
        )
    if name in found:
        raise trace.fail("E0306", f"`{signature.owner}` got `{name}` twice", argument.span)
    found[name] = argument


def call_primitive(trace: Trace, primitive: Primitive, arguments: tuple[Argument, ...]) -> Any:
    """Check the arguments against the annotations and run the function."""
    found, following = match(trace, signature_of(primitive), arguments)
    parameters = inspect.signature(primitive.function).parameters
    for name, argument in found.items():
        check_kind(trace, primitive.name, name, argument, parameters[name])
    rest = [one for one in parameters.values() if one.kind is one.VAR_POSITIONAL]
    for argument in following:
        check_kind(trace, primitive.name, rest[0].name, argument, rest[0])
    before = trace.argument_spans
    trace.argument_spans = {name: argument.span for name, argument in found.items()}
    try:
        values = {name: argument.value for name, argument in found.items()}
        if following:
            leading = [values.pop(name) for name in signature_of(primitive).required]
            return primitive.function(
                trace, *leading, *(argument.value for argument in following), **values
            )
        return primitive.function(trace, **values)
    finally:
        trace.argument_spans = before


def check_kind(trace: Trace, owner: str, name: str, argument: Argument, parameter) -> None:
    kind: Kind = parameter.annotation.__metadata__[0]
    is_default = argument.value is parameter.default
    if not is_default and not kind.accepts(argument.value):
        raise trace.fail(
            "E0216" if is_tensor(argument.value) else "E0315",
            f"`{name}` of `{owner}` is {kind.expected}",
            argument.span,
            f"this is {describe(argument.value)}",
        )
