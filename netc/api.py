"""The Python API: a `.net` file comes in; a program, a session or a run goes out."""

import os
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Literal

from netc.compiler.build.cc import NATIVE, build_step_ahead
from netc.compiler.driver import compile_file
from netc.compiler.program import FunctionFacts, KernelFacts
from netc.compiler.program import Program as Facts
from netc.runtime import checkpoint
from netc.runtime import train as training
from netc.runtime.checkpoint import Checkpoint
from netc.runtime.device import Device, open_device, target_of, usual_device
from netc.runtime.errors import fail
from netc.runtime.feeding import Given
from netc.runtime.loop import Run
from netc.runtime.plan import Options
from netc.runtime.progress import Progress, choose_mode, look_of
from netc.runtime.restore import load_program, restore
from netc.runtime.session import Session
from netc.sizes import SizedSession

ENDINGS = {"cpu": ("c", "c"), "cuda": ("cuda", "cu")}  # target -> folder, ending


class Program:
    """A compiled program: what its device makes of it, its sources, and how to start it."""

    def __init__(
        self, facts: Facts, folder: Path, device: str | None = None, threads: int = 0
    ) -> None:
        self.device, self.threads = device or usual_device(), threads
        self.facts, self.folder = facts.on(target_of(self.device)), Path(folder)

    @property
    def name(self) -> str:
        return self.facts.name

    @property
    def parameters(self) -> int:
        """How many trained numbers there are."""
        return self.facts.parameters

    @property
    def functions(self) -> tuple[FunctionFacts, ...]:
        return self.facts.functions

    @property
    def kernels(self) -> tuple[KernelFacts, ...]:
        """The kernels of a training step, in order; of all functions where nothing is trained."""
        step = self.facts.function("train")
        chosen = (step,) if step else self.facts.functions
        return tuple(kernel for function in chosen for kernel in function.kernels)

    @property
    def memory(self) -> int:
        """Bytes of the one arena that the program runs in."""
        return self.facts.arena_bytes

    @property
    def cost(self) -> float:
        """Predicted seconds of the kernels in `kernels`."""
        return sum(kernel.seconds * kernel.times for kernel in self.kernels)

    def source(self, target: str = "cpu") -> str:
        """The rendered source of every function, one after the other."""
        if target not in ENDINGS:
            raise fail("E0714", f"there is no target `{target}`", help="there are cpu and cuda")
        folder, ending = ENDINGS[target]
        functions = self.facts.on(target).functions
        paths = [self.folder / folder / f"{one.symbol}.{ending}" for one in functions]
        if not all(path.is_file() for path in paths):
            message = f"the build folder `{self.folder}` has no {target} source"
            raise fail("E0614", message, help="compile the program again")
        return "\n".join(path.read_text(encoding="utf-8") for path in paths)

    def start(self, seed: int = 0, steps: int | None = None) -> Session:
        """A session at step 0, with the weights of this seed.

        `steps` is how many there will be, for schedules over the whole run.
        """

        def open(program: Facts, folder: Path) -> Device:
            return open_device(self.device, program, folder, self.threads)

        return SizedSession(self.facts, self.folder, open, seed, steps)

    def __repr__(self) -> str:
        return f"<netc.Program {self.name}: {self.parameters:,} parameters, {self.folder}>"


def compile(
    path: str | Path,
    *,
    device: str | None = None,
    define: Mapping[str, float] | None = None,
    train: str | None = None,
    out: str | Path | None = None,
    threads: int = 0,
    march: str = NATIVE,
) -> Program:
    """Compile a `.net` file into its build folder. Raises NetError.

    Without a `device` the program is for the GPU where there is one, else for the cpu. There the
    training step is built meanwhile. `march` is the processor that its C is for, as the C compiler
    names it: `x86-64-v3` has AVX2, `x86-64-v4` AVX-512.
    """
    device, where = device or usual_device(), None if out is None else Path(out)
    ready = partial(build_step_ahead, march=march) if device == "cpu" else None
    facts, folder = compile_file(
        Path(path), defines=define or {}, train=train, out=where, ready=ready, march=march
    )
    return Program(facts, folder, device, threads)


def load(
    path: str | Path,
    *,
    program: Program | str | Path | None = None,
    device: str | None = None,
    threads: int = 0,
) -> Session:
    """The session of a checkpoint, or of a run's newest one.

    A checkpoint knows the build folder that it was made with; `program` names another place of it.
    """
    found = checkpoint_at(Path(path))
    if isinstance(program, Program):
        return started(program, found)
    told = dict(found.facts.extra).get("program", "")
    folder = Path(str(told)) if program is None else Path(program)
    return started(Program(load_program(folder), folder, device, threads), found)


def checkpoint_at(path: Path) -> Checkpoint:
    return checkpoint.latest(path) if path.is_dir() else checkpoint.load(path)


def started(program: Program, found: Checkpoint) -> Session:
    session = program.start(found.facts.seed)
    try:
        restore(session, found)
    except BaseException:
        session.close()
        raise
    return session


def train(
    program: Program | str | Path,
    *,
    data: Given = None,
    epochs: int | None = None,
    steps: int | None = None,
    seed: int | None = None,
    define: Mapping[str, float] | None = None,
    device: str | None = None,
    threads: int = 0,
    out: str | Path = "runs",
    resume: str | None = None,
    max_steps: int | None = None,
    time_limit: float | None = None,
    on_nan: Literal["stop", "skip"] = "stop",
    quiet: bool = False,
) -> Run:
    """Train a program as `netc train` does, in a new run folder. Raises NetError.

    `data` is a file, a folder or arrays by field. After Ctrl-C the run is saved and its
    `exit_code` is 130. `on_nan="skip"` leaves out steps that lead to what is not a finite number.
    """
    if isinstance(program, Program):
        device = program.device
    else:
        program = compile(program, device=device, define=define, threads=threads)
    options = Options(
        epochs=epochs, steps=steps, seed=seed, threads=program.threads, device=device,
        data=data, out=Path(out), resume=resume, max_steps=max_steps, time_limit=time_limit,
        skip_bad=on_nan == "skip",
    )  # fmt: skip
    return training.train(program.facts, program.folder, options, reporter(quiet=quiet))


def reporter(as_json: bool = False, quiet: bool = False) -> training.Report:
    """What shows the progress of a run: on standard error, or as JSON on standard output."""

    def report(name: str, epochs: int, steps: int, batch: int) -> Progress:
        mode = choose_mode(sys.stderr, os.environ, as_json, quiet)
        look = look_of(sys.stderr, os.environ)
        return Progress(mode, sys.stderr, sys.stdout, time.monotonic, epochs, steps, batch, look)

    return report
