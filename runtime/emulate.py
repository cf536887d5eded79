"""The device `emulate`: a program's CUDA C, unchanged, on the CPU."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from netc.compiler.diagnostics import Diagnostic, NetError, Source, Span
from netc.compiler.program import FunctionFacts, Program, Tensor
from netc.compiler.targets.cuda_launches import from_json
from netc.emulator.build import find_compiler
from netc.emulator.findings import EmulatorError, Finding
from netc.emulator.launch import FORWARD, Schedule
from netc.emulator.memory import Buffer, guarded
from netc.emulator.step import EmulatedStep, build_step
from netc.runtime.arena import free_memory, too_large, view
from netc.runtime.errors import fail


class Emulate:
    """A program in memory of this machine. Where `checked`, every kernel's accesses are checked.

    `schedule` is the order in which threads take their turns: results do not depend on it.
    """

    name, target = "emulate", "cuda"
    threads = 1

    def __init__(
        self, program: Program, folder: Path, checked: bool = False, schedule: Schedule = FORWARD
    ) -> None:
        self.program, self.folder = program.on(self.target), folder
        self.checked, self.schedule = checked, schedule
        self.about = f"CUDA C by {find_compiler()[1]}"
        free, size = free_memory(), self.program.arena_bytes
        if free is not None and 2 * size > free:
            raise too_large(2 * size, f"{free:,} are free")
        self.arena = Buffer("arena", guarded(size), np.zeros(size, np.uint8))
        self.steps: dict[str, EmulatedStep] = {}

    def read(self, tensor: Tensor) -> np.ndarray:
        return view(self.arena.bytes, tensor).copy()

    def write(self, tensor: Tensor, array: np.ndarray) -> None:
        view(self.arena.bytes, tensor)[...] = array
        end = tensor.offset + view(self.arena.bytes, tensor).nbytes
        self.arena.written[tensor.offset : end] = 1

    def prepare(self, function: FunctionFacts) -> None:
        self.step(function)

    def run(
        self,
        function: FunctionFacts,
        fields: tuple[np.ndarray, ...],
        order: np.ndarray | None,
        steps: int,
    ) -> np.ndarray:
        step = self.step(function)
        rows = np.arange(steps * function.batch) if order is None else order
        self.arena.written[self.program.persistent_bytes :] = 0
        with told(self.program, self.folder, function):
            return step.run(self.arena, fields, rows, steps, self.schedule)

    def run_kernel(self, function: FunctionFacts, number: int) -> None:
        with told(self.program, self.folder, function):
            self.step(function).run_kernel(self.arena, function.kernels[number].name, self.schedule)

    def step(self, function: FunctionFacts) -> EmulatedStep:
        """The function's source, compiled at its first use."""
        symbol = function.symbol
        if symbol not in self.steps:
            launches = from_json(self.text(f"{symbol}.json"))
            self.steps[symbol] = build_step(self.text(f"{symbol}.cu"), launches, self.checked)
        return self.steps[symbol]

    def text(self, name: str) -> str:
        path = self.folder / "cuda" / name
        try:
            return path.read_text(encoding="utf-8")
        except OSError:
            raise fail(
                "E0614",
                f"the build folder lacks `{path}`",
                help="`netc compile FILE` writes it",
            ) from None

    def close(self) -> None:
        self.steps.clear()
        self.arena = Buffer("arena", self.arena.bytes[:0], self.arena.written[:0])


def open_emulate(program: Program, folder: Path, threads: int) -> Emulate:
    """The program on the emulator, which has one thread; NetError (E0711) where g++ is missing."""
    return Emulate(program, folder)


@contextmanager
def told(program: Program, folder: Path, function: FunctionFacts) -> Iterator[None]:
    """What the emulator finds meanwhile, as a NetError."""
    try:
        yield
    except EmulatorError as error:
        lines = program_text(program, folder)
        raise NetError(*(diagnose(one, function, lines) for one in error.findings)) from None


def program_text(program: Program, folder: Path) -> Source:
    """The `.net` file as it was compiled; empty where the build folder has lost it."""
    path = folder / f"{program.name}.net"
    return Source(program.file, path.read_text() if path.is_file() else "")


def diagnose(finding: Finding, function: FunctionFacts, source: Source) -> Diagnostic:
    """A finding in the words and at the line of the user's program."""
    kernel = next((k for k in function.kernels if k.name == finding.kernel), None)
    lines = kernel.lines if kernel else ()
    block, thread = (",".join(map(str, place)) for place in (finding.block, finding.thread))
    notes = [f"block {block}, thread {thread}"]
    if finding.line:
        notes.append(f"{finding.file}:{finding.line}: {finding.text}")
    if finding.buffer:
        notes.append(f"the buffer `{finding.buffer}`, at byte {finding.offset}")
    return Diagnostic(
        "E0731",
        f"{finding.kind} in the kernel `{finding.kernel}`: {finding.words}",
        span=span_of(source, lines[0]) if lines else None,
        label="the kernel computes this" if lines else "",
        notes=tuple(notes),
    )


def span_of(source: Source, line: int) -> Span:
    text = source.line(line)
    start = len(text) - len(text.lstrip())
    return Span(source, line, start + 1, line, len(text) + 1)
