"""How the cuda target cuts a big product with rounded operands into tiles for sm_90a.

There four warps multiply at once (wgmma), out of tiles that arrive in shared memory by themselves
(TMA). Both want operands that are rounded already, with the depth along memory: so each operand is
copied first, rounded, line by line. That pays where each of its numbers is multiplied often.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from netc.compiler.kernels.plan import MatmulPlan
from netc.compiler.targets.cuda_tensor import WARP

GROUP_ROWS = 64  # of the result, made by the four warps of a group
LINE_BYTES = 128  # of a tile: the widest swizzle
PIECE_BYTES = 16  # what a thread copies, and what a line in memory is a multiple of
STAGES = 4  # tiles of each side in shared memory: three are on their way while one is multiplied
BARRIER_BYTES = 8
ALIGNMENT = 256  # of a copy in the workspace
COPY_THREADS = 256
# For choosing only, and not measured: the share of the peak that each kind of product reaches, and
# the time from one launch to the next.
SHARE_OF_WARPS, SHARE_OF_GROUPS, LAUNCH_SECONDS = 0.5, 0.75, 1.3e-6


@dataclass(frozen=True)
class WarpgroupFormat:
    """A precision as wgmma takes it: bytes of an element, the depth of one instruction."""

    name: str
    bytes: int
    step: int

    @property
    def depth(self) -> int:
        """Of a tile: the elements of a line."""
        return LINE_BYTES // self.bytes

    @property
    def piece(self) -> int:
        """Elements of a piece."""
        return PIECE_BYTES // self.bytes


FORMATS: Mapping[str, WarpgroupFormat] = MappingProxyType(
    {
        "bf16": WarpgroupFormat("bf16", 2, 16),
        "f16": WarpgroupFormat("f16", 2, 16),
        "tf32": WarpgroupFormat("tf32", 4, 8),
    }
)


@dataclass(frozen=True)
class WarpgroupShape:
    """A block of rows x columns results: a group of four warps for every 64 rows, and one warp more
    that fetches."""

    rows: int
    columns: int

    @property
    def consumers(self) -> int:
        """Warps that multiply."""
        return self.rows // GROUP_ROWS * 4

    @property
    def threads(self) -> int:
        return WARP * (self.consumers + 1)

    @property
    def left_bytes(self) -> int:
        return self.rows * LINE_BYTES

    @property
    def stage_bytes(self) -> int:
        return (self.rows + self.columns) * LINE_BYTES

    @property
    def shared_bytes(self) -> int:
        return STAGES * (self.stage_bytes + 2 * BARRIER_BYTES)


WARPGROUP_SHAPES = (
    WarpgroupShape(128, 256),
    WarpgroupShape(128, 128),
    WarpgroupShape(128, 64),
    WarpgroupShape(64, 128),
    WarpgroupShape(64, 64),
)


@dataclass(frozen=True)
class OperandCopy:
    """An operand, rounded, in the workspace: `lines` of `pieces` of `piece` elements, at `offset`.

    A line is a row of the left or a column of the right, those of one product of the batch after
    those of the one before. What a line has more than the depth is zero. Where `is_flat`, the
    neighbours in the operand's memory are in neighbouring lines.
    """

    side: str
    lines: int
    size: int
    pieces: int
    piece: int
    is_flat: bool
    is_ragged: bool
    offset: int

    @property
    def row_bytes(self) -> int:
        return self.pieces * PIECE_BYTES

    @property
    def elements(self) -> int:
        return self.lines * self.pieces * self.piece

    @property
    def bytes(self) -> int:
        return self.lines * self.row_bytes

    @property
    def end(self) -> int:
        return -(-(self.offset + self.bytes) // ALIGNMENT) * ALIGNMENT

    @property
    def grid(self) -> int:
        return -(-self.lines * self.pieces // COPY_THREADS)


@dataclass(frozen=True)
class WarpgroupTile:
    """A shape and a format and how they lie on the product, and the copies of its operands."""

    shape: WarpgroupShape
    format: WarpgroupFormat
    left: OperandCopy
    right: OperandCopy
    row_blocks: int
    column_blocks: int
    steps: int
    rows_are_ragged: bool
    columns_are_ragged: bool
    grid: int
    stages: int = STAGES

    @property
    def block(self) -> tuple[int, int]:
        return self.shape.threads, 1

    @property
    def multiply(self) -> str:
        form = self.format
        return f"netc_wgmma_m64n{self.shape.columns}k{form.step}_{form.name}"

    @property
    def description(self) -> str:
        shape = self.shape
        return (
            f", {shape.rows} x {shape.columns} x {self.format.depth} a block, "
            f"{GROUP_ROWS} x {shape.columns} a warpgroup on tensor cores, {STAGES} stages"
        )


def pays(plan: MatmulPlan, flops: float, bandwidth: float) -> bool:
    """Whether the product with both copies is faster than the one without, by estimate."""
    batch, rows, columns = plan.batch.extent, plan.row.extent, plan.column.extent
    work = 2 * batch * rows * columns * plan.depth.extent / flops
    copied = batch * (rows + columns) * plan.depth.extent * (4 + FORMATS[plan.precision].bytes)
    copying = copied / bandwidth + 2 * LAUNCH_SECONDS
    return work / SHARE_OF_GROUPS + copying < work / SHARE_OF_WARPS


def warpgroup_tile(
    plan: MatmulPlan, multiprocessors: int, flat_left: bool, flat_right: bool
) -> WarpgroupTile:
    """The shape that costs least; `flat` sides have their neighbours along rows or columns."""
    shape = min(WARPGROUP_SHAPES, key=lambda shape: cost(plan, shape, multiprocessors))
    form, depth = FORMATS[plan.precision], plan.depth.extent
    row_blocks, column_blocks = blocks(plan, shape)
    left = operand_copy("left", plan, plan.row.extent, form, flat_left, 0)
    return WarpgroupTile(
        shape=shape,
        format=form,
        left=left,
        right=operand_copy("right", plan, plan.column.extent, form, flat_right, left.end),
        row_blocks=row_blocks,
        column_blocks=column_blocks,
        steps=-(-depth // form.depth),
        rows_are_ragged=plan.row.extent % shape.rows > 0,
        columns_are_ragged=plan.column.extent % shape.columns > 0,
        grid=plan.batch.extent * row_blocks * column_blocks,
    )


def operand_copy(
    side: str, plan: MatmulPlan, size: int, form: WarpgroupFormat, is_flat: bool, offset: int
) -> OperandCopy:
    depth = plan.depth.extent
    return OperandCopy(
        side=side,
        lines=plan.batch.extent * size,
        size=size,
        pieces=-(-depth // form.piece),
        piece=form.piece,
        is_flat=is_flat,
        is_ragged=depth % form.piece > 0,
        offset=offset,
    )


def blocks(plan: MatmulPlan, shape: WarpgroupShape) -> tuple[int, int]:
    return -(-plan.row.extent // shape.rows), -(-plan.column.extent // shape.columns)


def cost(plan: MatmulPlan, shape: WarpgroupShape, multiprocessors: int) -> int:
    """Relative time of the busiest multiprocessor: what it multiplies and what it loads."""
    down, across = blocks(plan, shape)
    busiest = -(-plan.batch.extent * down * across // multiprocessors)
    return busiest * (shape.rows * shape.columns + 64 * (shape.rows + shape.columns))
