"""What an optimizer declares about itself: one frozen record, made in one file of this folder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Value

Parameters = tuple[tuple[str, float | bool], ...]
Moments = Mapping[str, Value]


@dataclass(frozen=True)
class Optimizer:
    """A rule that moves a weight against its gradient.

    rate: the learning rate where the user gives none. parameters: the others, with defaults.
    moments(rank, **parameters) -> the names of what it remembers of a weight of so many axes:
        float32 tensors of the weight's shape that start at zero.
    update(build, weight, gradient, moments, step, rate, **parameters) -> (new weight, new moments):
        IR. `step` (counting from 1) and `rate` are f32 scalars, `moments` go by name.
    reference: the same rule in NumPy without the builder, written from the published formula.
    """

    name: str
    rate: float
    parameters: Parameters
    moments: Callable[..., tuple[str, ...]]
    update: Callable[..., tuple[Value, dict[str, Value]]]
    reference: Callable[..., tuple]

    def filled(self, given: Parameters) -> dict[str, float | bool]:
        """Every parameter: as given, or its default. A name that it does not have is our bug."""
        filled = dict(self.parameters) | dict(given)
        unknown = filled.keys() - dict(self.parameters).keys()
        if unknown:
            raise KeyError(f"{self.name} has no parameter {', '.join(sorted(unknown))}")
        return filled


def with_decay(build: Builder, weight: Value, gradient: Value, decay: float) -> Value:
    """The gradient of the loss with decay / 2 * the squared weight added to it."""
    return build.add(gradient, build.multiply(weight, decay)) if decay else gradient


def average(build: Builder, before: Value, now: Value, keep: float) -> Value:
    """The running average that keeps the fraction `keep` of what it was."""
    return build.add(build.multiply(before, keep), build.multiply(now, 1 - keep))
