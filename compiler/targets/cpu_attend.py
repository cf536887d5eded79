"""How the cpu target cuts attention into tasks and blocks, from the facts of a machine."""

from dataclasses import dataclass
from math import gcd

from netc.compiler.kernels.plan import AttendPlan
from netc.compiler.scalar.index import Variable
from netc.compiler.scalar.rounding import ceil, round_up
from netc.compiler.targets.cpu_operand import Operand, turned_operand
from netc.compiler.targets.cpu_tiles import LANES, CpuMachine

MEETING = 64  # queries and keys of a block of attention: its scores, 16 KB, stay in the L1 cache


@dataclass(frozen=True)
class AttendTile:
    """Blocks of `queries` by `keys`, each product of which runs in a register tile; `blocks` tasks
    for each of the batch. Channels are padded to whole tiles: `depth` and `width` are the sizes.
    `key` and `value` say how rows of them become columns, where that is by squares."""

    rows: int
    vectors: int
    lanes: int
    queries: int
    keys: int
    depth: int
    width: int
    key: Operand | None
    value: Operand | None
    blocks: int
    tasks: int

    @property
    def columns(self) -> int:
        return self.vectors * self.lanes

    @property
    def product(self) -> str:
        return f"netc_product_{self.rows}x{self.columns}"

    @property
    def parts(self) -> int:
        """Partial results of a fold over the keys of a block, each of as many keys."""
        return gcd(LANES, self.keys)

    @property
    def description(self) -> str:
        return f" of {self.queries} queries by {self.keys} keys at a time"


def attend_tile(plan: AttendPlan, machine: CpuMachine) -> AttendTile:
    """Rows divide the columns of the register tile, so that blocks of keys can be either."""
    is_narrow = max(plan.depth.extent, plan.width.extent) <= machine.lanes
    vectors, rows = 1 if is_narrow else 2, 4 if machine.registers < 32 else 8
    columns = max(vectors * machine.lanes, rows)
    queries = min(round_up(MEETING, rows), round_up(plan.query.extent, rows))
    keys = min(round_up(MEETING, columns), round_up(plan.key.extent, columns))
    of_keys = plan.form == "key_value"
    blocks = ceil(plan.key.extent, keys) if of_keys else ceil(plan.query.extent, queries)
    return AttendTile(
        rows=rows,
        vectors=vectors,
        lanes=machine.lanes,
        queries=queries,
        keys=keys,
        depth=round_up(plan.depth.extent, columns),
        width=round_up(plan.width.extent, columns),
        key=turned_rows(plan, "key", plan.depth, keys),
        value=turned_rows(plan, "value", plan.width, keys),
        blocks=blocks,
        tasks=plan.batch.extent * blocks,
    )


def turned_rows(plan: AttendPlan, name: str, channel: Variable, keys: int) -> Operand | None:
    """How whole blocks of an operand's rows are turned; None where it takes more than that."""
    if plan.key.extent % keys:
        return None
    found = turned_operand(dict(plan.operands)[name], plan.key, channel, (keys, channel.extent))
    return found if found and not found.stretch else None
