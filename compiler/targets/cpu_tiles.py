"""How the cpu target cuts kernels into tasks and tiles, from the facts of a machine."""

from dataclasses import dataclass, replace
from math import gcd

from netc.compiler.kernels.plan import (
    ColumnPlan,
    MapPlan,
    MatmulPlan,
    RowPlan,
    ScatterPlan,
)
from netc.compiler.scalar.index import Variable
from netc.compiler.scalar.rounding import ceil, round_up
from netc.compiler.targets.cpu_operand import (
    Operand,
    Way,
    direct_operand,
    left_operand,
    right_operand,
)

MAP_BLOCK = 4096  # elements of a flat map in one task
COLUMN_BLOCK = 256  # neighbours that are folded side by side: their sums stay in the L1 cache
LANES = 16  # partial sums of a long row: fills the widest vectors, and fixes the order of the sum
BLOCK_DEPTH, BLOCK_ROWS, BLOCK_COLUMNS = 256, 128, 128  # packed: 2 x 128 KB, in the L2 cache
SUMS_AT_ONCE = 8  # two a cycle, each of which takes four
LONG_RUN, COPY = 16, 1.0  # runs that are packed quickly; what packing each alone takes beside a sum
UNEVEN = 1.15  # times as long as if all cores were at work: worth other blocks
MOST_ROWS = 14  # of a register tile: more are no quicker
WHOLE_DEPTH, BLOCK_BYTES = 1200, 2**17  # up to this depth a block is as deep as the product
TASKS_PER_CORE = 2  # enough to share out evenly; tiles do not change the bits


@dataclass(frozen=True)
class Shape:
    """Of a matrix product: the rows and vectors of a register tile, and the block around it."""

    rows: int
    vectors: int
    block_rows: int
    block_columns: int


@dataclass(frozen=True)
class CpuMachine:
    """What tiles depend on: bytes of a vector register and how many there are, and the shapes that
    `netc tune` found best, by the product's key. `march` is what the C compiler calls it."""

    name: str
    vector_bytes: int
    registers: int
    cores: int = 2
    tuned: tuple[tuple[str, Shape], ...] = ()
    march: str = "native"

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
    """`adds_whole` says that whole numbers are folded, whose order a C compiler may change."""

    block: int
    blocks: int
    is_ragged: bool
    adds_whole: bool
    tasks: int
    description: str


@dataclass(frozen=True)
class ScatterTile:
    """A task owns `rows` rows of the table and adds to them all that names them, in order."""

    rows: int
    tasks: int

    @property
    def description(self) -> str:
        return f" of {self.rows} rows"


@dataclass(frozen=True)
class MoveTile(ScatterTile):
    """The same for a table that moves."""


@dataclass(frozen=True)
class MatmulTile:
    """A register tile of rows x columns, in a block of block_rows x block_columns x block_depth."""

    rows: int
    vectors: int
    lanes: int
    block_rows: int
    block_columns: int
    block_depth: int
    row_blocks: int
    column_blocks: int
    left: Operand
    right: Operand
    packs_right_once: bool
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


def map_tile(plan: MapPlan, share: int | None = None) -> MapTile:
    """A task has `share` of the inner loop, where that is given, and the outer one is none."""
    if plan.outer.extent > 1:
        return MapTile(1, plan.outer.extent, f" of {plan.inner.extent} elements")
    block = share or MAP_BLOCK
    return MapTile(block, ceil(plan.inner.extent, block), f" of {block} elements")


def row_tile(plan: RowPlan) -> RowTile:
    wide = plan.column.extent >= 2 * LANES
    in_lanes = tuple(
        wide and bool(stage.folds) and not any(fold.finds_place for fold in stage.folds)
        for stage in plan.stages
    )
    return RowTile(LANES, in_lanes, plan.row.extent, " of a row")


def scatter_tile(plan: ScatterPlan, machine: CpuMachine) -> ScatterTile:
    rows = ceil(plan.rows, TASKS_PER_CORE * machine.cores)
    return (MoveTile if plan.move else ScatterTile)(rows, ceil(plan.rows, rows))


def column_tile(plan: ColumnPlan, machine: CpuMachine) -> ColumnTile:
    block = min(plan.inner.extent, COLUMN_BLOCK)
    wanted_tasks = TASKS_PER_CORE * machine.cores
    if plan.outer.extent < wanted_tasks:
        wanted = ceil(plan.inner.extent, ceil(wanted_tasks, plan.outer.extent))
        block = min(block, round_up(wanted, LANES), plan.inner.extent)
    blocks = ceil(plan.inner.extent, block)
    return ColumnTile(
        block=block,
        blocks=blocks,
        is_ragged=bool(plan.inner.extent % block),
        adds_whole=any(fold.dtype != "f32" and not fold.finds_place for fold in plan.folds),
        tasks=plan.outer.extent * blocks,
        description=f" of {block} columns",
    )


def matmul_tile(plan: MatmulPlan, machine: CpuMachine, share: int | None = None) -> MatmulTile:
    """The tile that was tuned for such a product, else the usual one; of a `share` of the rows,
    where a task has one."""
    usual = usual_shape(plan, machine, usual_vectors(plan, machine))
    depth = block_depth(plan, machine, usual)
    if share:
        return shaped_tile(plan, machine, share_shape(plan, machine, usual.vectors, share), depth)
    chosen = dict(machine.tuned).get(product_key(plan), usual) if machine.tuned else usual
    if depth == plan.depth.extent:
        most = round_down(BLOCK_BYTES // (4 * depth), chosen.rows)
        chosen = replace(chosen, block_rows=min(chosen.block_rows, most))
    return shaped_tile(plan, machine, chosen, depth)


def share_shape(plan: MatmulPlan, machine: CpuMachine, vectors: int, share: int) -> Shape:
    """Blocks of so many rows, in tiles that fill them."""
    most, columns = most_rows(machine, vectors), vectors * machine.lanes
    rows = max(rows for rows in range(1, most + 1) if share % rows == 0)
    block_columns = min(round_up(plan.column.extent, columns), round_up(BLOCK_COLUMNS, columns))
    return Shape(rows, vectors, share, block_columns)


def usual_vectors(plan: MatmulPlan, machine: CpuMachine) -> int:
    """Vectors of columns in a register tile: two, and more where rows are few, so that enough sums
    are on their way at once."""
    vectors = best_vectors(plan.column, machine)
    while (
        vectors * plan.row.extent < SUMS_AT_ONCE
        and 2 * vectors * machine.lanes <= plan.column.extent
    ):
        vectors *= 2
    return vectors


def best_vectors(column: Variable, machine: CpuMachine) -> int:
    """Vectors of columns in a register tile that has rows enough."""
    return 2 if column.extent > machine.lanes else 1


def product_key(plan: MatmulPlan) -> str:
    """What products have in common that run alike: sizes, how they read, how much they write."""
    sizes = (plan.batch, plan.row, plan.column, plan.depth)
    sides = ((plan.left, plan.row), (plan.right, plan.column))
    ways = ("direct" if direct_operand(side, place, plan.depth) else "packed"
            for side, place in sides)  # fmt: skip
    extents = "x".join(str(variable.extent) for variable in sizes)
    return f"{extents} {plan.precision} {' '.join(ways)} {len(plan.after.stores)}"


def usual_shape(plan: MatmulPlan, machine: CpuMachine, vectors: int) -> Shape:
    """Rows that fill the registers and waste least at the edges, and blocks that fill the cores."""
    rows_total, columns_total = plan.row.extent, plan.column.extent
    columns = vectors * machine.lanes
    rows, block_rows = usual_rows(plan, most_rows(machine, vectors))
    block_columns = min(round_up(columns_total, columns), round_up(BLOCK_COLUMNS, columns))
    while plan.batch.extent * ceil(rows_total, block_rows) * ceil(
        columns_total, block_columns
    ) < TASKS_PER_CORE * machine.cores and (block_columns > columns or block_rows > rows):
        if block_columns > columns and block_columns >= block_rows:
            block_columns = round_up(block_columns // 2, columns)
        elif block_rows > rows:
            block_rows = round_up(block_rows // 2, rows)
        else:
            block_columns = round_up(block_columns // 2, columns)
    return even_shape(plan, machine, Shape(rows, vectors, block_rows, block_columns))


def even_shape(plan: MatmulPlan, machine: CpuMachine, usual: Shape) -> Shape:
    """The usual shape; where its few blocks leave a core without work, one with other rows."""
    total, cores = plan.row.extent, machine.cores
    others = plan.batch.extent * ceil(plan.column.extent, usual.block_columns)
    left = left_operand(plan.left, plan.row, plan.depth, (total, plan.depth.extent), False)
    is_packed_along = left.along_depth and left.way is not Way.ELEMENTS

    def cost(rows: int, block: int) -> float:
        busiest = ceil(others * ceil(total, block), cores) * block
        return busiest * cores / (others * total) + 0.3 / rows

    is_even = cost(usual.rows, usual.block_rows) < UNEVEN
    if is_even or not is_packed_along or total <= cores * usual.block_rows:
        return usual
    blocks = (
        (rows, block)
        for rows in range(max(1, usual.rows - 2), most_rows(machine, usual.vectors) + 1)
        for block in range(round_down(BLOCK_ROWS, rows) + rows, usual.block_rows // 2, -rows)
    )
    rows, block_rows = min(blocks, key=lambda one: cost(*one))
    return replace(usual, rows=rows, block_rows=block_rows)


def usual_rows(plan: MatmulPlan, most: int) -> tuple[int, int]:
    """Rows of a register tile and of a block, such that blocks cut few runs that are packed."""
    total = plan.row.extent
    rows = tile_rows(total, most)
    usual = rows, even_parts(total, rows, BLOCK_ROWS)
    even, depth = plan.precision == "f32" and total % rows == 0, plan.depth.extent
    left = left_operand(plan.left, plan.row, plan.depth, (usual[1], depth), even)
    if left.way is Way.DIRECT or left.along_depth or left.run >= LONG_RUN:
        return usual
    run = left_operand(plan.left, plan.row, plan.depth, (total, depth), False).run

    def cost(rows: int, block: int) -> float:
        return round_up(total, rows) / total + 0.3 / rows + COPY / gcd(run, block)

    blocks = (
        (rows, block)
        for rows in range(max(1, min(most, total) // 2), min(most, total) + 1)
        for block in range(round_down(BLOCK_ROWS // 2, rows), BLOCK_ROWS + 1, rows)
    )
    return min((usual, *blocks), key=lambda one: cost(*one))


def other_shapes(plan: MatmulPlan, machine: CpuMachine) -> tuple[Shape, ...]:
    """Shapes that may be quicker than the usual one: tiles of other widths, blocks of other sizes.
    They change no bit: every sum is over the same blocks of the depth, in the same order."""
    found: dict[Shape, None] = {}
    for vectors in (4, 2, 3, 1):
        if vectors > 1 and plan.column.extent <= (vectors - 1) * machine.lanes:
            continue
        shape = usual_shape(plan, machine, vectors)
        half_rows = round_up(shape.block_rows // 2, shape.rows)
        half_columns = round_up(shape.block_columns // 2, vectors * machine.lanes)
        found[shape] = None
        found[replace(shape, block_rows=half_rows)] = None
        found[replace(shape, block_columns=half_columns)] = None
    return tuple(found)


def block_depth(plan: MatmulPlan, machine: CpuMachine, usual: Shape) -> int:
    """How deep a block is. It decides the order of the sums, so no tuning touches it."""
    direct = direct_operand(plan.right, plan.column, plan.depth)
    as_it_is = (
        plan.column.extent % (usual.vectors * machine.lanes) == 0
        and plan.precision == "f32"
        and direct
        and direct.step == 1
    )
    if plan.depth.extent <= WHOLE_DEPTH and not as_it_is:
        return plan.depth.extent
    return min(plan.depth.extent, BLOCK_DEPTH)


def shaped_tile(plan: MatmulPlan, machine: CpuMachine, shape: Shape, depth: int) -> MatmulTile:
    """A tile of this shape, with blocks of this depth, and how it reads its operands."""
    rows, columns = shape.rows, shape.vectors * machine.lanes
    block_rows, block_columns = shape.block_rows, shape.block_columns
    row_blocks = ceil(plan.row.extent, block_rows)
    column_blocks = ceil(plan.column.extent, block_columns)
    as_they_are = plan.precision == "f32"  # operands are rounded while they are packed
    even_rows = as_they_are and plan.row.extent % rows == 0
    even_columns = as_they_are and plan.column.extent % columns == 0
    return MatmulTile(
        rows=rows,
        vectors=shape.vectors,
        lanes=machine.lanes,
        block_rows=block_rows,
        block_columns=block_columns,
        block_depth=depth,
        row_blocks=row_blocks,
        column_blocks=column_blocks,
        left=left_operand(plan.left, plan.row, plan.depth, (block_rows, depth), even_rows),
        right=right_operand(
            plan.right,
            plan.column,
            plan.depth,
            (columns, depth),
            even=even_columns,
            as_they_are=as_they_are,
        ),
        packs_right_once=depth == plan.depth.extent and column_blocks == plan.batch.extent == 1,
        tasks=plan.batch.extent * row_blocks * column_blocks,
    )


def most_rows(machine: CpuMachine, vectors: int) -> int:
    """Rows of a register tile whose sums, and what they are made of, fit the registers; one at
    least."""
    return max(1, min((machine.registers - vectors - 2) // vectors, MOST_ROWS))


def tile_rows(total: int, most: int) -> int:
    """Rows of a register tile: few unused at the edge, and many, to load less for each product."""
    candidates = range(max(1, min(most, total) // 2), min(most, total) + 1)
    return min(candidates, key=lambda rows: round_up(total, rows) / total + 0.3 / rows)


def even_parts(total: int, unit: int, most: int) -> int:
    """Units of at most `most` in all, so many that no part of `total` is much shorter."""
    parts = ceil(total, round_down(most, unit))
    return round_up(ceil(total, parts), unit)


def round_down(number: int, multiple: int) -> int:
    return max(multiple, number // multiple * multiple)
