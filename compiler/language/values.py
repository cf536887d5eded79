"""What an expression can be worth while compiling: a tensor of the graph, or one of these."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from netc.compiler.diagnostics import Source, Span
from netc.compiler.ir.graph import Value
from netc.compiler.syntax import tree


@dataclass(frozen=True)
class Word:
    """A name that stands for itself: `same`, `none`, `f32`, `feed`."""

    text: str


class Size(int):
    """A whole number that messages call by a name: the batch of a program that is being checked."""

    name: str

    def __new__(cls, value: int, name: str) -> "Size":
        size = super().__new__(cls, value)
        size.name = name
        return size

    def __repr__(self) -> str:
        return self.name

    __str__ = __repr__


@dataclass(frozen=True)
class List:
    """`[a, b]`. Tuples are Python tuples, a range of numbers is a Python range."""

    items: tuple[Any, ...]


@dataclass(frozen=True)
class Poison:
    """What a failed statement leaves behind: reading it fails without another message."""


@dataclass(frozen=True)
class Unsupported:
    """A name of the library that is described but not built yet."""

    name: str


@dataclass(frozen=True)
class Primitive:
    """A Python function of the trace and arguments; its annotations say what it takes."""

    name: str
    function: Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Module:
    """One file: its tree and what its names mean. Names of the prelude and primitives lie below."""

    source: Source
    names: Mapping[str, Any]
    prelude: bool = False


@dataclass(frozen=True, eq=False)
class Block:
    """A `block` or a `net` and the module that its body sees."""

    declaration: tree.Block | tree.Net
    module: Module

    @property
    def name(self) -> str:
        return self.declaration.name.text

    @property
    def is_net(self) -> bool:
        return isinstance(self.declaration, tree.Net)


@dataclass(frozen=True)
class Argument:
    """One argument of a call: what it is worth, where it stands, and its name if it has one."""

    value: Any
    span: Span
    name: str | None = None


@dataclass(frozen=True, eq=False)
class Layer:
    """`layer name = block(arguments)`: arguments bound, and one place for the weights."""

    block: Block
    path: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True)
class Parts:
    """Something inside of a layer that has parts of its own."""

    path: str


@dataclass(frozen=True)
class Choice:
    """A name with numbers to set: an initialiser, a schedule, an optimizer, a data set.

    parameters: names in the order they are given, with defaults; None where the user must say.
    """

    group: str
    name: str
    parameters: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Chosen:
    """A Choice with what the user gave for its parameters and where the rest was left out."""

    choice: Choice
    given: tuple[tuple[str, Any], ...] = ()

    @property
    def filled(self) -> dict[str, Any]:
        return dict(self.choice.parameters) | dict(self.given)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_tensor(value: Any) -> bool:
    return isinstance(value, Value)


def items_of(value: Any) -> tuple[Any, ...] | range | None:
    """The items of a list, tuple or range; None for anything else."""
    if isinstance(value, List):
        return value.items
    return value if isinstance(value, tuple | range) else None


def describe(value: Any) -> str:
    """A value as a message names it."""
    if isinstance(value, Value):
        return f"{value.type}" if value.type.shape else f"{value.type}, a scalar"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f'the string "{value}"'
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    if isinstance(value, List):
        return f"a list of {len(value.items)}"
    if isinstance(value, range):
        return f"the range {value.start}..{value.stop}"
    return describe_thing(value)


def describe_thing(value: Any) -> str:
    if isinstance(value, Word):
        return f"`{value.text}`"
    if isinstance(value, Primitive | Unsupported):
        return f"the function `{value.name}`"
    if isinstance(value, Block):
        return f"the {'net' if value.is_net else 'block'} `{value.name}`"
    if isinstance(value, Layer | Parts):
        return f"the layer `{value.path}`"
    if isinstance(value, Choice):
        return f"the {value.group} `{value.name}`"
    if isinstance(value, Chosen):
        return describe_thing(value.choice)
    return f"{type(value).__name__.lower()}"
