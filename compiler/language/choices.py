"""Names with numbers to set, initialisers, schedules, optimizers, in; what they stand for out."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from netc.compiler.language.arguments import Signature, match
from netc.compiler.language.trace import Initializer, Trace
from netc.compiler.language.values import (
    Argument,
    Choice,
    Chosen,
    Primitive,
    Word,
    describe,
    is_number,
)
from netc.compiler.optimizers.table import OPTIMIZERS
from netc.compiler.schedules import SCHEDULES, Rate

INITIALISERS = (
    Choice("initialiser", "constant", (("value", None),)),
    Choice("initialiser", "normal", (("deviation", 0.05), ("mean", 0.0))),
    Choice("initialiser", "truncated_normal", (("deviation", 0.05), ("mean", 0.0))),
    Choice("initialiser", "uniform", (("low", -0.05), ("high", 0.05))),
    Choice("initialiser", "glorot_uniform"),
    Choice("initialiser", "glorot_normal"),
    Choice("initialiser", "he_uniform"),
    Choice("initialiser", "he_normal"),
    Choice("initialiser", "orthogonal", (("gain", 1.0),)),
)

CHOICES: Mapping[str, Choice] = MappingProxyType(
    {
        choice.name: choice
        for choice in (
            *(
                Choice("schedule", one.name, one.parameters)
                for one in SCHEDULES.values()
                if one.name != "constant"
            ),
            *(
                Choice("optimizer", one.name, (("lr", one.rate), *one.parameters))
                for one in OPTIMIZERS.values()
            ),
            *INITIALISERS,
        )
    }
)


def choose(trace: Trace, choice: Choice, arguments: tuple[Argument, ...]) -> Chosen:
    """Call a choice: its parameters checked to be of the kind of their defaults."""
    names = tuple(name for name, _ in choice.parameters)
    required = tuple(name for name, default in choice.parameters if default is None)
    found, _ = match(trace, Signature(choice.name, names, required), arguments)
    for name, default in choice.parameters:
        if name in found:
            check_setting(trace, choice, name, default, found[name])
    return Chosen(choice, tuple((name, found[name].value) for name in names if name in found))


def check_setting(trace: Trace, choice: Choice, name: str, default: Any, given: Argument) -> None:
    value = given.value
    if name == "lr":
        right, expected = is_number(value) or is_schedule(value), "a number or a schedule"
    elif isinstance(default, bool):
        right, expected = isinstance(value, bool), "true or false"
    elif choice.group == "data set" and (isinstance(default, str) or name == "path"):
        right, expected = isinstance(value, str), "a string"
    elif choice.group == "data set":
        right, expected = isinstance(value, int) and not isinstance(value, bool), "a whole number"
    else:
        takes_total = default == "total" and value == Word("total")
        right, expected = is_number(value) or takes_total, "a number"
    if not right:
        raise trace.fail(
            "E0315",
            f"`{name}` of `{choice.name}` is {expected}",
            given.span,
            f"this is {describe(value)}",
        )


def is_schedule(value: Any) -> bool:
    is_rate = isinstance(value, Chosen) and value.choice.group == "schedule"
    return is_rate or (isinstance(value, Chosen) and value.choice.name == "constant")


def rate_of(value: float | Chosen) -> Rate:
    """The learning rate that a number or a schedule stands for."""
    if not isinstance(value, Chosen):
        return Rate("constant", (("rate", float(value)),))
    if value.choice.name == "constant":
        return Rate("constant", (("rate", float(dict(value.given)["value"])),))
    return Rate(
        value.choice.name,
        tuple((name, "total" if one == Word("total") else one) for name, one in value.given),
    )


def initializer_of(trace: Trace, value: Any, shape: tuple[int, ...], span) -> Initializer:
    """What a weight of this shape starts with: an initialiser, called or not, or a number."""
    fan_in, fan_out = fans(shape)
    if is_number(value):
        return Initializer("constant", (("value", float(value)),), fan_in, fan_out)
    if isinstance(value, Primitive) and value.name in ("zeros", "ones"):
        return Initializer(value.name, (), fan_in, fan_out)
    if isinstance(value, Choice) and value.group == "initialiser":
        with trace.at(span):
            value = choose(trace, value, ())
    if not isinstance(value, Chosen) or value.choice.group != "initialiser":
        raise trace.fail(
            "E0315",
            "a weight starts with an initialiser",
            span,
            f"this is {describe(value)}",
            help="for example `zeros`, `normal(0.02)` or `glorot_uniform`",
        )
    if value.choice.name == "orthogonal" and len(shape) < 2:
        raise trace.fail("E0315", "an orthogonal weight has at least two axes", span)
    numbers = tuple((name, float(number)) for name, number in value.filled.items())
    return Initializer(value.choice.name, numbers, fan_in, fan_out)


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """(fan in, fan out) of a weight as Keras counts them: the last two axes are in and out."""
    if len(shape) < 2:
        size = shape[0] if shape else 1
        return size, size
    field = 1
    for size in shape[:-2]:
        field *= size
    return field * shape[-2], field * shape[-1]
