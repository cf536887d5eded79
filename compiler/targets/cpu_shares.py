"""The kernels of a scan in; how its rows are shared out to tasks that run all of its steps, out.

Where every kernel makes row r of what it writes from row r of what the scan's kernels write, and
from what none of them writes, rows never wait for each other: a task takes some rows through all
steps, and no step ends with a barrier. Such are recurrent layers: a row is a sample of the batch.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from netc.compiler.ir.graph import Node, Value
from netc.compiler.ir.scan import Scan
from netc.compiler.kernels.contents import plan_expressions, plan_stores
from netc.compiler.kernels.memory import Buffer, MemoryPlan
from netc.compiler.kernels.plan import ColumnPlan, Kernel, MapPlan, MatmulPlan, Plan, RowPlan
from netc.compiler.scalar.expression import Load, find_loads
from netc.compiler.scalar.index import Index, Variable, variable_index
from netc.compiler.scalar.rounding import ceil, round_up
from netc.compiler.targets.cpu_tiles import TASKS_PER_CORE, CpuMachine, most_rows, tile_rows


@dataclass(frozen=True)
class Shares:
    """Tasks of `rows` rows each, the last one of what is left of `total`."""

    total: int
    rows: int

    @property
    def count(self) -> int:
        return ceil(self.total, self.rows)

    def part(self, extent: int) -> int:
        """How much of a loop over all rows a task has."""
        return self.rows * (extent // self.total)


def share_rows(
    scan: Node, kernels: tuple[Kernel, ...], memory: MemoryPlan, machine: CpuMachine
) -> Shares | None:
    """The shares of a scan; None where its rows need each other, or are too few for all cores."""
    carries = Scan.of(scan).carries
    total = carries[0].type.shape[0] if carries and carries[0].type.shape else 1
    written = {memory.buffer(value.name) for kernel in kernels for value in kernel.writes}
    if total < machine.cores or not lie_apart(kernels, memory, written):
        return None
    names = {buffer.name for buffer in written}
    touched = {
        value.name
        for kernel in kernels
        for value in kernel.reads + kernel.writes
        if memory.buffer(value.name).name in names
    }
    if not all(keeps_to_rows(kernel.plan, total, touched) for kernel in kernels):
        return None
    shares = best_shares(total, machine)
    return shares if shares.count >= machine.cores else None


def best_shares(total: int, machine: CpuMachine) -> Shares:
    """Shares of whole register tiles that end soonest on all cores."""
    found = []
    for count in (TASKS_PER_CORE * machine.cores, machine.cores):
        rows = ceil(total, count)
        found.append(Shares(total, round_up(rows, tile_rows(rows, most_rows(machine, 2)))))
    return min(found, key=lambda shares: ceil(shares.count, machine.cores) * shares.rows)


def lie_apart(kernels: tuple[Kernel, ...], memory: MemoryPlan, written: set[Buffer]) -> bool:
    """Whether what a kernel writes shares bytes with another tensor only where both are the same
    bytes: rows of different sizes would meet."""
    used = {memory.buffer(value.name) for kernel in kernels for value in kernel.reads} | written
    return not any(
        one.first < other.first + other.bytes and other.first < one.first + one.bytes
        for one in written
        for other in used
        if (one.first, one.bytes, one.move) != (other.first, other.bytes, other.move)
    )


def keeps_to_rows(plan: Plan, total: int, touched: set[str]) -> bool:
    """Whether the part of the loop that belongs to a row stores, and loads of what is `touched`,
    that row alone."""
    variable = row_loop(plan)
    if variable is None or variable.extent % total:
        return False
    inside = variable.extent // total
    row = Variable("row", total)
    cut = variable_index(row) * inside + variable_index(Variable("inside", inside))
    places = [*places_of(plan, touched)]
    return all(
        place is not None and is_in_row(place.substitute({variable: cut}), row, value)
        for value, place in places
    )


def row_loop(plan: Plan) -> Variable | None:
    """The loop that tasks cut, of which rows of the batch are stretches."""
    match plan:
        case MapPlan():
            return plan.outer if plan.outer.extent > 1 else plan.inner
        case RowPlan():
            return plan.row
        case ColumnPlan():
            return plan.outer
        case MatmulPlan() if plan.batch.extent == 1:
            return plan.row
    return None


def places_of(plan: Plan, touched: set[str]) -> Iterator[tuple[Value, Index | None]]:
    """Where a plan stores, and loads what is touched; None for a row known only while running."""
    for store in plan_stores(plan):
        yield store.value, store.position
    for expression in plan_expressions(plan):
        for load in find_loads(expression):
            if load.value.name in touched:
                yield load.value, load.position if isinstance(load, Load) else None


def is_in_row(place: Index, row: Variable, value: Value) -> bool:
    size, rest = divmod(value.type.count, row.extent)
    if rest or place.coefficient(row) != size:
        return False
    low, high = (place - variable_index(row) * size).bounds
    return low >= 0 and high < size
