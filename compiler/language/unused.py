"""The declarations of a program in; warnings of names that nothing reads out."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from netc.compiler.diagnostics import Diagnostic
from netc.compiler.syntax import tree

KINDS = {tree.LayerDeclaration: "layer", tree.WeightDeclaration: "weight"}


def unused_names(declarations: tuple[Any, ...]) -> tuple[Diagnostic, ...]:
    """A warning for each layer, weight or variable of a body that is not read in it."""
    bodies = (tree.Block, tree.Net, tree.Train)
    return tuple(
        warning
        for one in declarations
        if isinstance(one, bodies)
        for warning in unused_in(one)
    )


def unused_in(body: tree.Block | tree.Net | tree.Train) -> Iterator[Diagnostic]:
    seen = Counter(name.text for name in parts(body, tree.Name))
    made = list(declared(body))
    times = Counter(name.text for _, name in made)
    told = set()
    for kind, name in made:
        if seen[name.text] > times[name.text] or name.text.startswith("_") or name.text in told:
            continue
        told.add(name.text)
        yield Diagnostic(
            "E0340",
            f"the {kind} `{name.text}` is never used",
            name.span,
            helps=("use it, or delete its line",),
            severity="warning",
        )


def declared(body: Any) -> Iterator[tuple[str, tree.Name]]:
    """What a body gives a name to, with what that is."""
    for kind, word in KINDS.items():
        yield from ((word, one.name) for one in parts(body, kind))
    for one in parts(body, tree.Assign):
        if len(one.targets) == 1:  # of several results one may well be left alone
            yield "variable", one.targets[0]


def parts(value: Any, kind: type) -> Iterator[Any]:
    """Every part of a tree that is of this kind."""
    if isinstance(value, kind):
        yield value
    if isinstance(value, tuple):
        for one in value:
            yield from parts(one, kind)
    elif is_dataclass(value):
        for field in fields(value):
            if field.name != "span":
                yield from parts(getattr(value, field.name), kind)
