"""A learning rate and the number of the step in, the rate of that step out: as IR and in Python.

Step 0 is the first. `warmup` steps rise in a line to the peak, which the step after them has; what
follows is measured from there. "total" stands for the number of steps of the whole run.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import cos, pi
from types import MappingProxyType

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Value

Parameter = float | str | None


@dataclass(frozen=True)
class Rate:
    """A schedule by its name and what the user gave it."""

    kind: str
    parameters: tuple[tuple[str, Parameter], ...] = ()


@dataclass(frozen=True)
class Schedule:
    """parameters: in the order they are given, with defaults; None where the user must say.

    peak: the parameter that the warmup rises to.
    formula(build, s, **parameters) -> the rate `s` steps after the warmup, an f32 scalar value.
    reference(s, **parameters) -> the same as a number.
    """

    name: str
    parameters: tuple[tuple[str, Parameter], ...]
    peak: str
    formula: Callable[..., Value | float]
    reference: Callable[..., float]

    def filled(self, given: tuple[tuple[str, Parameter], ...]) -> dict[str, Parameter]:
        """Every parameter; one that is unknown or missing is our bug: the language checks both."""
        filled = dict(self.parameters) | dict(given)
        wrong = filled.keys() - dict(self.parameters).keys()
        wrong |= {name for name, value in filled.items() if value is None}
        if wrong:
            raise KeyError(f"{self.name} is wrong about {', '.join(sorted(wrong))}")
        return filled


def needs_total(rate: Rate) -> bool:
    """Whether the rate depends on the number of steps of the whole run."""
    return "total" in SCHEDULES[rate.kind].filled(rate.parameters).values()


def rate_value(build: Builder, rate: Rate, step: Value, total: Value | None) -> Value:
    """The rate as an f32 scalar; `step` and `total` (where it is needed) are i32 scalars."""
    schedule = SCHEDULES[rate.kind]
    filled = schedule.filled(rate.parameters)
    s = build.cast(step, dtype="f32")
    if "total" in filled.values():
        end = build.cast(total, dtype="f32")
        filled = {name: end if value == "total" else value for name, value in filled.items()}
    warmup = filled.pop("warmup", 0)
    if not warmup:
        return as_value(build, schedule.formula(build, s, **filled), s)
    if "steps" in filled:
        steps = filled["steps"]
        known = isinstance(steps, int | float)
        filled["steps"] = steps - warmup if known else build.subtract(steps, float(warmup))
    after = build.maximum(build.subtract(s, float(warmup)), 0.0)
    rise = build.multiply(build.add(s, 1.0), filled[schedule.peak] / warmup)
    later = as_value(build, schedule.formula(build, after, **filled), s)
    return build.where(build.less(s, float(warmup)), rise, later)


def rate_reference(rate: Rate, step: int, total: int) -> float:
    """The rate of step `step` of `total` as a Python number."""
    schedule = SCHEDULES[rate.kind]
    filled = schedule.filled(rate.parameters)
    filled = {name: total if value == "total" else value for name, value in filled.items()}
    warmup = filled.pop("warmup", 0)
    if step < warmup:
        return filled[schedule.peak] * (step + 1) / warmup
    if "steps" in filled:
        filled["steps"] -= warmup
    return schedule.reference(step - warmup, **filled)


def as_value(build: Builder, rate: Value | float, like: Value) -> Value:
    return rate if isinstance(rate, Value) else build.number(rate, like.type)


def fraction(build: Builder, s: Value, steps: Value | float) -> Value:
    """How much of `steps` is over: 0 at first, never more than 1."""
    span = build.maximum(steps, 1.0) if isinstance(steps, Value) else float(max(steps, 1))
    return build.minimum(build.divide(s, span), 1.0)


def half_wave(build: Builder, start: float, end: float, part: Value) -> Value:
    """From start (part 0) to end (part 1) along half a cosine."""
    wave = build.cos(build.multiply(part, pi))
    return build.add(build.multiply(wave, (start - end) / 2), (start + end) / 2)


def wave_reference(start: float, end: float, part: float) -> float:
    return end + (start - end) * (1 + cos(pi * part)) / 2


def cosine(build, s, *, peak, floor, steps):
    return half_wave(build, peak, floor, fraction(build, s, steps))


def cosine_reference(s, *, peak, floor, steps):
    return wave_reference(peak, floor, min(s / max(steps, 1), 1))


def linear(build, s, *, start, end, steps):
    return build.add(build.multiply(fraction(build, s, steps), end - start), start)


def linear_reference(s, *, start, end, steps):
    return start + (end - start) * min(s / max(steps, 1), 1)


def staircase(build, s, *, rate, every, factor):
    return build.multiply(build.power(factor, build.floor(build.divide(s, float(every)))), rate)


def staircase_reference(s, *, rate, every, factor):
    return rate * factor ** (s // every)


def exponential(build, s, *, rate, factor, every):
    return build.multiply(build.power(factor, build.divide(s, float(every))), rate)


def exponential_reference(s, *, rate, factor, every):
    return rate * factor ** (s / every)


def one_cycle(build, s, *, peak, steps, rise, start, end):
    """PyTorch's: up from peak / start in the first part, then down to that / end."""
    low, last = peak / start, peak / start / end
    if not isinstance(steps, Value):
        steps = build.number(float(steps), s.type)
    top = build.maximum(build.subtract(build.multiply(steps, rise), 1.0), 1.0)
    rest = build.subtract(build.subtract(steps, 1.0), top)
    upward = half_wave(build, low, peak, fraction(build, s, top))
    past = build.maximum(build.subtract(s, top), 0.0)
    downward = half_wave(build, peak, last, fraction(build, past, rest))
    return build.where(build.less_equal(s, top), upward, downward)


def one_cycle_reference(s, *, peak, steps, rise, start, end):
    top = max(rise * steps - 1, 1)
    if s <= top:
        return wave_reference(peak / start, peak, s / top)
    return wave_reference(peak, peak / start / end, min((s - top) / max(steps - 1 - top, 1), 1))


ALL = (
    Schedule(
        "constant", (("rate", None), ("warmup", 0)), "rate",
        lambda build, s, *, rate: rate, lambda s, *, rate: rate,
    ),
    Schedule(
        "cosine", (("peak", None), ("warmup", 0), ("floor", 0.0), ("steps", "total")), "peak",
        cosine, cosine_reference,
    ),
    Schedule(
        "step", (("rate", None), ("every", None), ("factor", 0.1), ("warmup", 0)), "rate",
        staircase, staircase_reference,
    ),
    Schedule(
        "linear", (("start", None), ("end", 0.0), ("warmup", 0), ("steps", "total")), "start",
        linear, linear_reference,
    ),
    Schedule(
        "exponential", (("rate", None), ("factor", None), ("every", 1), ("warmup", 0)), "rate",
        exponential, exponential_reference,
    ),
    Schedule(
        "one_cycle",
        (("peak", None), ("steps", "total"), ("rise", 0.3), ("start", 25.0), ("end", 1e4)), "peak",
        one_cycle, one_cycle_reference,
    ),
)  # fmt: skip

SCHEDULES: Mapping[str, Schedule] = MappingProxyType({each.name: each for each in ALL})
