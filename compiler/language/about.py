"""The name of a function, a schedule, an initialiser or a source in; what it takes and does out."""

import inspect
from collections.abc import Iterable

from netc.compiler.language.choices import CHOICES
from netc.compiler.language.data import SOURCES
from netc.compiler.language.library import PRIMITIVES, WORDS
from netc.compiler.language.values import Choice, Primitive

NOT_ARGUMENTS = ("trace",)


def names() -> Iterable[str]:
    """Every name that `about` knows."""
    return [*PRIMITIVES, *CHOICES, *SOURCES]


def about(name: str) -> str | None:
    """A line with the parameters and their defaults, and what there is to say."""
    if name in PRIMITIVES:
        return about_function(PRIMITIVES[name])
    choice = CHOICES.get(name) or SOURCES.get(name)
    return about_choice(choice) if choice else None


def about_function(primitive: Primitive) -> str:
    parameters = inspect.signature(primitive.function).parameters.values()
    told = [
        parameter_text(one.name, one.default, one.default is not one.empty, one.kind)
        for one in parameters
        if one.name not in NOT_ARGUMENTS
    ]
    document = inspect.getdoc(primitive.function) or ""
    return "\n\n".join(filter(None, (f"{primitive.name}({', '.join(told)})", document)))


def parameter_text(name: str, default, has_default: bool, kind) -> str:
    if kind is inspect.Parameter.VAR_POSITIONAL:
        return f"{name}, ..."
    return f"{name}={shown(default)}" if has_default else name


def shown(value) -> str:
    """A default as the language writes it."""
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value if value in WORDS else f'"{value}"'
    return str(value)


def about_choice(choice: Choice) -> str:
    told = [
        name if default is None else f"{name}={shown(default)}"
        for name, default in choice.parameters
    ]
    takes = f"({', '.join(told)})" if told else ""
    return f"{choice.name}{takes}: {'an' if choice.group[0] in 'aeio' else 'a'} {choice.group}"
