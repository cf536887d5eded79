"""A program's settings and what the user says instead come in; the plan of a run goes out."""

from dataclasses import asdict, dataclass
from pathlib import Path

from netc.compiler.diagnostics import NetError
from netc.compiler.program import Program
from netc.runtime.errors import fail
from netc.runtime.feeding import Given

MOST_STEPS = (1 << 31) - 1  # the step counter on the device is an i32


@dataclass(frozen=True)
class Options:
    """What the user says about one call of `train`; None and 0 leave it to the program.

    `max_steps` and `time_limit` (seconds) end this call early, saved and ready to resume: they do
    not change the course of training, as `epochs` and `steps` do where a schedule looks at them.
    `resume` is a run's folder, or "" for the latest run of the program. Without a `device` a run
    goes on where it was, and a new one takes the GPU where there is one. With `skip_bad` a step
    that would leave numbers that are not finite is left out, instead of ending the run.
    """

    epochs: int | None = None
    steps: int | None = None
    seed: int | None = None
    threads: int = 0
    device: str | None = None
    data: Given = None
    out: Path = Path("runs")
    max_steps: int | None = None
    time_limit: float | None = None
    resume: str | None = None
    save_every: float = 30.0
    skip_bad: bool = False


@dataclass(frozen=True)
class Plan:
    """What decides the course of a run. `steps` is their number in all; `samples` to train on.

    A step takes `batch` rows: a batch of the program, or as many as it says to `accumulate`.
    An epoch is `epoch_steps` whole steps: what remains of the samples is left out of it, others
    in each epoch, as each has its own order.
    """

    seed: int
    samples: int
    batch: int
    epoch_steps: int
    steps: int

    @property
    def epochs(self) -> int:
        """The number of epochs, the last perhaps not whole."""
        return -(-self.steps // self.epoch_steps)

    @property
    def left_out(self) -> int:
        """The samples of an epoch that do not fill a step."""
        return self.samples - self.epoch_steps * self.batch

    def facts(self) -> dict[str, int]:
        return asdict(self)


def make_plan(program: Program, options: Options, samples: int) -> Plan:
    """The plan of a new run; NetError where the data does not fill a batch."""
    training = program.training
    assert training, "open_parts has refused a program that trains nothing"
    rows = training.step_rows
    epoch_steps = samples // rows
    if not epoch_steps:
        raise fail(
            "E0524",
            f"there are {samples} samples to train on, fewer than the {rows} of a step",
            help="a smaller `batch`, or more data",
        )
    seed = training.seed if options.seed is None else options.seed
    steps = planned_steps(program, options, epoch_steps)
    return Plan(seed, samples, rows, epoch_steps, steps)


def planned_steps(program: Program, options: Options, epoch_steps: int) -> int:
    training = program.training
    if options.steps is not None:
        steps = options.steps
    elif options.epochs is not None:
        steps = options.epochs * epoch_steps
    else:
        steps = training.steps or (training.epochs or 1) * epoch_steps
    if steps > MOST_STEPS:
        raise fail("E0524", f"{steps} steps are more than the {MOST_STEPS} that netc counts")
    return steps


def resumed_plan(old: dict[str, object], program: Program, options: Options, samples: int) -> Plan:
    """The plan of a run that goes on, longer where the user says so; NetError where it cannot."""
    try:
        plan = Plan(**{name: int(value) for name, value in dict(old["plan"]).items()})
    except (KeyError, TypeError, ValueError) as error:
        raise fail("E0615", "the run's `run.json` is damaged: it holds no plan") from error
    if options.seed is not None and options.seed != plan.seed:
        raise conflict(f"the run has seed {plan.seed}, not {options.seed}")
    if samples != plan.samples:
        raise conflict(f"the run was on {plan.samples} samples, the data now has {samples}")
    if options.epochs is None and options.steps is None:
        return plan
    steps = planned_steps(program, options, plan.epoch_steps)
    return Plan(plan.seed, plan.samples, plan.batch, plan.epoch_steps, steps)


def conflict(message: str) -> NetError:
    help = "leave `--resume` out to start a new run"
    return fail("E0615", f"cannot resume: {message}", help=help)
