"""A session, data and a plan come in; step by step they become a trained session and its log.

The order of samples depends on (seed, epoch) alone, and whatever else a step depends on lies in
the checkpoint: a run that was stopped and resumed gives the same bits as one that never was.
"""

import math
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from netc.compiler.diagnostics import NetError
from netc.runtime import checkpoint
from netc.runtime.data.dataset import order
from netc.runtime.errors import fail
from netc.runtime.feeding import Parts, Rows
from netc.runtime.functions import numbers
from netc.runtime.interrupt import Stop
from netc.runtime.plan import Options, Plan
from netc.runtime.progress import Progress, steady
from netc.runtime.rescue import bad_tensor, train_or_skip
from netc.runtime.run_folder import RunFolder, append_record
from netc.runtime.session import Session

SLICE = 0.2  # seconds of steps between two looks at signals, the clock and the progress line
MOST_GROWTH = 8  # of a slice from one to the next: the first steps are not typical
RECORDS = 100  # of single steps in the log of an epoch; a fixed stride, so that logs compare
NO_MEASURE = ("step", "epoch", "kind", "loss_hex")  # of what a record holds
STOPPED = 3  # the exit code for a loss that is not a number


@dataclass(frozen=True)
class Run:
    """How a call of `train` ended. `exit_code` is 0, or 130 or 143 after a signal.

    `metrics` are the last epoch's, `test` those on the source's test rows once training is done.
    """

    folder: Path
    session: Session
    steps: int
    is_finished: bool
    exit_code: int
    metrics: Mapping[str, float]
    test: Mapping[str, float] | None = None
    test_samples: int = 0


@dataclass(frozen=True)
class State:
    """Where a run stands, besides the tensors: all that a checkpoint adds to them.

    `epoch` counts from 1; `sums` add up each number of the log since the epoch began, and `skipped`
    counts the steps since then that were left out of them.
    """

    step: int
    epoch: int
    position: int
    sums: tuple[float, ...]
    best_value: float | None = None
    best_step: int | None = None
    skipped: int = 0


class Loop:
    """One call of `train`, from the step where it stands to the one where it ends."""

    def __init__(
        self, session: Session, options: Options, parts: Parts, stop: Stop, progress: Progress,
        run: RunFolder, plan: Plan, state: State,
    ) -> None:  # fmt: skip
        self.session, self.options, self.parts, self.stop = session, options, parts, stop
        self.progress, self.folder, self.plan, self.state = progress, run, plan, state
        self.log = run.open_metrics()
        self.function = session.function("train")
        self.names = numbers(self.function)
        training = session.program.training
        self.patience = training.patience if training else 0
        self.fields = parts.train.of(self.function)
        self.began = self.saved = time.monotonic()
        self.first_step = self.saved_step = state.step
        self.metrics = last_metrics(run, state.step)
        self.slice = 1

    def close(self) -> None:
        """Leave the terminal and the log as others expect them."""
        self.progress.close()
        self.log.close()

    def run(self) -> Run:
        while self.state.step < self.plan.steps and not self.has_stalled and not self.is_over:
            self.epoch()
        if self.has_stalled:
            self.go_back()
        elif self.state.step < self.plan.steps:
            return self.interrupted()
        return self.finished()

    @property
    def has_stalled(self) -> bool:
        """Whether the best epoch is as many epochs ago as the program's patience lasts."""
        if not self.patience or self.state.best_step is None:
            return False
        best_epoch = -(-self.state.best_step // self.plan.epoch_steps)
        return self.state.epoch - 1 - best_epoch >= self.patience

    def go_back(self) -> None:
        """To the best epoch, as if training had ended with it."""
        found = checkpoint.load(Path(self.folder.path, checkpoint.BEST))
        facts = found.facts
        self.session.restore(found.tensors, facts.seed)
        self.session.set_counter("total", self.plan.steps)
        self.state = replace(self.state, step=facts.step, epoch=facts.epoch, position=0)
        checkpoint.save_step(self.folder.path, found.tensors, facts)
        self.metrics = last_metrics(self.folder, facts.step)
        kind = "loss" if self.parts.validation is None else "val_loss"
        epochs = f"{self.patience} epoch" + "s" * (self.patience != 1)
        self.progress.message(
            f"{kind} did not fall for {epochs}: back to epoch {facts.epoch - 1}, "
            f"{kind} {steady(self.metrics[kind])}"
        )

    @property
    def is_over(self) -> bool:
        """Whether this call ends before the plan does: a signal, the time or the steps are up."""
        steps, seconds = self.options.max_steps, self.options.time_limit
        return (
            self.stop.requested
            or (steps is not None and self.state.step - self.first_step >= steps)
            or (seconds is not None and time.monotonic() - self.began >= seconds)
        )

    def epoch(self) -> None:
        """The rest of an epoch, slice by slice."""
        state = self.state
        self.progress.begin_epoch(state.epoch, state.position)
        rows = order(self.plan.seed, state.epoch, self.plan.samples)
        last = min(self.plan.epoch_steps, state.position + self.plan.steps - state.step)
        while self.state.position < last and not self.is_over:
            self.run_slice(rows, last)
        if self.state.position == last:
            self.end_epoch()

    def run_slice(self, rows: np.ndarray, last: int) -> None:
        """Some steps at once; their numbers are checked and logged before anything is saved."""
        state, batch = self.state, self.plan.batch
        steps = min(self.slice, last - state.position, self.steps_left)
        began = time.monotonic()
        chosen = rows[state.position * batch : (state.position + steps) * batch]
        run = train_or_skip if self.options.skip_bad else Session.train
        log = run(self.session, self.fields, chosen, steps)
        done = self.good_steps(log)
        self.record(log)
        self.state = replace(
            state,
            step=state.step + steps,
            position=state.position + steps,
            sums=tuple(running_sums(state.sums, log[done])),
            skipped=state.skipped + int((~done).sum()),
        )
        means = self.means()
        self.progress.step(self.state.position, means.pop("loss"), means)
        self.slice = next_slice(steps, time.monotonic() - began)
        if time.monotonic() - self.saved >= self.options.save_every:
            self.save()

    @property
    def steps_left(self) -> int:
        most = self.options.max_steps
        done = self.state.step - self.first_step
        return self.plan.steps if most is None else max(1, most - done)

    def good_steps(self, log: np.ndarray) -> np.ndarray:
        """bool[steps]: which were done; NetError, exit code 3, at the first whose loss is not a
        number, unless such steps are left out."""
        losses = log[:, self.names.index("loss")]
        good = np.isfinite(losses)
        for index in np.flatnonzero(~good):
            step = self.state.step + int(index) + 1
            if not self.options.skip_bad:
                raise self.diverged(f"the loss of step {step} is {losses[index]}")
            self.progress.message(f"step {step} left out: it led to what is not a finite number")
        return good

    def diverged(self, message: str) -> NetError:
        kept = checkpoint.steps_in(self.folder.path)
        notes = (f"the checkpoint of step {step} in `{self.folder.path}` is kept" for step in kept)
        return fail(
            "E0611",
            f"training stopped: {message}",
            notes=tuple(notes)[-1:],
            help="a smaller learning rate, a warmup or `clip 1.0` often helps; `--on-nan skip` "
            "leaves such steps out",
            exit_code=STOPPED,
        )

    def record(self, log: np.ndarray) -> None:
        stride = max(1, self.plan.epoch_steps // RECORDS)
        for number, row in enumerate(log, self.state.step + 1):
            if number % stride == 0:
                values = dict(zip(self.names, map(float, row), strict=True))
                append_record(self.log, {"step": number, "epoch": self.state.epoch, **values})

    def means(self) -> dict[str, float]:
        """Loss and measures, averaged over the epoch so far."""
        done = max(1, self.state.position - self.state.skipped)
        return {
            name: total / done for name, total in zip(self.names, self.state.sums, strict=True)
        }

    def end_epoch(self) -> None:
        """Validate, tell, and save; the state then stands at the start of the next epoch."""
        state, means = self.state, self.means()
        if state.skipped and state.skipped == state.position:
            raise self.diverged(f"every step of epoch {state.epoch} was left out")
        self.tell("epoch", means)
        score = means["loss"]
        if self.parts.validation is not None:
            found = self.measure(self.parts.validation)
            self.tell("validation", found)
            score = found["loss"]
            means |= {f"val_{name}": value for name, value in found.items()}
        self.metrics = dict(means)
        is_best = math.isfinite(score) and (state.best_value is None or score < state.best_value)
        self.state = replace(
            state,
            epoch=state.epoch + 1,
            position=0,
            sums=(0.0,) * len(self.names),
            skipped=0,
            best_value=score if is_best else state.best_value,
            best_step=state.step if is_best else state.best_step,
        )
        self.save(best=is_best)
        self.progress.end_epoch(means.pop("loss"), means)

    def tell(self, kind: str, values: Mapping[str, float]) -> None:
        facts = {"step": self.state.step, "epoch": self.state.epoch, "kind": kind}
        append_record(self.log, {**facts, **values})

    def measure(self, part: Rows) -> dict[str, float]:
        return self.session.evaluate_rows(part.of(self.session.function("evaluate")), part.count)

    def save(self, best: bool = False) -> None:
        """A checkpoint of this step, unless a tensor has gone bad: then the last one stays."""
        tensors = self.session.tensors()
        name = bad_tensor(tensors)
        if name is not None:
            raise self.diverged(f"after step {self.state.step}, `{name}` is not finite")
        state = self.state
        facts = replace(
            self.session.facts(),
            step=state.step,
            epoch=state.epoch,
            position=state.position,
            best_value=state.best_value,
            best_step=state.best_step,
            extra=(
                *self.session.facts().extra,
                ("skipped", state.skipped),
                ("sums", " ".join(value.hex() for value in state.sums)),
            ),
        )
        checkpoint.save_step(self.folder.path, tensors, facts, best)
        self.saved, self.saved_step = time.monotonic(), state.step

    def interrupted(self) -> Run:
        """Save where we are, and say how to go on."""
        if self.saved_step != self.state.step or not checkpoint.steps_in(self.folder.path):
            self.save()
        self.progress.message(
            f"stopped after step {self.state.step} of {self.plan.steps}, saved; go on with\n"
            f"    {self.resume_command}"
        )
        return self.outcome(False, self.stop.exit_code or 0)

    @property
    def resume_command(self) -> str:
        words = ["netc", "train", str(self.session.folder), "--resume", str(self.folder.path)]
        words += ["--on-nan", "skip"] if self.options.skip_bad else []
        if self.session.device.name != "cpu":
            words += ["--device", self.session.device.name]
        return shlex.join(words)

    def finished(self) -> Run:
        """Measure on the test rows, if the data has any, and mark the run as done."""
        run = self.outcome(True, 0)
        if self.parts.test is not None:
            test = self.measure(self.parts.test)
            self.tell("test", test)
            run = replace(run, test=test, test_samples=self.parts.test.count)
        self.progress.message(
            f"done after {run.steps} steps: {self.folder.path / checkpoint.step_name(run.steps)}"
        )
        self.folder.finish({"steps": run.steps, "metrics": run.metrics, "test": run.test})
        return run

    def outcome(self, is_finished: bool, exit_code: int) -> Run:
        return Run(
            self.folder.path, self.session, self.state.step, is_finished, exit_code, self.metrics
        )


def last_metrics(run: RunFolder, step: int) -> dict[str, float]:
    """What the last whole epoch up to a step came to, as `end_epoch` told it."""
    found: dict[str, float] = {}
    for record in run.metrics():
        if int(str(record["step"])) > step:
            continue
        prefix = {"epoch": "", "validation": "val_"}.get(str(record.get("kind")))
        if prefix is not None:
            values = {k: v for k, v in record.items() if k not in NO_MEASURE}
            found |= {f"{prefix}{name}": value for name, value in values.items()}
    return found


def running_sums(sums: tuple[float, ...], log: np.ndarray) -> list[float]:
    """One row added after the other: the same bits wherever the log is cut into slices."""
    return np.cumsum(np.vstack([sums, log.astype(np.float64)]), axis=0)[-1].tolist()


def next_slice(steps: int, seconds: float) -> int:
    """How many steps take about SLICE seconds, by the time that the last ones took."""
    return max(1, min(steps * MOST_GROWTH, int(steps * SLICE / max(seconds, 1e-6))))
