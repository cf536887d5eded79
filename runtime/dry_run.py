"""A program and options come in; what a training run would take goes out, and nothing is kept."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netc.compiler.program import Program
from netc.runtime.data.dataset import order
from netc.runtime.device import open_device, usual_device
from netc.runtime.feeding import open_parts
from netc.runtime.functions import numbers
from netc.runtime.plan import Options, make_plan
from netc.runtime.progress import duration
from netc.runtime.session import Session

STEPS = 3  # the fastest counts: the first one meets cold memory


@dataclass(frozen=True)
class DryRun:
    """What was measured: seconds of a step, bytes, and the size of the whole run."""

    loss: float
    step_seconds: float
    memory_bytes: int
    data_bytes: int
    samples: int
    left_out: int
    epoch_steps: int
    steps: int

    def __str__(self) -> str:
        rest = f", of which each epoch leaves out {self.left_out:,}" if self.left_out else ""
        return "\n".join(
            (
                f"step     {1000 * self.step_seconds:.3g} ms, loss {self.loss:.4f}",
                f"run      {self.steps:,} steps, {self.epoch_steps:,} in an epoch: about "
                f"{duration(self.steps * self.step_seconds)}",
                f"memory   {self.memory_bytes:,} bytes, and {self.data_bytes:,} of data",
                f"samples  {self.samples:,}{rest}",
            )
        )


def dry_run(program: Program, folder: Path, options: Options) -> DryRun:
    """Open the data, build the program and train it for some steps. Raises NetError as `train`."""
    validate = program.training.validate if program.training else 0.0
    parts = open_parts(program, options.data, validate)
    plan = make_plan(program, options, parts.train.count)
    device = open_device(options.device or usual_device(), program, folder, options.threads)
    session = Session(program, folder, device, plan.seed, plan.steps)
    session.prepare("train", "evaluate")
    function = session.function("train")
    fields = parts.train.of(function)
    rows = order(plan.seed, 1, plan.samples)[: plan.batch]
    seconds, losses = [], []
    for _ in range(STEPS):
        began = time.perf_counter()
        log = session.train(fields, rows, 1)
        seconds.append(time.perf_counter() - began)
        losses.append(float(log[0, numbers(function).index("loss")]))
    held = [part for part in (parts.train, parts.validation, parts.test) if part is not None]
    session.close()
    return DryRun(
        loss=losses[0],
        step_seconds=min(seconds),
        memory_bytes=program.arena_bytes,
        data_bytes=sum(int(np.asarray(a).nbytes) for part in held for a in part.arrays.values()),
        samples=plan.samples,
        left_out=plan.left_out,
        epoch_steps=plan.epoch_steps,
        steps=plan.steps,
    )
