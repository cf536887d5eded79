"""How the cuda target cuts a product in float32 into tiles: plain cores, no tensor cores."""

from dataclasses import dataclass

from netc.compiler.kernels.plan import MatmulPlan
from netc.compiler.scalar.expression import Load, Within
from netc.compiler.scalar.index import Variable, variable_index
from netc.compiler.scalar.rounding import ceil
from netc.compiler.targets.cuda_tensor import WARP, WIDE, is_aligned, wide_load

# What a product takes on an H100, as `seconds_of` uses it.
START = 0.95e-6
CLOCK, SCHEDULERS = 1.7e9, 4
PRODUCT_CYCLES, READ_CYCLES, LOAD_CYCLES = 0.5, 5.2, 53  # a warp's multiply-add, quad, global load
TILE_SECONDS, LOAD_SECONDS, TURN_SECONDS = 81e-9, 8.7e-9, 6.6e-9
STORE_SECONDS = 21e-9
RESIDENT_THREADS, RESIDENT_BLOCKS = 1024, 16  # of a multiprocessor, as registers allow
RUN = 8  # neighbours along the depth that are loaded side by side: a sector of memory
# Behind each line of a tile. With it lines lie 4 banks apart, and a warp that puts runs of 8 into
# 4 lines, or quads of one into 4, meets in no bank.
PAD = 4
WideLoad = tuple[Load, tuple[Within, ...]] | None


@dataclass(frozen=True)
class MatmulShape:
    """A block of rows x columns results, `depth` products at a time; a thread makes
    thread_rows x thread_columns of them, in quads of neighbours (or single rows): one load from
    shared memory brings a quad, and the quads of a warp lie side by side. Each slice of the threads
    makes all results of other depths, which are added up at the end: more threads where a block
    has few results."""

    rows: int
    columns: int
    depth: int
    thread_rows: int
    thread_columns: int
    slices: int = 1

    @property
    def across(self) -> int:
        """Threads side by side."""
        return self.columns // self.thread_columns

    @property
    def down(self) -> int:
        return self.rows // self.thread_rows

    @property
    def threads(self) -> int:
        return self.across * self.down * self.slices

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
    MatmulShape(64, 64, 16, 8, 4),
    MatmulShape(32, 64, 16, 4, 4),
    MatmulShape(64, 32, 16, 4, 4),
    MatmulShape(32, 32, 16, 4, 4),
    MatmulShape(32, 64, 32, 4, 4, slices=2),
    MatmulShape(64, 32, 32, 4, 4, slices=2),
    MatmulShape(32, 32, 32, 4, 4, slices=2),
    MatmulShape(32, 32, 32, 4, 4, slices=4),
    MatmulShape(128, 16, 16, 4, 4),
    MatmulShape(64, 16, 16, 4, 4),
    MatmulShape(64, 16, 32, 4, 4, slices=2),
    MatmulShape(32, 16, 32, 4, 4, slices=4),
    MatmulShape(16, 32, 32, 4, 4, slices=4),
    MatmulShape(16, 32, 64, 4, 4, slices=8),
    MatmulShape(16, 16, 64, 4, 4, slices=8),
    MatmulShape(16, 16, 32, 4, 4, slices=4),
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
        slices = f" of {shape.slices} slices" if shape.slices > 1 else ""
        return (
            f", {shape.rows} x {shape.columns} x {shape.depth} a block, "
            f"{shape.thread_rows} x {shape.thread_columns} a thread{slices}"
        )


def matmul_tile(
    plan: MatmulPlan, multiprocessors: int, flat_left: bool, flat_right: bool
) -> MatmulTile:
    """The quickest; `flat` sides have their neighbours along rows or columns."""
    is_exact = plan.precision == "f32"  # what is rounded is rounded one by one
    left = wide_load(plan.left, plan.row if flat_left else plan.depth) if is_exact else None
    right = wide_load(plan.right, plan.column if flat_right else plan.depth) if is_exact else None
    may_store_wide = stores_wide(plan)
    tiles = [
        tile_of_shape(
            plan,
            shape,
            may_store_wide,
            matmul_side(shape.rows, shape, flat_left, left),
            matmul_side(shape.columns, shape, flat_right, right),
        )
        for shape in MATMUL_SHAPES
    ]
    return min(tiles, key=lambda tile: seconds_of(plan, tile, multiprocessors))


def tile_of_shape(
    plan: MatmulPlan,
    shape: MatmulShape,
    may_store_wide: bool,
    left: MatmulSide,
    right: MatmulSide,
) -> MatmulTile:
    row_blocks = ceil(plan.row.extent, shape.rows)
    column_blocks = ceil(plan.column.extent, shape.columns)
    return MatmulTile(
        shape=shape,
        left=left,
        right=right,
        row_blocks=row_blocks,
        column_blocks=column_blocks,
        rows_are_ragged=plan.row.extent % shape.rows > 0,
        columns_are_ragged=plan.column.extent % shape.columns > 0,
        depth_is_ragged=plan.depth.extent % shape.depth > 0,
        stores_wide=shape.column_quad == WIDE and may_store_wide,
        grid=plan.batch.extent * row_blocks * column_blocks,
    )


def matmul_side(size: int, shape: MatmulShape, is_flat: bool, wide: WideLoad) -> MatmulSide:
    """`wide`: the load of neighbours, where there is one."""
    elements = size * shape.depth
    is_wide = wide is not None and elements % (WIDE * shape.threads) == 0
    load, conditions = wide if wide and is_wide else (None, ())
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


def seconds_of(plan: MatmulPlan, tile: MatmulTile, multiprocessors: int) -> float:
    """What a product takes: the busiest multiprocessor either issues instructions all the time, or
    waits from tile to tile for what it has loaded; the lesser of the two is hidden for the most
    part. The figures below were fitted to times of an H100."""
    shape = tile.shape
    blocks = ceil(tile.grid, multiprocessors)
    waves = ceil(blocks, max(1, min(RESIDENT_THREADS // shape.threads, RESIDENT_BLOCKS)))
    steps = ceil(plan.depth.extent, shape.depth)
    products = shape.thread_rows * shape.thread_columns
    turns = shape.depth / shape.slices
    reads = shape.thread_rows / shape.row_quad + shape.thread_columns / WIDE
    loads = sum(side.loads * (1.5 if side.width > 1 else 2) for side in (tile.left, tile.right))
    cycles = turns * (PRODUCT_CYCLES * products + READ_CYCLES * reads) + LOAD_CYCLES * loads
    issued = blocks * steps * cycles * shape.threads / WARP / SCHEDULERS / CLOCK
    waited = TILE_SECONDS + LOAD_SECONDS * (tile.left.loads + tile.right.loads)
    waited += TURN_SECONDS * turns * (products / 16 + 0.3)
    waited *= waves * steps
    finished = products / min(shape.slices, shape.thread_rows)
    stored = STORE_SECONDS * waves * finished * (len(plan.after.assigns) + len(plan.after.stores))
    return START + max(issued, waited) + 0.35 * min(issued, waited) + stored
