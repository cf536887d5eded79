"""Losses and measures come in as training goes on; what a person or a machine reads goes out.

The functions at the top make text from values and nothing else; `Progress` decides when to show it.
"""

import json
import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TextIO

LIVE_EVERY = 0.1  # seconds between two drawings of the live line: smooth to the eye, cheap
PLAIN_EVERY = 10.0  # seconds between two plain lines within an epoch
NARROWEST, WIDEST_BAR = 20, 24
CLEAR = "\r\x1b[2K"

Measures = Mapping[str, float]


@dataclass(frozen=True)
class Look:
    """How text may be drawn: in how many columns, in colour, with block characters."""

    width: int = 80
    color: bool = False
    blocks: bool = False


DULL = Look()


@dataclass(frozen=True)
class Moment:
    """Where training stands."""

    epoch: int  # from 1
    epochs: int
    step: int  # steps done in this epoch
    steps: int  # steps of an epoch
    loss: float
    measures: tuple[tuple[str, float], ...] = ()
    rate: float = 0.0  # samples per second
    left: float | None = None  # seconds to the end of training


def steady(value: float) -> str:
    """A number in about six characters, whatever its size, so that columns stand still."""
    if not math.isfinite(value):
        return str(value)
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.4f}" if abs(value) < 100 else f"{value:.2f}"
    return f"{value:.2e}"


def rate_text(rate: float) -> str:
    """Samples per second."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if rate >= size:
            return f"{rate / size:.1f}{letter}/s"
    return f"{rate:.1f}/s"


def duration(seconds: float) -> str:
    """12s, 3m05s, 2h07m, 3d04h."""
    whole = max(0, round(seconds))
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if days:
        return f"{days}d{hours % 24:02d}h"
    if hours:
        return f"{hours}h{minutes % 60:02d}m"
    return f"{minutes}m{whole % 60:02d}s" if minutes else f"{whole}s"


def bar(fraction: float, width: int, look: Look = DULL) -> str:
    """A bar of `width` columns, filled by `fraction`."""
    full = int(min(max(fraction, 0.0), 1.0) * width)
    return ("█" * full + "░" * (width - full)) if look.blocks else "#" * full + "." * (width - full)


def values_text(moment: Moment) -> str:
    named = (("loss", moment.loss), *moment.measures)
    return "  ".join(f"{name} {steady(value)}" for name, value in named)


def live_line(moment: Moment, look: Look) -> str:
    """One line that fits the terminal: what does not fit is left out from the right, the bar
    first grows smaller."""
    head = f"epoch {moment.epoch:{len(str(moment.epochs))}d}/{moment.epochs}"
    parts = [values_text(moment), rate_text(moment.rate)]
    if moment.left is not None:
        parts.append(f"{duration(moment.left)} left")
    while len(parts) > 1 and len("  ".join([head, *parts])) >= look.width - 6:
        parts.pop()
    room = look.width - 1 - len("  ".join([head, *parts])) - 2
    fraction = moment.step / moment.steps if moment.steps else 1.0
    drawn = [painted(bar(fraction, min(room, WIDEST_BAR), look), look)] if room >= 4 else []
    if not drawn:
        return "  ".join([head, *parts])[: look.width - 1]
    return "  ".join([head, *drawn, *parts])


def painted(text: str, look: Look) -> str:
    return f"\x1b[36m{text}\x1b[0m" if look.color else text


def plain_line(moment: Moment) -> str:
    """A line for a log, in the middle of an epoch."""
    head = f"epoch {moment.epoch}/{moment.epochs}  step {moment.step}/{moment.steps}"
    left = "" if moment.left is None else f"  {duration(moment.left)} left"
    return f"{head}  {values_text(moment)}  {rate_text(moment.rate)}{left}"


def epoch_line(moment: Moment, seconds: float) -> str:
    """The line that stays when an epoch is done."""
    head = f"epoch {moment.epoch:{len(str(moment.epochs))}d}/{moment.epochs}"
    return f"{head}  {values_text(moment)}  {rate_text(moment.rate)}  {duration(seconds)}"


def json_line(event: str, moment: Moment) -> str:
    """The same for machines; NaN and infinity, which JSON lacks, are null."""
    told = {
        "event": event, "epoch": moment.epoch, "epochs": moment.epochs, "step": moment.step,
        "steps": moment.steps, "loss": finite(moment.loss),
        "measures": {name: finite(value) for name, value in moment.measures},
        "samples_per_second": finite(moment.rate), "seconds_left": finite(moment.left),
    }  # fmt: skip
    return json.dumps(told)


def finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def choose_mode(
    stream: TextIO, environment: Mapping[str, str], as_json: bool = False, quiet: bool = False
) -> str:
    """"json", "quiet", "live" on a terminal that can redraw a line, or "plain"."""
    if as_json or quiet:
        return "json" if as_json else "quiet"
    can_redraw = stream.isatty() and environment.get("TERM") != "dumb"
    return "live" if can_redraw and not environment.get("CI") else "plain"


def look_of(stream: TextIO, environment: Mapping[str, str]) -> Look:
    """What the terminal can show. NO_COLOR, FORCE_COLOR and TERM=dumb are heard."""
    width = max(NARROWEST, shutil.get_terminal_size((80, 24)).columns)
    color = stream.isatty() and environment.get("TERM") != "dumb"
    color = bool(environment.get("FORCE_COLOR")) or color
    blocks = (getattr(stream, "encoding", None) or "").lower().replace("-", "") == "utf8"
    return Look(width, color and not environment.get("NO_COLOR"), blocks)


class Progress:
    """Tells of training on `stream`, or in JSON lines on `output`; `clock` gives seconds.

    `steps` is the length of an epoch, `batch` the samples of a step. Steps that were done before a
    run was resumed count for the place, not for the rate.
    """

    def __init__(
        self, mode: str, stream: TextIO, output: TextIO, clock: Callable[[], float],
        epochs: int, steps: int, batch: int, look: Look = DULL,
    ) -> None:
        self.mode, self.stream, self.output = mode, stream, output
        self.clock, self.look = clock, look
        self.epochs, self.steps, self.batch = epochs, steps, batch
        self.began = self.epoch_began = self.shown = clock()
        self.done_here = self.epoch_start = 0  # steps since the start; before this epoch
        self.last = (1, 0)
        self.is_drawn = False

    def begin_epoch(self, epoch: int, step: int = 0) -> None:
        """An epoch (from 1) starts, or goes on after `step` steps."""
        self.last = (epoch, step)
        self.epoch_began = self.clock()
        self.epoch_start = self.done_here

    def step(self, step: int, loss: float, measures: Measures | None = None) -> None:
        """`step` steps of this epoch are done; shown only when it is time."""
        epoch, before = self.last
        self.done_here += step - before
        self.last = (epoch, step)
        now = self.clock()
        every = {"live": LIVE_EVERY, "plain": PLAIN_EVERY, "json": PLAIN_EVERY}.get(self.mode)
        if every is None or now - self.shown < every:
            return
        self.shown = now
        moment = self.moment(loss, measures)
        if self.mode == "json":
            self.say(json_line("step", moment))
        elif self.mode == "live":
            self.draw(live_line(moment, self.look))
        else:
            self.say(plain_line(moment))

    def end_epoch(self, loss: float, measures: Measures | None = None) -> None:
        """The line that stays."""
        moment = self.moment(loss, measures)
        self.shown = self.clock()
        if self.mode == "json":
            self.say(json_line("epoch", moment))
        elif self.mode != "quiet":
            self.say(epoch_line(moment, self.clock() - self.epoch_began))

    def message(self, text: str) -> None:
        """Something to tell between the lines, always on `stream`; quiet keeps silent."""
        if self.mode == "quiet":
            return
        self.erase()
        print(text, file=self.stream, flush=True)

    def close(self) -> None:
        """Leave the terminal clean; call it however training ends."""
        self.erase()

    def moment(self, loss: float, measures: Measures | None) -> Moment:
        epoch, step = self.last
        now = self.clock()
        in_epoch = self.done_here - self.epoch_start
        rate = in_epoch * self.batch / max(now - self.epoch_began, 1e-9) if in_epoch else 0.0
        named = tuple((measures or {}).items())
        left = self.seconds_left(now)
        return Moment(epoch, self.epochs, step, self.steps, float(loss), named, rate, left)

    def seconds_left(self, now: float) -> float | None:
        """By the mean time of a step since the start, validation and saving included."""
        if not self.done_here:
            return None
        epoch, step = self.last
        to_do = (self.epochs - epoch) * self.steps + self.steps - step
        return (now - self.began) / self.done_here * to_do

    def say(self, line: str) -> None:
        self.erase()
        print(line, file=self.output if self.mode == "json" else self.stream, flush=True)

    def draw(self, line: str) -> None:
        self.stream.write(CLEAR + line)
        self.stream.flush()
        self.is_drawn = True

    def erase(self) -> None:
        if self.is_drawn:
            self.stream.write(CLEAR)
            self.stream.flush()
            self.is_drawn = False
