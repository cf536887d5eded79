"""What lets a step take several batches: gradients that add up, and the moment when they are used.

The graph of a step runs once for each batch. Its counter `step` counts these runs; what schedules
and optimizers count are the steps, of which each ends with the last of its batches.
"""

from dataclasses import dataclass

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Role, Update, Value


@dataclass(frozen=True)
class Parts:
    """A step of `count` batches: its number from 0, and whether this batch is its last."""

    count: int
    step: Value
    is_last: Value


def add_parts(build: Builder, runs: Value, count: int) -> Parts:
    part = build.remainder(runs, count)
    return Parts(count, build.floor_divide(runs, count), build.equal(part, count - 1))


def gather(
    build: Builder, parts: Parts, weights: tuple[Value, ...], gradients: tuple[Value, ...]
) -> tuple[tuple[Value, ...], list[Update]]:
    """The mean gradients of the step's batches so far, whole with the last, and their updates.

    Adds an input `<weight>.gathered` for each: the sum of the batches before, zero at first.
    """
    means, updates = [], []
    for weight, gradient in zip(weights, gradients, strict=True):
        before = build.input(f"{weight.name}.gathered", weight.type, Role.MOMENT)
        total = build.add(before, gradient)
        means.append(build.divide(total, float(parts.count)))
        updates.append(Update(before, build.where(parts.is_last, 0.0, total)))
    return tuple(means), updates
