"""Every name that a program has without declaring it: primitives, words, the prelude's blocks."""

import functools
import re
from collections.abc import Iterable, Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from netc.compiler.diagnostics import Source
from netc.compiler.ir.tensor import SIZES
from netc.compiler.language import (
    attention,
    einsum,
    functions,
    products,
    reductions,
    shapes,
    sources,
    tallies,
)
from netc.compiler.language.choices import CHOICES
from netc.compiler.language.data import SOURCES
from netc.compiler.language.values import Block, Module, Primitive, Unsupported, Word
from netc.compiler.syntax import tree
from netc.compiler.syntax.parse import parse

WORDS = ("none", "same", "valid", "feed", "total", *SIZES)

UNSUPPORTED = (
    "ctc",
)  # fmt: skip

PRIMITIVES: Mapping[str, Primitive] = MappingProxyType(
    {
        name: Primitive(name, function)
        for group in (attention, einsum, functions, products, reductions, shapes, sources, tallies)
        for name, function in group.FUNCTIONS.items()
    }
)

NAMES: Mapping[str, Any] = MappingProxyType(
    {name: Unsupported(name) for name in UNSUPPORTED}
    | {word: Word(word) for word in WORDS}
    | {"infinity": float("inf"), "pi": 3.141592653589793}
    | CHOICES
    | SOURCES
    | PRIMITIVES
)


def lookup(name: str) -> Any:
    """What a name of the library means, or None."""
    if name in NAMES and not isinstance(NAMES[name], Unsupported):
        return NAMES[name]
    home = homes().get(name)
    return prelude(home).names[name] if home else NAMES.get(name)


def known_names() -> Iterable[str]:
    return [*NAMES, *homes()]


@functools.cache
def homes() -> Mapping[str, str]:
    """The prelude's file for each of its blocks, found without parsing it."""
    found = {}
    for file in sorted(files("netc.compiler.prelude").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".net"):
            for name in re.findall(r"^block (\w+)", file.read_text("utf-8"), re.MULTILINE):
                found[name] = file.name
    return MappingProxyType(found)


@functools.cache
def prelude(name: str) -> Module:
    """One file of the prelude."""
    text = files("netc.compiler.prelude").joinpath(name).read_text("utf-8")
    source = Source(f"prelude/{name}", text)
    names: dict[str, Any] = {}
    module = Module(source, names, prelude=True)
    for declaration in parse(source).declarations:
        if isinstance(declaration, tree.Block):
            names[declaration.name.text] = Block(declaration, module)
    return module


def prelude_text(name: str) -> str | None:
    """The source of a block of the prelude with the comment above it, or None."""
    home = homes().get(name)
    if home is None:
        return None
    span = prelude(home).names[name].declaration.span
    lines = prelude(home).source.lines
    start = span.line - 1
    while start > 0 and lines[start - 1].startswith("#"):
        start -= 1
    return "\n".join(lines[start : span.end_line]) + "\n"
