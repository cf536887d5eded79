"""Kernels in order in; which of their tasks may run at once, and what waits for what, out."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from netc.compiler.ir.graph import Value
from netc.compiler.ir.scan import Scan
from netc.compiler.kernels.memory import Buffer
from netc.compiler.kernels.plan import Kernel, runs
from netc.compiler.targets.cpu_shares import Shares
from netc.compiler.targets.function import Function
from netc.compiler.targets.traffic import Traffic

HANDING_OVER = 0.5e-6  # seconds in which tasks come to another thread, and it is waited for
CLAIM = 1e-6  # seconds that are worth a claim
UNIT = 1e-7  # seconds: how finely a phase of several pieces is shared out


@dataclass(frozen=True)
class CpuParameter:
    """A pointer that a kernel is given: into the arena, at `place` bytes, which may depend on the
    step `t` of a scan."""

    type: str
    name: str
    is_written: bool
    place: str


@dataclass(frozen=True)
class CpuKernelSource:
    """A rendered kernel and what the function that calls it needs; `number` is its place there,
    `seconds` what all of its tasks should take one after the other, and `share_tasks` are those of
    one share of the rows, where it is shared out so."""

    name: str
    number: int
    parameters: tuple[CpuParameter, ...]
    tasks: int
    source: str
    seconds: float
    share_tasks: int = 0

    @property
    def is_small(self) -> bool:
        """Whether one thread is done with all of it before it could be shared out."""
        return self.tasks == 1 or self.seconds < HANDING_OVER


@dataclass(frozen=True)
class Piece:
    """Tasks of a phase: those of one kernel, or a single one that runs small kernels in order.
    They are shared out as so many units of the phase, from its unit `start` on."""

    start: int
    units: int
    tasks: int
    kernels: tuple[CpuKernelSource, ...]

    @property
    def is_whole(self) -> bool:
        """Whether a task runs kernels with all that they have to do."""
        return self.kernels[0].is_small


@dataclass(frozen=True)
class Phase:
    """Tasks that may run in any order and at once; what they need was made in earlier phases. All
    pieces together have `units`, of which threads claim no fewer than are `worth` it."""

    pieces: tuple[Piece, ...]
    units: int
    worth: int


@dataclass(frozen=True)
class PartCall:
    """A kernel on the part of its tasks, from `first` up to `last`, that claimed shares have."""

    kernel: CpuKernelSource
    first: str
    last: str


@dataclass(frozen=True)
class Turn:
    """Phases one after the other; those of a scan again for each of its `steps`, else None. A scan
    that is shared out by rows has `shares` instead, each of which runs all `calls` in all steps."""

    steps: int | None
    phases: tuple[Phase, ...] = ()
    shares: int = 0
    calls: tuple[PartCall, ...] = ()


def turns(
    function: Function, sources: tuple[CpuKernelSource, ...], shares: Mapping[str, Shares]
) -> tuple[Turn, ...]:
    """The kernels in phases, those of a scan by themselves; `shares` by the name of a scan."""
    found, number = [], 0
    for node, kernels in runs(function.kernels):
        some = sources[number : number + len(kernels)]
        number += len(kernels)
        shared = shares.get(node.output.name) if node else None
        if shared:
            calls = tuple(part_call(source, shared) for source in some)
            found.append(Turn(Scan.of(node).steps, shares=shared.count, calls=calls))
        else:
            steps = Scan.of(node).steps if node else None
            found.append(Turn(steps, phases(function, kernels, some)))
    return tuple(found)


def worth_a_claim(tasks: int, seconds: float) -> int:
    """How many of these tasks are worth a claim, of so many seconds in all."""
    return tasks if seconds <= CLAIM else max(1, round(tasks * CLAIM / seconds))


def part_call(source: CpuKernelSource, shares: Shares) -> PartCall:
    """The call of a kernel with the tasks of claimed shares, the last of which may be short."""
    each, last = source.share_tasks, f"claim.last * {source.share_tasks}"
    if shares.count * each > source.tasks:
        last = f"({last} < {source.tasks} ? {last} : {source.tasks})"
    return PartCall(source, f"claim.first * {each}", last)


def phases(
    function: Function, kernels: tuple[Kernel, ...], sources: tuple[CpuKernelSource, ...]
) -> tuple[Phase, ...]:
    """The kernels in phases. A kernel joins the last phase where nothing in it touches what it
    writes, or writes what it reads; small kernels that need each other are one task."""
    found: list[list[list[CpuKernelSource]]] = []
    traffic = Traffic()
    for kernel, source in zip(kernels, sources, strict=True):
        reads, writes = buffers(function, kernel.reads), buffers(function, kernel.writes)
        pieces = found[-1] if found else []
        needed = traffic.conflicts(reads, writes)
        if not found or (needed and not is_single(source, [pieces[n] for n in needed])):
            found.append([[source]])
            traffic = Traffic()
            traffic.add(0, reads, writes)
        elif needed:
            (number,) = needed
            pieces[number].append(source)
            traffic.add(number, reads, writes)
        else:
            traffic.add(len(pieces), reads, writes)
            pieces.append([source])
    return tuple(make_phase(pieces) for pieces in found)


def is_single(source: CpuKernelSource, needed: list[list[CpuKernelSource]]) -> bool:
    """Whether the kernel and all that it needs are small: one task can run both."""
    return len(needed) == 1 and source.is_small and needed[0][0].is_small


def make_phase(pieces: list[list[CpuKernelSource]]) -> Phase:
    """A phase of one piece is shared out by its tasks, one of several by the time that they should
    take: tasks of different kernels may differ a thousandfold."""
    made, start = [], 0
    for kernels in pieces:
        tasks = 1 if kernels[0].is_small else kernels[0].tasks
        units = tasks if len(pieces) == 1 else max(1, ceil(seconds_of(kernels) / UNIT))
        made.append(Piece(start, units, tasks, tuple(kernels)))
        start += units
    seconds = sum(seconds_of(kernels) for kernels in pieces)
    return Phase(tuple(made), start, worth_a_claim(start, seconds))


def seconds_of(kernels: list[CpuKernelSource]) -> float:
    return sum(kernel.seconds for kernel in kernels)


def buffers(function: Function, values: tuple[Value, ...]) -> list[Buffer]:
    return [function.memory.buffer(value.name) for value in values]
