"""How the cuda target cuts kernels into blocks of threads, from the facts of an architecture."""

from dataclasses import dataclass

from netc.compiler.kernels.plan import (
    AttendPlan,
    ColumnPlan,
    Kernel,
    MapPlan,
    MatmulPlan,
    RowPlan,
    ScatterPlan,
)
from netc.compiler.passes.split_reductions import SplitFacts
from netc.compiler.scalar.expression import Expression, Load, find_loads
from netc.compiler.scalar.index import Variable
from netc.compiler.targets.cuda_tensor import TensorTile, tensor_tile
from netc.compiler.targets.cuda_wgmma import WarpgroupTile, pays, warpgroup_tile

WARP = 32
THREADS = 256  # of a block: eight blocks fill a multiprocessor, and four still hide most latency
SHORT_FOLD = 16  # elements that one thread folds by itself
MANY_ROWS = 2**13  # rows that fill a device with one thread each
MANY_RESULTS = 2**18  # the same for strided folds that are longer
LONG_ROW = 1024  # columns above which a block folds a row, where a warp did below
LONG_OF_FEW = 128  # the same where rows are too few to give every multiprocessor eight warps
FEW_ROWS = 1024
ATTEND_WARPS = 4
SHARED_FLOATS = 48 * 1024 // 4 - 64  # of a block, without asking for more
BLOCKS_EACH = 8  # blocks of a scatter for each multiprocessor: each reads all of the indices
SPLIT_DEPTH = 256  # products of one part of a sum that is cut up
LAUNCH = 1.3e-6  # seconds from one kernel of a CUDA graph to the next: an estimate


@dataclass(frozen=True)
class CudaArchitecture:
    """What tiles and predictions depend on, of the usual device of an architecture.

    `flops` are fp32 operations per second on the plain cores, `bandwidth` bytes per second;
    `tensor_flops` those of dense bf16 products on tensor cores (tf32 takes twice the time), or 0
    where these know no bf16 and tf32. `shared_bytes` is the most that one block may have,
    `registers` those of a multiprocessor. `has_wgmma`: whether four warps can multiply at once.
    """

    name: str
    device: str
    multiprocessors: int
    shared_bytes: int
    registers: int
    flops: float
    bandwidth: float
    tensor_flops: float
    has_wgmma: bool = False


# From the vendor's data sheets of the devices named.
ARCHITECTURES = {
    arch.name: arch
    for arch in (
        CudaArchitecture("sm_75", "T4", 40, 65_536, 65_536, 8.1e12, 0.32e12, 0),
        CudaArchitecture("sm_80", "A100", 108, 166_912, 65_536, 19.5e12, 2.04e12, 312e12),
        CudaArchitecture("sm_86", "RTX 3090", 82, 101_376, 65_536, 35.6e12, 0.94e12, 71e12),
        CudaArchitecture("sm_89", "RTX 4090", 128, 101_376, 65_536, 82.6e12, 1.01e12, 165.2e12),
        CudaArchitecture("sm_90", "H100", 132, 232_448, 65_536, 66.9e12, 3.35e12, 989e12),
        CudaArchitecture("sm_90a", "H100", 132, 232_448, 65_536, 66.9e12, 3.35e12, 989e12, True),
        CudaArchitecture("sm_100a", "B200", 148, 232_448, 65_536, 75e12, 8.0e12, 2250e12),
        CudaArchitecture("sm_120a", "RTX 5090", 170, 101_376, 65_536, 104.8e12, 1.79e12, 209.5e12),
    )
}


@dataclass(frozen=True)
class Limit:
    """The time that a kernel cannot beat, and what holds it back."""

    seconds: float
    reason: str


@dataclass(frozen=True)
class MapTile:
    """One thread for each element."""

    grid: int
    block: tuple[int, int]
    description: str = ", one element a thread"


@dataclass(frozen=True)
class RowTile:
    """`lanes` threads share a row: one, a warp, or a block of `warps` warps."""

    lanes: int
    rows: int
    grid: int
    block: tuple[int, int]

    @property
    def is_block(self) -> bool:
        return self.lanes > WARP

    @property
    def warps(self) -> int:
        return self.lanes // WARP

    @property
    def description(self) -> str:
        return f", {self.lanes} threads a row" if self.lanes > 1 else ", one row a thread"


@dataclass(frozen=True)
class ColumnTile:
    """`width` results side by side, each folded by `height` threads."""

    width: int
    height: int
    grid: int

    @property
    def block(self) -> tuple[int, int]:
        return self.width, self.height

    @property
    def description(self) -> str:
        return f", {self.width} results by {self.height} parts a block"


@dataclass(frozen=True)
class MatmulShape:
    """A block of rows x columns results, `depth` products at a time; a thread makes
    thread_rows x thread_columns of them, spread out so that neighbours in a warp are neighbours
    in memory."""

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
    def loads_per_product(self) -> float:
        """Reads of shared memory for each multiply-add."""
        return 1 / self.thread_rows + 1 / self.thread_columns


MATMUL_SHAPES = (
    MatmulShape(128, 128, 8, 8, 8),
    MatmulShape(128, 64, 16, 8, 4),
    MatmulShape(64, 64, 16, 4, 4),
    MatmulShape(32, 64, 16, 2, 4),
    MatmulShape(64, 16, 16, 4, 1),
    MatmulShape(32, 32, 16, 2, 2),
    MatmulShape(16, 16, 16, 1, 1),
)


@dataclass(frozen=True)
class MatmulTile:
    """A shape and how it lies on the result; an operand that is adjacent along its own side is
    loaded along it, the other along the depth."""

    shape: MatmulShape
    row_blocks: int
    column_blocks: int
    left_rows_adjacent: bool
    right_columns_adjacent: bool
    rows_are_ragged: bool
    columns_are_ragged: bool
    depth_is_ragged: bool
    grid: int

    @property
    def block(self) -> tuple[int, int]:
        return self.shape.across, self.shape.down

    @property
    def description(self) -> str:
        shape = self.shape
        return (
            f", {shape.rows} x {shape.columns} x {shape.depth} a block, "
            f"{shape.thread_rows} x {shape.thread_columns} a thread"
        )


@dataclass(frozen=True)
class ScatterTile:
    """A block owns `rows` rows of the table and adds to them all that names them, in order; each of
    its threads has columns of its own."""

    rows: int
    grid: int
    block: tuple[int, int]

    @property
    def description(self) -> str:
        return f", {self.rows} rows a block"


@dataclass(frozen=True)
class AttendTile:
    """A block owns `own` queries (or keys, for their gradients), a warp some of them, and meets the
    others in blocks of as many as a warp has lanes: each lane holds one."""

    own: int
    blocks: int
    grid: int
    block: tuple[int, int]

    @property
    def warps(self) -> int:
        return self.block[0] // WARP

    @property
    def rows(self) -> int:
        """Of its own that a warp sees to."""
        return self.own // self.warps

    @property
    def description(self) -> str:
        return f", {self.own} rows a block that meet {WARP} at a time"


CudaTile = (
    MapTile | RowTile | ColumnTile | MatmulTile | TensorTile | WarpgroupTile | ScatterTile
    | AttendTile
)  # fmt: skip


def split_facts(arch: CudaArchitecture) -> SplitFacts:
    """When a sum is worth cutting up: where it would leave multiprocessors without a block."""
    return SplitFacts(arch.multiprocessors, SPLIT_DEPTH, 64, 64)


def choose_tile(kernel: Kernel, arch: CudaArchitecture) -> CudaTile:
    plan = kernel.plan
    if isinstance(plan, MapPlan):
        return map_tile(plan)
    if isinstance(plan, RowPlan):
        return row_tile(plan)
    if isinstance(plan, ColumnPlan):
        return column_tile(plan)
    if isinstance(plan, ScatterPlan):
        return scatter_tile(plan, arch)
    if isinstance(plan, AttendPlan):
        return attend_tile(plan)
    assert isinstance(plan, MatmulPlan)
    if plan.precision != "f32" and arch.tensor_flops:
        if arch.has_wgmma and pays(plan, tensor_peak(plan, arch), arch.bandwidth):
            return warpgroup_tile(plan, arch.multiprocessors, *flat_sides(plan))
        return tensor_tile(plan, arch.multiprocessors, *flat_sides(plan))
    return matmul_tile(plan, arch)


def flat_sides(plan: MatmulPlan) -> tuple[bool, bool]:
    """Whether the neighbours of the left are in its rows, and those of the right in its columns."""
    return steps_by_one(plan.left, plan.row), steps_by_one(plan.right, plan.column)


def map_tile(plan: MapPlan) -> MapTile:
    count = plan.outer.extent * plan.inner.extent
    threads = min(THREADS, round_up(count, WARP))
    return MapTile(ceil(count, threads), (threads, 1))


def row_tile(plan: RowPlan) -> RowTile:
    rows, columns = plan.row.extent, plan.column.extent
    long = LONG_OF_FEW if rows <= FEW_ROWS else LONG_ROW
    lanes = 1 if columns <= SHORT_FOLD and rows >= MANY_ROWS else WARP
    lanes = THREADS if columns > long else lanes
    threads = min(THREADS, round_up(rows * lanes, WARP))
    rows_of_block = threads // lanes
    return RowTile(lanes, rows_of_block, ceil(rows, rows_of_block), (threads, 1))


def column_tile(plan: ColumnPlan) -> ColumnTile:
    results = plan.outer.extent * plan.inner.extent
    alone = plan.fold.extent <= SHORT_FOLD or results >= MANY_RESULTS
    width = min(THREADS if alone else WARP, max(power_of_two(results), 1))
    height = 1 if alone else min(THREADS // width, power_of_two(plan.fold.extent))
    width = max(width, WARP // height)
    return ColumnTile(width, height, ceil(results, width))


def scatter_tile(plan: ScatterPlan, arch: CudaArchitecture) -> ScatterTile:
    rows = ceil(plan.rows, BLOCKS_EACH * arch.multiprocessors)
    threads = min(THREADS, round_up(plan.column.extent, WARP))
    return ScatterTile(rows, ceil(plan.rows, rows), (threads, 1))


def attend_tile(plan: AttendPlan) -> AttendTile:
    """As many rows as shared memory holds beside the others: 16, 8 or 4 for four warps."""
    channels = plan.depth.extent + plan.width.extent
    others = WARP * (channels + 2) + 2 * WARP * ATTEND_WARPS + 2 * WARP
    own = next(rows for rows in (16, 8, 4) if 2 * rows * channels + others <= SHARED_FLOATS)
    owned = plan.key.extent if plan.form == "key_value" else plan.query.extent
    blocks = ceil(owned, own)
    return AttendTile(own, blocks, plan.batch.extent * blocks, (WARP * ATTEND_WARPS, 1))


def matmul_tile(plan: MatmulPlan, arch: CudaArchitecture) -> MatmulTile:
    shape = min(MATMUL_SHAPES, key=lambda shape: matmul_cost(plan, shape, arch))
    row_blocks = ceil(plan.row.extent, shape.rows)
    column_blocks = ceil(plan.column.extent, shape.columns)
    return MatmulTile(
        shape=shape,
        row_blocks=row_blocks,
        column_blocks=column_blocks,
        left_rows_adjacent=flat_sides(plan)[0],
        right_columns_adjacent=flat_sides(plan)[1],
        rows_are_ragged=plan.row.extent % shape.rows > 0,
        columns_are_ragged=plan.column.extent % shape.columns > 0,
        depth_is_ragged=plan.depth.extent % shape.depth > 0,
        grid=plan.batch.extent * row_blocks * column_blocks,
    )


def matmul_cost(plan: MatmulPlan, shape: MatmulShape, arch: CudaArchitecture) -> float:
    """Relative time: the products of the busiest multiprocessor, weighed by the loads that each
    product needs. Few threads on a multiprocessor leave its latency in the open."""
    blocks = plan.batch.extent * ceil(plan.row.extent, shape.rows)
    blocks *= ceil(plan.column.extent, shape.columns)
    busiest = ceil(blocks, arch.multiprocessors)
    hidden = min(busiest * shape.threads, 512) / 512
    work = busiest * shape.rows * shape.columns * (0.4 + shape.loads_per_product)
    return work / hidden


def limit(kernel: Kernel, arch: CudaArchitecture) -> Limit:
    """What the memory's bandwidth and the arithmetic allow at best."""
    flops = peak(kernel, arch)
    arithmetic, memory = kernel.flops / flops, kernel.bytes / arch.bandwidth
    if arithmetic > memory:
        return Limit(arithmetic, f"arithmetic at {flops / 1e12:.1f} TFLOP/s")
    return Limit(memory, f"memory at {arch.bandwidth / 1e12:.2f} TB/s")


def predicted_seconds(kernel: Kernel, arch: CudaArchitecture) -> float:
    """A launch, and then the least that the kernel can take."""
    return LAUNCH + limit(kernel, arch).seconds


def peak(kernel: Kernel, arch: CudaArchitecture) -> float:
    """Operations per second of the cores that the kernel runs on."""
    plan = kernel.plan
    is_plain = not isinstance(plan, MatmulPlan) or plan.precision == "f32"
    return arch.flops if is_plain or not arch.tensor_flops else tensor_peak(plan, arch)


def tensor_peak(plan: MatmulPlan, arch: CudaArchitecture) -> float:
    return arch.tensor_flops / 2 if plan.precision == "tf32" else arch.tensor_flops


def steps_by_one(expression: Expression, variable: Variable) -> bool:
    """Whether the operand's loads move to the next element when the variable goes up by one."""
    return all(
        isinstance(load, Load) and load.position.coefficient(variable) == 1
        for load in find_loads(expression)
    )


def ceil(number: int, divisor: int) -> int:
    return -(-number // divisor)


def round_up(number: int, multiple: int) -> int:
    return ceil(number, multiple) * multiple


def power_of_two(number: int) -> int:
    """The least power of two that is no less."""
    return 1 << max(number - 1, 0).bit_length()
