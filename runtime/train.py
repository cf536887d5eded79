"""A program and options come in; a trained session and a run folder that tells of it go out."""

import json
from collections.abc import Callable
from pathlib import Path

from netc.compiler.program import Program
from netc.runtime import checkpoint, run_folder
from netc.runtime.checkpoint import Checkpoint
from netc.runtime.device import open_device, usual_device
from netc.runtime.errors import fail
from netc.runtime.feeding import open_parts
from netc.runtime.functions import numbers
from netc.runtime.interrupt import watch_signals
from netc.runtime.loop import Loop, Run, State
from netc.runtime.plan import Options, Plan, make_plan, resumed_plan
from netc.runtime.progress import Progress, steady
from netc.runtime.restore import restore
from netc.runtime.run_folder import RunFolder
from netc.runtime.session import Session

Report = Callable[[str, int, int, int], Progress]  # (name, epochs, steps of each, batch)


def train(program: Program, folder: Path, options: Options, report: Report) -> Run:
    """Train as the program's `train` block says; raises NetError, exit code 3 for NaN."""
    validate = program.training.validate if program.training else 0.0
    run = None if options.resume is None else find_run(program, options)
    data = data_of(run) if options.data is None else options.data
    parts = open_parts(program, data, validate)
    plan = choose_plan(program, options, run, parts.train.count)
    name = options.device or device_of(run) or usual_device()
    device = open_device(name, program, folder, options.threads)
    session = Session(program, folder, device, plan.seed, plan.steps)
    session.classes = parts.classes
    # Ctrl-C reaches the C compiler too: until all is built, it simply ends both
    session.prepare("train", "evaluate")
    with watch_signals() as stop:
        found = None if run is None else resume(session, run, plan)
        run = run or new_run(session, options, plan)
        progress = report(program.name, plan.epochs, plan.epoch_steps, plan.batch)
        progress.message(first_line(session, plan))
        progress.message(where(run, found))
        if plan.left_out:
            progress.message(
                f"an epoch is {plan.epoch_steps} steps of {plan.batch} samples: it leaves out "
                f"{plan.left_out} of {plan.samples}, others than the next"
            )
        state = state_of(found, session)
        loop = Loop(session, options, parts, stop, progress, run, plan, state)
        try:
            return loop.run()
        finally:
            loop.close()


def choose_plan(program: Program, options: Options, run: RunFolder | None, samples: int) -> Plan:
    if run is None:
        return make_plan(program, options, samples)
    return resumed_plan(run.facts(), program, options, samples)


def new_run(session: Session, options: Options, plan: Plan) -> RunFolder:
    program = session.program
    facts = {
        "program": program.name,
        "program_hash": program.hash,
        "netc_version": program.version,
        "build": str(session.folder.resolve()),
        "target": session.device.name,
        "compiler": session.device.about,
        "threads": session.device.threads,
        "data": data_path(options),
        "plan": plan.facts(),
        "source": source_text(session),
    }
    return run_folder.create(options.out, program.name, facts)


def data_path(options: Options) -> str | None:
    """Where the data is, for a later call; arrays cannot be remembered."""
    is_path = isinstance(options.data, str | Path)
    return str(Path(options.data).resolve()) if is_path else None


def data_of(run: RunFolder | None) -> str | None:
    """The data that a run was started on, where it was named."""
    told = None if run is None else run.facts().get("data")
    return told if isinstance(told, str) else None


def device_of(run: RunFolder | None) -> str | None:
    """Where a run was trained: on another device it would not end with the same bits."""
    told = None if run is None else run.facts().get("target")
    return told if isinstance(told, str) else None


def source_text(session: Session) -> str:
    """The text that the program was compiled from, to tell later what was changed."""
    path = session.folder / f"{session.program.name}.net"
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def find_run(program: Program, options: Options) -> RunFolder:
    if options.resume:
        return run_folder.reopen(Path(options.resume))
    found = run_folder.latest_run(options.out, program.name)
    if found is None:
        message = f"there is no run of `{program.name}` in `{options.out}` to resume"
        raise fail("E0612", message, help="leave `--resume` out to start one")
    return run_folder.reopen(found.path)


def resume(session: Session, run: RunFolder, plan: Plan) -> Checkpoint | None:
    """Go back to the newest good checkpoint; without any, the run starts again from its seed."""
    if not checkpoint.steps_in(run.path):
        if run.facts().get("program_hash") != session.program.hash:
            message = f"the run `{run.path}` belongs to another program"
            raise fail("E0610", message, help="leave `--resume` out to start a new run")
        return None
    found = checkpoint.latest(run.path)
    restore(session, found, str(run.facts().get("source", "")))
    session.set_counter("total", plan.steps)  # the run may have become longer
    return found


def first_line(session: Session, plan: Plan) -> str:
    program, device = session.program, session.device
    threads = f"{device.threads} thread" + "s" * (device.threads != 1)
    return (
        f"netc {program.version}  {program.name}  seed {plan.seed}  program {program.hash}  "
        f"{device.name}, {threads}, {device.about}"
    )


def where(run: RunFolder, found: Checkpoint | None) -> str:
    if found is None:
        return f"run {run.path}"
    lines = [f"skipped: {reason}" for reason in found.skipped]
    return "\n".join([*lines, f"run {run.path}, resumed after step {found.facts.step}"])


def state_of(found: Checkpoint | None, session: Session) -> State:
    function = session.function("train")
    if found is None:
        return State(0, 1, 0, (0.0,) * len(numbers(function)))
    facts = found.facts
    told = str(dict(facts.extra).get("sums", "")).split()
    sums = tuple(float.fromhex(number) for number in told)
    if len(sums) != len(numbers(function)):
        raise fail("E0602", f"the checkpoint `{found.path}` is not of a training run")
    skipped = int(dict(facts.extra).get("skipped") or 0)
    return State(
        facts.step, facts.epoch, facts.position, sums, facts.best_value, facts.best_step, skipped
    )


def result_line(run: Run) -> str | None:
    """What a person wants to know in the end."""
    if run.test is None:
        return None
    values = "  ".join(f"{name} {steady(value)}" for name, value in run.test.items())
    return f"test  {values}  ({run.test_samples:,} samples)"


def result_json(run: Run) -> str:
    """The same for machines, on one line."""
    return json.dumps(
        {"event": "done", "run": str(run.folder), "steps": run.steps, "finished": run.is_finished,
         "metrics": dict(run.metrics), "test": run.test and dict(run.test),
         "test_samples": run.test_samples}
    )  # fmt: skip
