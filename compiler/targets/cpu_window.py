"""How the cpu target runs a product whose left side is a window that slides over images.

A block of image lines, with zeros around them, is copied into a patch; the register tile then reads
what is under each window where it lies in the patch. An image is copied once and not once for each
tap of the window, as it would be if the left side were packed like that of any other product.
"""

from dataclasses import dataclass, replace
from math import gcd

from netc.compiler.kernels.plan import MatmulPlan, SlidingPlan
from netc.compiler.scalar.expression import Load
from netc.compiler.scalar.geometry import Geometry
from netc.compiler.scalar.index import Index, Variable
from netc.compiler.scalar.rounding import ceil, round_up
from netc.compiler.targets.cpu_across import Across, across
from netc.compiler.targets.cpu_operand import Operand, Way, find_run, right_operand
from netc.compiler.targets.cpu_tiles import CpuMachine, tile_rows
from netc.compiler.targets.text import PoolText

PATCH_BYTES, SUMS_BYTES = 2**17, 2**16  # of a block of lines: in the L2 cache
TAPS_BYTES = 2**18  # of the sums of a kernel's gradient, in the L2 cache
RIGHT_BYTES = 2**18  # of a right side that is packed: on the stack, and in the L2 cache
NEAR_BYTES, PANEL_BYTES = 2**20, 2**19  # of one that is read as it lies; of a panel of one
FAR_BYTES, MANY_PLACES = 2**19, 64  # a right side not in the L2 cache is read for as many at once
FEWEST_ROWS, FEWEST_PLACES = 6, 48  # of a register tile, and of its depth, that are worth it
TASKS_PER_CORE = 6  # enough to share out evenly


@dataclass(frozen=True)
class Walk:
    """Where elements lie in the patch: `groups` of `run` neighbours; `jump` is the distance of
    groups, `step` that of neighbours."""

    groups: int
    run: int
    jump: int
    step: int

    @property
    def count(self) -> int:
        return self.groups * self.run

    @property
    def last(self) -> int:
        return (self.groups - 1) * self.jump + (self.run - 1) * self.step


@dataclass(frozen=True)
class WindowTile:
    """A register tile takes `tile_groups` x `tile_run` of the rows, by `columns`.

    A patch serves `lines` lines of places: `patch_lines` padded lines of `line` elements. A task
    takes `chunks` patches. Over taps a block is the places of each; over places it is `rows_walk`
    of the taps, summed over all of them. `block_columns` is how wide it is.
    """

    over_taps: bool
    images: int
    rows_walk: Walk
    depth_walk: Walk
    columns_used: int
    tile_groups: int
    tile_run: int
    vectors: int
    lanes: int
    lines: int
    patch_lines: int
    line: int
    row_blocks: int
    block_columns: int
    column_blocks: int
    chunks: int
    source: Operand
    right: Operand
    tasks: int
    across: Across | None = None

    @property
    def rows(self) -> int:
        return self.tile_groups * self.tile_run

    @property
    def columns(self) -> int:
        return self.vectors * self.lanes

    @property
    def block_depth(self) -> int:
        return self.depth_walk.count

    @property
    def patches(self) -> int:
        return self.images * self.row_blocks

    @property
    def groups(self) -> int:
        """Over taps: how many tasks take all patches."""
        return self.tasks // self.column_blocks

    @property
    def padded(self) -> Walk:
        """The rows with those that only fill a tile."""
        groups = round_up(self.rows_walk.groups, self.tile_groups)
        return replace(
            self.rows_walk, groups=groups, run=round_up(self.rows_walk.run, self.tile_run)
        )

    @property
    def is_narrow(self) -> bool:
        """Whether a row is less than a vector. Sums are then stored row behind row, each over what
        the one before stored too much, and what follows them runs along all rows at once."""
        return self.over_taps and self.columns_used < self.lanes

    @property
    def sums_step(self) -> int:
        """The distance of rows in the sums."""
        return self.columns_used if self.is_narrow else self.block_columns

    @property
    def sums_line(self) -> int:
        """Rows of a line in the sums."""
        real = self.rows_walk.run + self.across.after if self.across else 0
        return self.sums_before + max(self.padded.run, real)

    @property
    def sums_before(self) -> int:
        """Rows of a line before the first one, which give nothing."""
        return self.across.before if self.across else 0

    @property
    def sums(self) -> int:
        """Elements of the sums; the last row is stored as whole vectors."""
        return self.padded.groups * self.sums_line * self.sums_step + self.columns

    @property
    def results_line(self) -> int:
        """Results of a line."""
        return self.across.places if self.across else self.rows_walk.run

    @property
    def is_flat(self) -> bool:
        """Whether results lie side by side, and what follows runs along all of them at once."""
        return self.is_narrow or self.across is not None

    @property
    def is_even(self) -> bool:
        """Whether all rows of the results are real."""
        return self.across is not None or self.padded.run == self.rows_walk.run

    @property
    def given(self) -> tuple[int, ...]:
        """Where among the sums of a line a result finds what its neighbours give to it."""
        step, columns = self.sums_step, self.across.columns
        return tuple(tap * step + tap * columns for tap in range(self.across.taps))

    @property
    def patch(self) -> int:
        """Elements of the patch, with what rows that only fill a tile read behind it."""
        blocks = (self.row_blocks - 1) * self.rows_walk.groups * self.rows_walk.jump
        read = blocks + self.padded.last + self.depth_walk.last + 1
        return round_up(max(read, self.patch_lines * self.line), self.lanes)

    @property
    def offsets(self) -> tuple[int, ...]:
        """Where the rows of a register tile begin, from the first one."""
        return tuple(
            group * self.rows_walk.jump + place * self.rows_walk.step
            for group in range(self.tile_groups)
            for place in range(self.tile_run)
        )

    def taps_of(self, pool: PoolText) -> tuple[int, ...]:
        """Where the results of a window of a pool lie among the sums, from the first one."""
        return tuple(
            (down * self.sums_line + across) * self.sums_step
            for down in range(pool.down)
            for across in range(pool.across)
        )

    @property
    def description(self) -> str:
        taps = f", {self.across.taps} taps at once" if self.across else ""
        return f" of {self.lines} lines of windows, in tiles of {self.rows} x {self.columns}{taps}"


def window_tile(plan: MatmulPlan, machine: CpuMachine) -> WindowTile | None:
    """The tile of a product that slides; None where it is better run like any other product."""
    slides = plan.sliding
    if slides is None or not can_slide(slides.geometry):
        return None
    taps = across(plan, machine) if slides.over_taps else None
    if taps:
        tile = tile_of_places(taps.plan, machine)
        return tile and replace(tile, across=taps)
    tile = tile_of_places(plan, machine) if slides.over_taps else tile_of_taps(plan, machine)
    if plan.pool:
        return tile
    if tile is None or tile.rows < min(FEWEST_ROWS, tile.rows_walk.count):
        return None
    return tile


def can_slide(geometry: Geometry) -> bool:
    """Whether there is more than a tap, and those across are neighbours."""
    down, across = geometry.kernel
    return down * across > 1 and (across == 1 or geometry.dilation[1] == 1)


def tile_of_places(plan: MatmulPlan, machine: CpuMachine) -> WindowTile | None:
    """Rows are places, the depth runs over the taps: all of it in one go."""
    slides, (height, width) = plan.sliding, plan.sliding.geometry.output
    vectors = best_vectors(plan, machine)
    found = right_block(plan, machine, vectors)
    if found is None:
        return None
    right, columns = found
    column_blocks, wanted = ceil(plan.column.extent, columns), TASKS_PER_CORE * machine.cores
    blocks = ceil(wanted, slides.image.extent * column_blocks)
    most = min(ceil(height, blocks), SUMS_BYTES // (4 * columns * width))
    while most > 1 and 4 * patch_lines(slides, most) * line_of(slides) > PATCH_BYTES:
        most -= 1
    whole = plan.pool.size[0] if plan.pool else 1
    lines = round_up(ceil(height, ceil(height, max(most, 1))), whole)
    rows = places_walk(slides, lines)
    if 4 * plan.column.extent * plan.depth.extent > FAR_BYTES and rows.count < MANY_PLACES:
        return None
    patches = slides.image.extent * ceil(height, lines)
    groups = patches if column_blocks == 1 else min(ceil(wanted, column_blocks), patches)
    shares = slides.geometry.stride[1] * slides.channel.extent == 1
    return WindowTile(
        over_taps=True,
        images=slides.image.extent,
        rows_walk=rows,
        depth_walk=taps_walk(slides),
        columns_used=plan.column.extent,
        **register_tile(rows, vectors, machine, shares),
        vectors=vectors,
        lanes=machine.lanes,
        lines=lines,
        patch_lines=patch_lines(slides, lines),
        line=line_of(slides),
        row_blocks=ceil(height, lines),
        block_columns=columns,
        column_blocks=column_blocks,
        chunks=ceil(patches, groups),
        source=line_operand(slides),
        right=right,
        tasks=column_blocks * ceil(patches, ceil(patches, groups)),
    )


def right_block(plan: MatmulPlan, machine: CpuMachine, vectors: int) -> tuple[Operand, int] | None:
    """How the right side is read, and how many columns of it a task has: all of them, or, where
    they do not stay in the cache, as many as a tile. None where not even those do."""
    panel, depth = vectors * machine.lanes, plan.depth.extent
    columns = round_up(plan.column.extent, panel)
    right = right_side(plan, machine, vectors, depth)
    if 4 * columns * depth <= (NEAR_BYTES if right.way is Way.DIRECT else RIGHT_BYTES):
        return right, columns
    if 4 * panel * depth <= PANEL_BYTES:
        return right_side(plan, machine, vectors, depth, is_packed=True), panel
    return (right, columns) if right.way is Way.DIRECT else None


def tile_of_taps(plan: MatmulPlan, machine: CpuMachine) -> WindowTile | None:
    """Rows are taps, the depth runs over the places: patch after patch."""
    slides, (height, width) = plan.sliding, plan.sliding.geometry.output
    deep, ragged = divmod(plan.depth.extent, width)
    if ragged:
        return None  # a part begins in the middle of a line
    lines = most_lines(slides, gcd(height, deep))
    if lines is None or lines * width < min(FEWEST_PLACES, plan.depth.extent):
        return None
    vectors, taps = best_vectors(plan, machine), taps_walk(slides)
    columns = vectors * machine.lanes
    wanted = ceil(TASKS_PER_CORE * machine.cores, plan.batch.extent)
    tile = register_tile(taps, vectors, machine)
    row_blocks = taps.groups if tile["tile_groups"] == 1 and wanted > 1 else 1
    rows = replace(taps, groups=taps.groups // row_blocks)
    most = min(TAPS_BYTES // (4 * rows.count), ceil(plan.column.extent, ceil(wanted, row_blocks)))
    block_columns = max(columns, min(most, plan.column.extent) // columns * columns)
    column_blocks = ceil(plan.column.extent, block_columns)
    return WindowTile(
        over_taps=False,
        images=slides.image.extent,
        rows_walk=rows,
        depth_walk=places_walk(slides, lines),
        columns_used=plan.column.extent,
        **tile,
        vectors=vectors,
        lanes=machine.lanes,
        lines=lines,
        patch_lines=patch_lines(slides, lines),
        line=line_of(slides),
        row_blocks=row_blocks,
        block_columns=block_columns,
        column_blocks=column_blocks,
        chunks=deep // lines,
        source=line_operand(slides),
        right=right_side(plan, machine, vectors, lines * width),
        tasks=plan.batch.extent * row_blocks * column_blocks,
    )


def most_lines(slides: SlidingPlan, lines: int) -> int | None:
    """The most lines of places that divide `lines` and whose patch fits; None if not even one."""
    fitting = (
        n for n in range(lines, 0, -1)
        if lines % n == 0 and 4 * patch_lines(slides, n) * line_of(slides) <= PATCH_BYTES
    )  # fmt: skip
    return next(fitting, None)


def register_tile(
    rows: Walk, vectors: int, machine: CpuMachine, shares: bool = False
) -> dict[str, int]:
    """How much of the rows a register tile takes: part of a run, or several whole ones. Where
    neighbouring rows `shares` what they load, it stays in registers too."""
    most = (machine.registers - vectors - 2) // vectors
    if shares:
        most = min(most, machine.registers // 2 - vectors)
    if rows.run > most // 2 or rows.groups == 1:
        return {"tile_groups": 1, "tile_run": tile_rows(rows.run, most)}
    return {"tile_groups": tile_rows(rows.groups, most // rows.run), "tile_run": rows.run}


def best_vectors(plan: MatmulPlan, machine: CpuMachine) -> int:
    return 2 if plan.column.extent > machine.lanes else 1


def right_side(
    plan: MatmulPlan, machine: CpuMachine, vectors: int, depth: int, is_packed: bool = False
) -> Operand:
    """How the right side is read, in blocks so deep."""
    columns, as_they_are = vectors * machine.lanes, plan.precision == "f32"
    even = as_they_are and plan.column.extent % columns == 0 and not is_packed
    block = (columns, depth)
    return right_operand(
        plan.right, plan.column, plan.depth, block, even=even, as_they_are=as_they_are
    )


def line_operand(slides: SlidingPlan) -> Operand:
    """How a line of an image is read: at once, in runs of channels, or one by one."""
    pixel, column, channel = slides.pixel, slides.column, slides.channel
    if isinstance(pixel, Load) and is_dense(pixel.position, (column, channel)):
        first = pixel.position.substitute({column: Index(), channel: Index()})
        return Operand(Way.DIRECT, 1, 1, Load(pixel.value, first))
    found = find_run(pixel, channel, channel.extent)
    if found:
        cases, run = found
        return Operand(Way.RUNS, 1, 1, None, cases, run)
    return Operand(Way.ELEMENTS, 1, 1)


def is_dense(position: Index, variables: tuple[Variable, ...]) -> bool:
    """Whether the elements of these loops, the last one innermost, lie side by side."""
    step = 1
    for variable in reversed(variables):
        if variable.extent > 1 and position.coefficient(variable) != step:
            return False
        step *= variable.extent
    return True


# --- the geometry of a patch --------------------------------------------------------------------


def line_of(slides: SlidingPlan) -> int:
    """Elements of a padded line, as far as windows reach."""
    geometry = slides.geometry
    return geometry.reach(1, geometry.output[1]) * slides.channel.extent


def patch_lines(slides: SlidingPlan, lines: int) -> int:
    """Padded lines that so many lines of places read."""
    return slides.geometry.reach(0, lines)


def places_walk(slides: SlidingPlan, lines: int) -> Walk:
    geometry, channels = slides.geometry, slides.channel.extent
    jump, step = geometry.stride[0] * line_of(slides), geometry.stride[1] * channels
    return Walk(lines, geometry.output[1], jump, step)


def taps_walk(slides: SlidingPlan) -> Walk:
    geometry, channels = slides.geometry, slides.channel.extent
    down, across = geometry.kernel
    return Walk(down, across * channels, geometry.dilation[0] * line_of(slides), 1)
