"""The settings of a train block, checked: `batch 128`, `epochs 5`, `validate 20%` ..."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from netc.compiler.diagnostics import Label, NetError, Span, nearest
from netc.compiler.language.limits import LARGEST_DIMENSION
from netc.compiler.language.trace import Trace
from netc.compiler.language.values import Word, describe, is_number, is_whole
from netc.compiler.syntax import tree

DEFAULT_BATCH = 32


@dataclass(frozen=True)
class Settings:
    """How a program trains. Neither `epochs` nor `steps` stands for one epoch."""

    batch: int = DEFAULT_BATCH
    epochs: int | None = None
    steps: int | None = None
    validate: float = 0.0
    seed: int = 0
    precision: str = "f32"
    winograd: bool = True
    clip: float | None = None
    accumulate: int = 1
    average: float | None = None
    stop_patience: int | None = None


def is_positive(value: Any) -> bool:
    return is_whole(value) and 1 <= value <= LARGEST_DIMENSION


def is_fraction(value: Any) -> bool:
    return is_number(value) and 0 <= value < 1


def is_seed(value: Any) -> bool:
    return is_whole(value) and 0 <= value <= LARGEST_DIMENSION


def is_rate(value: Any) -> bool:
    return is_number(value) and 0 < value < float("inf")


def is_truth(value: Any) -> bool:
    return isinstance(value, bool)


def is_precision(value: Any) -> bool:
    return isinstance(value, Word | str) and str(getattr(value, "text", value)) in PRECISIONS


PRECISIONS = ("f32", "tf32", "bf16", "f16")

Check = tuple[Callable[[Any], bool], str]

SETTINGS: Mapping[str, Check] = MappingProxyType(
    {
        "batch": (is_positive, "a whole number from 1"),
        "epochs": (is_positive, "a whole number from 1"),
        "steps": (is_positive, "a whole number from 1"),
        "validate": (is_fraction, "a part of the data, from 0% to less than 100%"),
        "seed": (is_seed, "a whole number from 0"),
        "precision": (is_precision, "one of f32, tf32, bf16, f16"),
        "winograd": (is_truth, "true or false"),
        "clip": (is_rate, "a number above 0"),
        "accumulate": (is_positive, "a whole number from 1"),
        "average": (is_fraction, "a number from 0 to less than 1"),
        "stop": (is_positive, "`patience=` and a whole number from 1"),
    }
)


def read_settings(trace: Trace, body: tuple[tree.Statement, ...]) -> Settings:
    """The settings of a train block; one that is wrong is reported and left out."""
    settings = Settings()
    places: dict[str, Span] = {}
    for statement in body:
        if not isinstance(statement, tree.Setting):
            continue
        name = statement.name.text
        try:
            check_once(trace, statement, places)
            value = read_setting(trace, statement)
        except NetError as error:
            trace.report(error)
            continue
        settings = replace(settings, **{"stop_patience" if name == "stop" else name: value})
    return settings


def check_once(trace: Trace, statement: tree.Setting, places: dict[str, Span]) -> None:
    name = statement.name.text
    if name not in SETTINGS:
        close = nearest(name, [*SETTINGS, "take", "minimize", "measure"])
        raise trace.fail(
            "E0404",
            f"there is no setting `{name}`",
            statement.name.span,
            help=f"did you mean `{close}`?" if close else f"there are {', '.join(SETTINGS)}",
        )
    other = {"epochs": "steps", "steps": "epochs"}.get(name)
    if name in places:
        raise trace.fail(
            "E0405",
            f"`{name}` is set twice",
            statement.span,
            "",
            (Label(places[name], "first here"),),
        )
    if other in places:
        raise trace.fail(
            "E0409",
            "a run lasts a number of `epochs` or of `steps`, not both",
            statement.span,
            "",
            (Label(places[other], "and here"),),
        )
    places[name] = statement.span


def read_setting(trace: Trace, statement: tree.Setting) -> Any:
    name = statement.name.text
    accepts, expected = SETTINGS[name]
    given = [*statement.arguments, *(named.value for named in statement.named)]
    wanted = "patience" if name == "stop" else None
    names = [named.name.text for named in statement.named]
    if len(given) != 1 or names != ([wanted] if wanted else []):
        raise trace.fail("E0406", f"`{name}` takes {expected}", statement.span)
    if isinstance(given[0], tree.Name) and given[0].text == "tf32":
        value: Any = Word("tf32")
    else:
        value = trace.evaluate(given[0])
    if not accepts(value):
        raise trace.fail(
            "E0406", f"`{name}` takes {expected}", given[0].span, f"this is {describe(value)}",
            help="write it as a percentage: `validate 20%`" if name == "validate" else "",
        )  # fmt: skip
    return value.text if isinstance(value, Word) else value
