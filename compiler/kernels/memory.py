"""The memory plan: where in the arena every stored tensor lives, to the byte.

What lasts from step to step (weights, states, moments, counters) comes first, at places that all
functions of a program share. Behind it each function lays out what lives only within a step:
tensors that are never alive together share bytes, and a kernel that reads a dying tensor element
by element writes its result in place. What a scan reads and makes is alive for all of its steps: a
step sees a row of it, and that row moves on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from netc.compiler.ir.graph import Graph, Input, Node, Role, Value
from netc.compiler.ir.scan import Before, Scan
from netc.compiler.kernels.contents import plan_expressions, plan_stores
from netc.compiler.kernels.group import lies_in, operands_lie_in
from netc.compiler.kernels.plan import AttendPlan, Kernel, RowPlan, ScatterPlan, runs
from netc.compiler.scalar.expression import Load, LoadRow, find_loads
from netc.compiler.scalar.index import Index

ALIGNMENT = 256  # bytes: what CUDA's own allocator keeps, and whole cache lines on a CPU


@dataclass(frozen=True)
class Buffer:
    """A stretch of the arena: `offset` and `bytes` from its start.

    In step t of a scan it lies `move` * t bytes further on, but in step `exception` at `start`,
    where that is given.
    """

    name: str
    offset: int
    bytes: int
    move: int = 0
    start: int | None = None
    exception: int = 0

    @property
    def first(self) -> int:
        """Where it lies in the first step, or always."""
        return self.offset if self.start is None or self.exception else self.start

    def __str__(self) -> str:
        return f"{self.offset:>12} +{self.bytes:<10} {self.name}"


@dataclass(frozen=True)
class Copy:
    """At the end of a step, the bytes of `source` go to `target`: an update not in place."""

    source: Buffer
    target: Buffer


@dataclass(frozen=True)
class MemoryPlan:
    """`places` holds the buffer of each stored value, in the order of first use."""

    places: tuple[tuple[str, Buffer], ...]
    copies: tuple[Copy, ...]
    arena_bytes: int

    def buffer(self, name: str) -> Buffer:
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> Mapping[str, Buffer]:
        return dict(self.places)

    def __str__(self) -> str:
        lines = [f"arena {self.arena_bytes} bytes"]
        lines += [f"  {buffer}  {name}" for name, buffer in self.places]
        return "\n".join(lines)


@dataclass(frozen=True)
class Lifetime:
    """A tensor's size and the first and last time between which it is needed."""

    name: str
    bytes: int
    first: int
    last: int


def plan_persistent(inputs: tuple[Input, ...]) -> tuple[Buffer, ...]:
    """Places for all that lasts, in the order given; `inputs` holds each value once."""
    buffers, offset = [], 0
    for entry in inputs:
        buffers.append(Buffer(entry.value.name, offset, entry.value.type.bytes))
        offset += aligned(entry.value.type.bytes)
    return tuple(buffers)


def plan_memory(
    graph: Graph, kernels: tuple[Kernel, ...], persistent: tuple[Buffer, ...]
) -> MemoryPlan:
    """Places for every value that the kernels of one function load or store."""
    base = max((buffer.offset + aligned(buffer.bytes) for buffer in persistent), default=0)
    shared = {buffer.name: buffer for buffer in persistent}
    accesses = tuple(map(find_accesses, kernels))
    updates = in_place_updates(graph, kernels, accesses)
    aliases = dict(updates)
    rows = {value.name for node, _ in runs(kernels) if node for value in row_values(node)}
    lifetimes = live_ranges(graph, kernels, set(shared) | set(aliases) | rows)
    aliases |= in_place_results(kernels, accesses, lifetimes)
    merged = merge(lifetimes, aliases)
    places = shared | place(merged, base)
    for name in aliases:
        root = name
        while root in aliases:
            root = aliases[root]
        places[name] = places[root]
    arena = max((b.offset + aligned(b.bytes) for b in places.values()), default=0)
    for node, _ in runs(kernels):
        places |= row_places(node, places, graph.producers()) if node else {}
    copies = tuple(
        Copy(places[update.value.name], places[update.target.name])
        for update in graph.updates
        if updates.get(update.value.name) != update.target.name
    )
    return MemoryPlan(tuple(places.items()), copies, arena)


def row_values(node: Node) -> tuple[Value, ...]:
    """What has no bytes of its own in a step of a scan: it is a row of an operand or an output."""
    assert node.region is not None
    return node.region.parameters + node.region.results


def scanned(node: Node, producers: Mapping[str, Node]) -> tuple[Value, ...]:
    """The tensors that the steps of a scan read and write."""
    return operands_lie_in(node, producers) + node.outputs


def row_places(
    node: Node, places: Mapping[str, Buffer], producers: Mapping[str, Node]
) -> dict[str, Buffer]:
    """The places of a region's parameters and results. What is carried into a step is the row that
    the step before has written."""
    scan, found = Scan.of(node), {}

    def lies(value: Value) -> Buffer:
        return places[lies_in(value, producers).name]

    def row(value: Value, stack: Value, ahead: int = 0, start: Value | None = None) -> None:
        """The row that is `ahead` of the step's own; where there is none, the start."""
        size = value.type.bytes
        move, first = (-size, scan.steps - 1) if scan.reverse else (size, 0)
        offset = lies(stack).offset + (first + ahead) * size
        exception = 0 if (ahead > 0) == scan.reverse else scan.steps - 1
        found[value.name] = Buffer(
            lies(stack).name, offset, size, move,
            *((lies(start).offset, exception) if start else ()),
        )  # fmt: skip

    for value, stack in zip(scan.rows, scan.sources, strict=True):
        if before := Before.of(stack, producers):
            row(value, before.stack, before.ahead, before.start)
        else:
            row(value, stack)
    for value, start, stack in zip(scan.carried, scan.starts, node.outputs, strict=False):
        row(value, stack, 1 if scan.reverse else -1, start)
    for value, operand in zip(scan.given, scan.shared, strict=True):
        found[value.name] = lies(operand)
    for value, stack in zip(node.region.results, node.outputs, strict=True):
        row(value, stack)
    return found


def live_ranges(
    graph: Graph, kernels: tuple[Kernel, ...], elsewhere: set[str]
) -> dict[str, Lifetime]:
    """When each value not `elsewhere` is alive; fields from the start, results to the end."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    sizes: dict[str, int] = {}

    def use(value: Value, time: int) -> None:
        if value.name not in elsewhere:
            first[value.name] = min(time, first.get(value.name, time))
            last[value.name] = max(time, last.get(value.name, time))
            sizes[value.name] = value.type.bytes

    for entry in graph.inputs:
        if entry.role is Role.FIELD:
            use(entry.value, 0)
    for number, kernel in enumerate(kernels):
        for value in kernel.reads + kernel.writes:
            use(value, moment(number))
    number, producers = 0, graph.producers()
    for node, some in runs(kernels):
        number += len(some)
        for value in scanned(node, producers) if node else ():
            use(value, moment(number - len(some)))
            use(value, moment(number) - 1)  # after the last kernel: a later step needs it again
    for value in graph.results:
        use(value, moment(len(kernels)))
    return {name: Lifetime(name, sizes[name], first[name], last[name]) for name in first}


def moment(number: int) -> int:
    """The time at which a kernel runs; those of a scan all run again before the time after it."""
    return 2 * number


@dataclass(frozen=True)
class Accesses:
    """Where a kernel loads and stores each value; `is_known` is false where it walks its rows
    again, and may load an element after it was stored, or stores where it likes."""

    loads: Mapping[str, tuple[Load | LoadRow, ...]]
    stores: Mapping[str, tuple[Index, ...]]
    is_known: bool


def find_accesses(kernel: Kernel) -> Accesses:
    plan = kernel.plan
    loads: dict[str, list[Load | LoadRow]] = {}
    stores: dict[str, list[Index]] = {}
    for expression in plan_expressions(plan):
        for load in find_loads(expression):
            loads.setdefault(load.value.name, []).append(load)
    for store in plan_stores(plan):
        stores.setdefault(store.value.name, []).append(store.position)
    walks_again = isinstance(plan, RowPlan) and len(plan.stages) > 1
    return Accesses(
        {name: tuple(some) for name, some in loads.items()},
        {name: tuple(some) for name, some in stores.items()},
        is_known=not walks_again and not isinstance(plan, ScatterPlan | AttendPlan),
    )


def in_place_updates(
    graph: Graph, kernels: tuple[Kernel, ...], accesses: tuple[Accesses, ...]
) -> dict[str, str]:
    """New values that are written straight over the old ones: value name -> target name.

    That is right where no later kernel reads the old value, and the kernel that writes the new one
    reads the old one at the same element only.
    """
    made = {value.name: number for number, kernel in enumerate(kernels) for value in kernel.writes}
    producers = graph.producers()
    last = {
        value.name: number
        for number, kernel in enumerate(kernels)
        for value in needed(kernel, producers)
    }
    taken: dict[str, str] = {}
    for update in graph.updates:
        number = made.get(update.value.name)
        if number is None or update.value.name in taken:
            continue
        later = last.get(update.target.name, 0) > number
        if not later and reads_own_place(accesses[number], update.target, update.value):
            taken[update.value.name] = update.target.name
    return taken


def needed(kernel: Kernel, producers: Mapping[str, Node]) -> tuple[Value, ...]:
    return kernel.reads + (scanned(kernel.scan, producers) if kernel.scan else ())


def in_place_results(
    kernels: tuple[Kernel, ...], accesses: tuple[Accesses, ...], lifetimes: dict[str, Lifetime]
) -> dict[str, str]:
    """Results that take over the bytes of a tensor that dies in the same kernel."""
    taken: dict[str, str] = {}
    given: set[str] = set()
    for number, kernel in enumerate(kernels):
        dying = [
            value
            for value in kernel.reads
            if value.name in lifetimes and lifetimes[value.name].last == moment(number)
            and value not in kernel.rooms
        ]
        for result in kernel.writes:
            if result.name not in lifetimes:
                continue
            for old in dying:
                fits = old.type.dtype == result.type.dtype and old.type.count == result.type.count
                fits = fits and old.name not in given
                if fits and reads_own_place(accesses[number], old, result):
                    taken[result.name] = old.name
                    given.add(old.name)
                    break
    return taken


def reads_own_place(accesses: Accesses, old: Value, new: Value) -> bool:
    """Whether a kernel loads `old` only at the elements where the same step then stores `new`."""
    loads = accesses.loads.get(old.name, ())
    if not accesses.is_known:
        return not loads
    stores = accesses.stores.get(new.name, ())
    return all(any(load.is_at(position) for position in stores) for load in loads)


def merge(lifetimes: dict[str, Lifetime], aliases: dict[str, str]) -> tuple[Lifetime, ...]:
    """One lifetime for each chain of values that share their bytes."""
    merged = dict(lifetimes)
    for name in reversed([name for name in lifetimes if name in aliases]):
        into = aliases[name]
        whole, part = merged[into], merged.pop(name)
        last = max(whole.last, part.last)
        merged[into] = Lifetime(into, whole.bytes, min(whole.first, part.first), last)
    return tuple(merged.values())


def place(lifetimes: tuple[Lifetime, ...], base: int) -> dict[str, Buffer]:
    """The largest first, each at the lowest offset that is free for as long as it lives."""
    order = sorted(lifetimes, key=lambda life: (-life.bytes, life.first, life.name))
    first = np.array([life.first for life in order], np.int64)
    last = np.array([life.last for life in order], np.int64)
    start, end = np.zeros(len(order), np.int64), np.zeros(len(order), np.int64)
    for number, life in enumerate(order):
        meets = np.flatnonzero((first[:number] <= life.last) & (life.first <= last[:number]))
        size = aligned(life.bytes)
        start[number] = lowest_gap(start[meets], end[meets], size, base)
        end[number] = start[number] + size
    return {
        life.name: Buffer(life.name, int(offset), life.bytes)
        for life, offset in zip(order, start, strict=True)
    }


def lowest_gap(starts: np.ndarray, ends: np.ndarray, size: int, base: int) -> int:
    """The lowest offset from `base` on with `size` free bytes between stretches of the arena."""
    by_start = np.argsort(starts)
    before = np.maximum.accumulate(np.concatenate(([base], ends[by_start])))
    fits = np.flatnonzero(before[:-1] + size <= starts[by_start])
    return int(before[fits[0] if len(fits) else -1])


def aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
