"""How the cuda target cuts a product in float32 into tiles: plain cores, no tensor cores."""

from dataclasses import dataclass

from netc.compiler.kernels.plan import MatmulPlan
from netc.compiler.scalar.expression import Expression, Load, Within
from netc.compiler.scalar.index import Variable, variable_index
from netc.compiler.targets.cuda_tensor import WIDE, is_aligned, wide_load

RUN = 8  # neighbours along the depth that are loaded side by side: a sector of memory
# Behind each line of a tile. With it lines lie 4 banks apart, and a warp that puts runs of 8 into
# 4 lines, or quads of one into 4, meets in no bank.
PAD = 4


@dataclass(frozen=True)
class MatmulShape:
    """A block of rows x columns results, `depth` products at a time; a thread makes
    thread_rows x thread_columns of them, in quads of neighbours (or single rows): one load from
    shared memory brings a quad, and the quads of a warp lie side by side."""

    rows: int
    columns: int
    depth: int
    thread_rows: int
    thread_columns: int

    @property
    def across(self) -> int:
        """Threads side by side."""
        return self.columns // self.thread_columns

    @property
    def down(self) -> int:
        return self.rows // self.thread_rows

    @property
    def threads(self) -> int:
        return self.across * self.down

    @property
    def row_quad(self) -> int:
        return min(WIDE, self.thread_rows)

    @property
    def column_quad(self) -> int:
        return min(WIDE, self.thread_columns)

    @property
    def loads_per_product(self) -> float:
        """Reads of shared memory for each multiply-add."""
        return 1 / self.thread_rows + 1 / self.thread_columns


MATMUL_SHAPES = (
    MatmulShape(128, 128, 8, 8, 8),
    MatmulShape(128, 64, 16, 8, 4),
    MatmulShape(64, 64, 16, 4, 4),
    MatmulShape(32, 64, 16, 4, 4),
    MatmulShape(64, 32, 16, 4, 4),
    MatmulShape(64, 16, 16, 4, 4),
    MatmulShape(32, 32, 16, 4, 4),
    MatmulShape(16, 16, 16, 1, 4),
)


@dataclass(frozen=True)
class MatmulSide:
    """One side's tile: `depth` lines of `size` rows or columns, each of `stride` floats.

    Each thread loads `loads` times `width` neighbours: along the depth where the side is deep, and
    puts them into as many lines; else along a line. Where `width` is more than one they come from
    `load`, under `conditions` that hold for all of them or for none.
    """

    size: int
    depth: int
    is_deep: bool
    width: int
    loads: int
    load: Load | None
    conditions: tuple[Within, ...]

    @property
    def stride(self) -> int:
        return self.size + PAD

    @property
    def run(self) -> int:
        return RUN


@dataclass(frozen=True)
class MatmulTile:
    """A shape and how it lies on the result. Results are stored by quads where `stores_wide`."""

    shape: MatmulShape
    left: MatmulSide
    right: MatmulSide
    row_blocks: int
    column_blocks: int
    rows_are_ragged: bool
    columns_are_ragged: bool
    depth_is_ragged: bool
    stores_wide: bool
    grid: int

    @property
    def block(self) -> tuple[int, int]:
        return self.shape.threads, 1

    @property
    def description(self) -> str:
        shape = self.shape
        return (
            f", {shape.rows} x {shape.columns} x {shape.depth} a block, "
            f"{shape.thread_rows} x {shape.thread_columns} a thread"
        )


def matmul_tile(
    plan: MatmulPlan, multiprocessors: int, flat_left: bool, flat_right: bool
) -> MatmulTile:
    """The shape that costs least; `flat` sides have their neighbours along rows or columns."""
    shape = min(MATMUL_SHAPES, key=lambda shape: cost(plan, shape, multiprocessors))
    row_blocks, column_blocks = blocks(plan, shape)
    is_exact = plan.precision == "f32"  # what is rounded is rounded one by one
    return MatmulTile(
        shape=shape,
        left=matmul_side(plan.left, plan.row, plan, shape.rows, shape, flat_left, is_exact),
        right=matmul_side(
            plan.right, plan.column, plan, shape.columns, shape, flat_right, is_exact
        ),
        row_blocks=row_blocks,
        column_blocks=column_blocks,
        rows_are_ragged=plan.row.extent % shape.rows > 0,
        columns_are_ragged=plan.column.extent % shape.columns > 0,
        depth_is_ragged=plan.depth.extent % shape.depth > 0,
        stores_wide=shape.column_quad == WIDE and stores_wide(plan),
        grid=plan.batch.extent * row_blocks * column_blocks,
    )


def matmul_side(
    expression: Expression,
    place: Variable,
    plan: MatmulPlan,
    size: int,
    shape: MatmulShape,
    is_flat: bool,
    may_be_wide: bool,
) -> MatmulSide:
    elements = size * shape.depth
    found = wide_load(expression, place if is_flat else plan.depth) if may_be_wide else None
    is_wide = found is not None and elements % (WIDE * shape.threads) == 0
    load, conditions = found if found and is_wide else (None, ())
    width = WIDE if is_wide else 1
    return MatmulSide(
        size=size,
        depth=shape.depth,
        is_deep=not is_flat,
        width=width,
        loads=elements // (shape.threads * width),
        load=load,
        conditions=conditions,
    )


def stores_wide(plan: MatmulPlan) -> bool:
    """Whether each store of four neighbouring columns is one of 16 bytes."""
    if plan.column.extent % WIDE:
        return False
    start, inner = Variable("n", plan.column.extent // WIDE), Variable("t", WIDE)
    replaced = {plan.column: variable_index(start) * WIDE + variable_index(inner)}
    return all(
        store.value.type.dtype in ("f32", "i32")
        and is_aligned(store.position.substitute(replaced), inner)
        for store in plan.after.stores
    )


def blocks(plan: MatmulPlan, shape: MatmulShape) -> tuple[int, int]:
    return -(-plan.row.extent // shape.rows), -(-plan.column.extent // shape.columns)


def cost(plan: MatmulPlan, shape: MatmulShape, multiprocessors: int) -> float:
    """Relative time: the products of the busiest multiprocessor, weighed by the loads that each
    product needs. Few threads on a multiprocessor leave its latency in the open."""
    down, across = blocks(plan, shape)
    busiest = -(-plan.batch.extent * down * across // multiprocessors)
    hidden = min(busiest * shape.threads, 512) / 512
    work = busiest * shape.rows * shape.columns * (0.4 + shape.loads_per_product)
    return work / hidden
