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
from netc.compiler.passes.parts import SplitFacts
from netc.compiler.scalar.expression import Expression, Load, find_loads
from netc.compiler.scalar.index import Variable
from netc.compiler.scalar.rounding import ceil, round_up
from netc.compiler.targets.cuda_matmul import MatmulTile, matmul_tile
from netc.compiler.targets.cuda_quads import quad_walks
from netc.compiler.targets.cuda_tensor import WARP, WIDE, TensorTile, tensor_tile, wide_load
from netc.compiler.targets.cuda_wgmma import WarpgroupTile, pays, warpgroup_tile

THREADS = 256  # of a block: eight blocks fill a multiprocessor, and four still hide most latency
QUAD_THREADS = 256  # that a map by quads must leave to each multiprocessor
SHORT_FOLD = 16  # elements that one thread folds by itself
MANY_ROWS = 2**13  # rows that fill a device with one thread each
MANY_RESULTS = 2**18  # the same for strided folds that are longer
LONG_ROW = 1024  # columns above which a block folds a row, where a warp did below
LONG_OF_FEW = 128  # the same where rows are too few to give every multiprocessor eight warps
FEW_ROWS = 1024
ATTEND_WARPS = 4
SHARED_FLOATS = 48 * 1024 // 4 - 64  # of a block, without asking for more
# Blocks of a scatter for each multiprocessor. Each reads all of the indices: where these are many,
# blocks are fewer, until all of them together read no more than so many, or one is left for each.
BLOCKS_EACH = 8
INDEX_READS = 2**26
WINDOW = 1024  # of the indices that it reads between two barriers: its list takes 8 KiB
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
    """One thread for each element, or for `width` neighbours."""

    width: int
    grid: int
    block: tuple[int, int]

    @property
    def description(self) -> str:
        return f", {self.width} elements a thread" if self.width > 1 else ", one element a thread"


@dataclass(frozen=True)
class RowTile:
    """`lanes` threads share a row: one, a warp, or a block of `warps` warps. Each walks along it
    by `width` neighbours."""

    width: int
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
        shared = f", {self.lanes} threads a row" if self.lanes > 1 else ", one row a thread"
        return shared + (f" by {self.width} columns" if self.width > 1 else "")


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
class ScatterTile:
    """A block owns `rows` rows of the table and adds to them all that names them, in order.

    It reads `window` items at once and lists those that are its own, each warp a part of them.
    `width` threads see to a row, each to columns of its own; groups of so many, to different rows.
    """

    rows: int
    window: int
    width: int
    grid: int
    block: tuple[int, int]

    @property
    def warps(self) -> int:
        return self.block[0] // WARP

    @property
    def part(self) -> int:
        return self.window // self.warps

    @property
    def groups(self) -> int:
        return self.block[0] // self.width

    @property
    def description(self) -> str:
        return f", {self.rows} rows a block"


@dataclass(frozen=True)
class MoveTile(ScatterTile):
    """The same for a table that moves."""


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
        return map_tile(plan, width_of(kernel, arch.multiprocessors * QUAD_THREADS))
    if isinstance(plan, RowPlan):
        lanes = row_lanes(plan)
        return row_tile(plan, lanes, width_of(kernel, lanes))
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
    return matmul_tile(plan, arch.multiprocessors, *flat_sides(plan))


def flat_sides(plan: MatmulPlan) -> tuple[bool, bool]:
    """Whether the neighbours of the left are in its rows, and those of the right in its columns."""
    return is_flat(plan.left, plan.row, plan.depth), is_flat(plan.right, plan.column, plan.depth)


def is_flat(expression: Expression, place: Variable, depth: Variable) -> bool:
    """Where loads can be wide along one of the two, that decides."""
    if wide_load(expression, place) is not None:
        return True
    return wide_load(expression, depth) is None and steps_by_one(expression, place)


def width_of(kernel: Kernel, threads: int) -> int:
    """How many neighbours a thread moves at once: four where that leaves work for so many threads,
    and moves anything by 16 bytes."""
    plan = kernel.plan
    assert isinstance(plan, MapPlan | RowPlan)
    is_map = isinstance(plan, MapPlan)
    elements = plan.outer.extent * plan.inner.extent if is_map else plan.column.extent
    is_wide = elements >= WIDE * threads and quad_walks(plan, kernel.names)
    return WIDE if is_wide else 1


def map_tile(plan: MapPlan, width: int) -> MapTile:
    count = plan.outer.extent * plan.inner.extent // width
    threads = min(THREADS, round_up(count, WARP))
    return MapTile(width, ceil(count, threads), (threads, 1))


def row_lanes(plan: RowPlan) -> int:
    rows, columns = plan.row.extent, plan.column.extent
    long = LONG_OF_FEW if rows <= FEW_ROWS else LONG_ROW
    if columns > long:
        return THREADS
    return 1 if columns <= SHORT_FOLD and rows >= MANY_ROWS else WARP


def row_tile(plan: RowPlan, lanes: int, width: int) -> RowTile:
    rows = plan.row.extent
    threads = min(THREADS, round_up(rows * lanes, WARP))
    rows_of_block = threads // lanes
    return RowTile(width, lanes, rows_of_block, ceil(rows, rows_of_block), (threads, 1))


def column_tile(plan: ColumnPlan) -> ColumnTile:
    results = plan.outer.extent * plan.inner.extent
    alone = plan.fold.extent <= SHORT_FOLD or results >= MANY_RESULTS
    width = min(THREADS if alone else WARP, max(power_of_two(results), 1))
    height = 1 if alone else min(THREADS // width, power_of_two(plan.fold.extent))
    width = max(width, WARP // height)
    return ColumnTile(width, height, ceil(results, width))


def scatter_tile(plan: ScatterPlan, arch: CudaArchitecture) -> ScatterTile:
    rows = ceil(plan.rows, scatter_blocks(plan.item.extent, arch))
    window = min(WINDOW, round_up(plan.item.extent, THREADS))
    width = min(THREADS, power_of_two(plan.column.extent))
    tile = MoveTile if plan.move else ScatterTile
    return tile(rows, window, width, ceil(plan.rows, rows), (THREADS, 1))


def scatter_blocks(items: int, arch: CudaArchitecture) -> int:
    most = BLOCKS_EACH * arch.multiprocessors
    return max(min(most, INDEX_READS // items), arch.multiprocessors)


def attend_tile(plan: AttendPlan) -> AttendTile:
    """As many rows as shared memory holds beside the others: 16, 8 or 4 for four warps."""
    channels = plan.depth.extent + plan.width.extent
    others = WARP * (channels + 2) + 2 * WARP * ATTEND_WARPS + 2 * WARP
    own = next(rows for rows in (16, 8, 4) if 2 * rows * channels + others <= SHARED_FLOATS)
    owned = plan.key.extent if plan.form == "key_value" else plan.query.extent
    blocks = ceil(owned, own)
    return AttendTile(own, blocks, plan.batch.extent * blocks, (WARP * ATTEND_WARPS, 1))


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


def power_of_two(number: int) -> int:
    """The least power of two that is no less."""
    return 1 << max(number - 1, 0).bit_length()
