"""How the cpu target runs a window over images of one channel where the product has few columns.

A row of few columns leaves most of a vector empty. So vectors hold neighbouring places of a line:
what is under the same tap of all of them are neighbours too, and is multiplied with one number of
each column. The sums then lie line behind line for each column, and are turned.
"""

from dataclasses import dataclass

from netc.compiler.kernels.plan import MatmulPlan
from netc.compiler.scalar.rounding import ceil, round_up
from netc.compiler.targets.cpu_operand import Operand, packed_operand
from netc.compiler.targets.cpu_patch import (
    TASKS_PER_CORE,
    block_of_lines,
    line_of,
    lines_of_task,
    skips_lines,
)
from netc.compiler.targets.cpu_tiles import CpuMachine

CHAINS = 10  # sums that wait for each other only: as many hide how long one takes
TURN = 1.1  # what turning an element takes beside a vector that is multiplied and added
WORTH = 0.8  # of the time of the plain product


@dataclass(frozen=True)
class PlacesTile:
    """A register tile takes `vectors` of places on each of `tile_lines` lines, by all `columns`;
    `parts` of them make a line of `width` places. A patch serves `lines` lines of places:
    `patch_lines` padded lines of `line` elements. A task is a block of lines."""

    plan: MatmulPlan
    images: int
    width: int
    columns: int
    block_depth: int
    taps: tuple[int, int]
    jump: int
    stride: int
    tile_lines: int
    vectors: int
    parts: int
    lanes: int
    lines: int
    patch_lines: int
    line: int
    row_blocks: int
    source: Operand
    right: Operand

    @property
    def skips(self) -> bool:
        """Whether taps down may lie on lines of zeros, which are then not multiplied."""
        return skips_lines(self.plan.sliding.geometry)

    @property
    def is_flat(self) -> bool:
        """Whether results lie side by side: once they are turned."""
        return True

    @property
    def tasks(self) -> int:
        return self.images * self.row_blocks

    @property
    def sums_line(self) -> int:
        """Sums of a line in one column, with those that only fill a tile."""
        return self.parts * self.vectors * self.lanes

    @property
    def sums_column(self) -> int:
        return round_up(self.lines, self.tile_lines) * self.sums_line

    @property
    def sums(self) -> int:
        return self.columns * self.sums_column

    @property
    def results(self) -> int:
        """Rows of results; each has all columns."""
        return self.lines * self.width

    @property
    def patch(self) -> int:
        """Elements of the patch, with what is read behind it."""
        lines = round_up(self.lines, self.tile_lines) - self.lines
        return (self.patch_lines + lines * self.stride) * self.line + self.sums_line

    @property
    def offsets(self) -> tuple[int, ...]:
        """Where the vectors of a register tile lie under a tap, from the first one."""
        return self.steps(self.stride * self.line)

    @property
    def sums_offsets(self) -> tuple[int, ...]:
        """Where their sums are stored."""
        return self.steps(self.sums_line)

    def steps(self, line: int) -> tuple[int, ...]:
        return tuple(
            g * line + j * self.lanes for g in range(self.tile_lines) for j in range(self.vectors)
        )

    @property
    def description(self) -> str:
        size = f"{self.tile_lines} x {self.vectors * self.lanes} places x {self.columns}"
        return f" of {self.lines} lines of windows, in tiles of {size}"


def places_tile(plan: MatmulPlan, machine: CpuMachine) -> PlacesTile | None:
    """The tile of vectors of places; None where it is not possible, or not quicker."""
    slides, columns, depth = plan.sliding, plan.column.extent, plan.depth.extent
    geometry = slides.geometry
    (height, width), vectors = geometry.output, ceil(geometry.output[1], machine.lanes)
    is_line = slides.channel.extent == geometry.stride[1] == 1
    time = depth * columns * vectors + TURN * columns * width
    if plan.pool or not is_line or time > WORTH * depth * ceil(columns, machine.lanes) * width:
        return None
    most = min(vectors, (machine.registers - 2) // (columns + 1))
    parts = ceil(vectors, most)
    vectors = ceil(vectors, parts)
    blocks = ceil(TASKS_PER_CORE * machine.cores, slides.image.extent)
    lines = lines_of_task(slides, blocks, 4 * columns * parts * vectors * machine.lanes)
    room = (machine.registers - 2) // ((columns + 1) * vectors)
    return PlacesTile(
        plan=plan,
        **block_of_lines(slides, lines),
        width=width,
        columns=columns,
        block_depth=depth,
        taps=geometry.kernel,
        jump=geometry.dilation[0] * line_of(slides),
        stride=geometry.stride[0],
        tile_lines=min(lines, room, ceil(CHAINS, columns * vectors)),
        vectors=vectors,
        parts=parts,
        lanes=machine.lanes,
        row_blocks=ceil(height, lines),
        right=packed_operand(plan.right, plan.column, (columns, depth)),
    )
