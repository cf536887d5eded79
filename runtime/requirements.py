"""What `--require` asks of a trained program comes in; nothing, or why it was missed, goes out."""

import argparse
import re
from dataclasses import dataclass

from netc.compiler.diagnostics import nearest
from netc.compiler.program import Program
from netc.runtime.errors import fail
from netc.runtime.loop import STOPPED, Run

FORM = re.compile(r"(\w+)\s*(>=|<=)\s*([-+.\w]+)(%?)")


@dataclass(frozen=True)
class Requirement:
    """A measure, or `loss`, that must be at least or at most a number."""

    name: str
    is_least: bool
    number: float

    def __str__(self) -> str:
        return f"{self.name} {'>=' if self.is_least else '<='} {self.number:g}"

    def is_met_by(self, value: float) -> bool:
        """NaN meets nothing."""
        return value >= self.number if self.is_least else value <= self.number


def requirement(text: str) -> Requirement:
    """`accuracy>=0.98` or `loss <= 5%`; ArgumentTypeError for anything else."""
    found = FORM.fullmatch(text.strip())
    try:
        number = float(found[3]) / (100 if found[4] else 1) if found else 0.0
    except ValueError:
        found = None
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r:.40} is not NAME>=NUMBER or NAME<=NUMBER")
    return Requirement(found[1], found[2] == ">=", number)


def check_name(wanted: Requirement, program: Program) -> None:
    """NetError where the program has no such measure: known before it trains."""
    names = ("loss", *(program.training.measures if program.training else ()))
    if wanted.name not in names:
        near = nearest(wanted.name, names)
        help = f"did you mean `{near}`?" if near else f"there are {', '.join(names)}"
        message = f"the program has no measure `{wanted.name}` to require"
        raise fail("E0616", message, help=help, exit_code=2)


def check_requirements(wanted: list[Requirement], run: Run) -> None:
    """NetError, exit code 3, that names every target which a finished run missed."""
    missed = [
        f"{one} is required, it is {value:.6g} on {where}"
        for one in wanted
        for value, where in [found_value(one.name, run)]
        if not one.is_met_by(value)
    ]
    if missed:
        raise fail("E0616", missed[0], notes=tuple(missed[1:]), exit_code=STOPPED)


def found_value(name: str, run: Run) -> tuple[float, str]:
    """A measure by the best rows for it, and which these are."""
    if run.test is not None:
        return run.test[name], "the test rows"
    if f"val_{name}" in run.metrics:
        return run.metrics[f"val_{name}"], "the rows held back"
    return run.metrics.get(name, float("nan")), "the training rows"
