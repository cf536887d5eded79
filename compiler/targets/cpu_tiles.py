"""How the cpu target cuts kernels into tasks and tiles, from the facts of a machine."""

from dataclasses import dataclass

from netc.compiler.kernels.plan import ColumnPlan, MapPlan, MatmulPlan, RowPlan
from netc.compiler.scalar.expression import Expression, Load, walk
from netc.compiler.scalar.index import Variable

MAP_BLOCK = 4096  # elements of a flat map in one task
COLUMN_BLOCK = 256  # neighbours that are folded side by side: their sums stay in the L1 cache
LANES = 16  # partial sums of a long row: fills the widest vectors, and fixes the order of the sum
BLOCK_DEPTH, BLOCK_ROWS, BLOCK_COLUMNS = (
    256,
    96,
    128,
)  # operands of a block: 96 + 128 KB, the L2 cache
WANTED_TASKS = 16  # enough to share out evenly among a few threads


@dataclass(frozen=True)
class CpuMachine:
    """What tiles depend on: bytes of a vector register and how many there are."""

    name: str
    vector_bytes: int
    registers: int

    @property
    def lanes(self) -> int:
        return self.vector_bytes // 4


@dataclass(frozen=True)
class MapTile:
    block: int
    tasks: int
    description: str


@dataclass(frozen=True)
class RowTile:
    """`in_lanes` says for each stage whether its sums run in `lanes` partial sums."""

    lanes: int
    in_lanes: tuple[bool, ...]
    tasks: int
    description: str


@dataclass(frozen=True)
class ColumnTile:
    block: int
    blocks: int
    is_ragged: bool
    tasks: int
    description: str


@dataclass(frozen=True)
class MatmulTile:
    """A register tile of rows x columns within a block of block_rows x block_columns x block_depth."""

    rows: int
    vectors: int
    lanes: int
    block_rows: int
    block_columns: int
    block_depth: int
    row_blocks: int
    column_blocks: int
    left_rows_adjacent: bool
    right_columns_adjacent: bool
    tasks: int

    @property
    def columns(self) -> int:
        return self.vectors * self.lanes

    @property
    def blocks(self) -> int:
        return self.row_blocks * self.column_blocks

    @property
    def product(self) -> str:
        return f"netc_product_{self.rows}x{self.columns}"

    @property
    def description(self) -> str:
        return (
            f" of {self.block_rows} x {self.block_columns} in tiles of "
            f"{self.rows} x {self.columns}, depth {self.block_depth} at a time"
        )


def map_tile(plan: MapPlan) -> MapTile:
    if plan.outer.extent > 1:
        return MapTile(1, plan.outer.extent, f" of {plan.inner.extent} elements")
    return MapTile(MAP_BLOCK, ceil(plan.inner.extent, MAP_BLOCK), f" of {MAP_BLOCK} elements")


def row_tile(plan: RowPlan) -> RowTile:
    wide = plan.column.extent >= 2 * LANES
    in_lanes = tuple(
        wide and bool(stage.folds) and not any(fold.finds_place for fold in stage.folds)
        for stage in plan.stages
    )
    return RowTile(LANES, in_lanes, plan.row.extent, " of a row")


def column_tile(plan: ColumnPlan) -> ColumnTile:
    block = min(plan.inner.extent, COLUMN_BLOCK)
    if plan.outer.extent < WANTED_TASKS:
        wanted = ceil(plan.inner.extent, ceil(WANTED_TASKS, plan.outer.extent))
        block = min(block, round_up(wanted, LANES), plan.inner.extent)
    blocks = ceil(plan.inner.extent, block)
    return ColumnTile(
        block, blocks, bool(plan.inner.extent % block), plan.outer.extent * blocks,
        f" of {block} columns",
    )  # fmt: skip


def matmul_tile(plan: MatmulPlan, machine: CpuMachine) -> MatmulTile:
    """The register tile that fills the registers and wastes least at the edges, and blocks around it."""
    rows_total, columns_total = plan.row.extent, plan.column.extent
    vectors = 2 if columns_total > machine.lanes else 1
    columns = vectors * machine.lanes
    most = (machine.registers - vectors - 2) // vectors
    rows = best_rows(rows_total, min(most, 14))
    block_columns = min(round_up(columns_total, columns), round_up(BLOCK_COLUMNS, columns))
    block_rows = min(round_up(rows_total, rows), round_down(BLOCK_ROWS, rows))
    while plan.batch.extent * ceil(rows_total, block_rows) * ceil(
        columns_total, block_columns
    ) < WANTED_TASKS and (block_columns > columns or block_rows > rows):
        if block_columns > columns and block_columns >= block_rows:
            block_columns = round_up(block_columns // 2, columns)
        elif block_rows > rows:
            block_rows = round_up(block_rows // 2, rows)
        else:
            block_columns = round_up(block_columns // 2, columns)
    row_blocks, column_blocks = ceil(rows_total, block_rows), ceil(columns_total, block_columns)
    return MatmulTile(
        rows=rows,
        vectors=vectors,
        lanes=machine.lanes,
        block_rows=block_rows,
        block_columns=block_columns,
        block_depth=min(plan.depth.extent, BLOCK_DEPTH),
        row_blocks=row_blocks,
        column_blocks=column_blocks,
        left_rows_adjacent=steps_by_one(plan.left, plan.row),
        right_columns_adjacent=steps_by_one(plan.right, plan.column),
        tasks=plan.batch.extent * row_blocks * column_blocks,
    )


def best_rows(total: int, most: int) -> int:
    """Rows of a register tile: few of them unused at the edge, and many, to load less for each product."""
    candidates = range(max(1, min(most, total) // 2), min(most, total) + 1)
    return min(candidates, key=lambda rows: round_up(total, rows) / total + 0.3 / rows)


def steps_by_one(expression: Expression, variable: Variable) -> bool:
    """Whether the operand's loads move to the next element when the variable goes up by one."""
    loads = [part for part in walk(expression) if isinstance(part, Load)]
    return all(load.position.coefficient(variable) == 1 for load in loads)


def ceil(number: int, divisor: int) -> int:
    return -(-number // divisor)


def round_up(number: int, multiple: int) -> int:
    return ceil(number, multiple) * multiple


def round_down(number: int, multiple: int) -> int:
    return max(multiple, number // multiple * multiple)
