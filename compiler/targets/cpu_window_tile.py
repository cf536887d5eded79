"""What a register tile of a window that slides over images takes: where its rows, its depth and its
sums lie."""

from dataclasses import dataclass, replace

from netc.compiler.kernels.plan import MatmulPlan
from netc.compiler.scalar.expression import Load
from netc.compiler.scalar.rounding import round_up
from netc.compiler.targets.cpu_across import Across
from netc.compiler.targets.cpu_beside import Beside
from netc.compiler.targets.cpu_operand import Operand
from netc.compiler.targets.cpu_patch import skips_lines
from netc.compiler.targets.text import PoolText

TOTALS_AT_ONCE = 4  # vectors that are added up side by side: each addition waits for the last


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
    """`plan` is the product as it is run. A register tile takes `tile_groups` x `tile_run` of the
    rows, by `columns`.

    A patch serves `lines` lines of places: `patch_lines` padded lines of `line` elements. A task
    takes `chunks` patches. Over taps a block is the places of each; over places it is `rows_walk`
    of the taps, summed over all of them. `block_columns` is how wide it is. What is loaded `ahead`
    the next patch will need.
    """

    plan: MatmulPlan
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
    ahead: tuple[Load, ...] = ()
    across: Across | None = None
    beside: Beside | None = None

    @property
    def skips(self) -> bool:
        """Whether taps down may lie on lines of zeros, which are then not multiplied."""
        return self.over_taps and skips_lines(self.plan.sliding.geometry)

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
    def places(self) -> int:
        """Places of a line."""
        return self.plan.sliding.geometry.output[1]

    @property
    def right_walk(self) -> Walk:
        """Where the right side lies for each step of the depth."""
        groups, run, step = self.depth_walk.groups, self.depth_walk.run, self.right.depth_step
        if self.beside:
            return Walk(groups, run, self.beside.line, self.beside.filters)
        return Walk(groups, run, run * step, step)

    @property
    def right_room(self) -> int:
        """Elements of a right side that is packed; of slopes the last are read as a vector."""
        if self.beside:
            behind = self.totals if self.plan.sums else self.columns
            return self.lines * self.beside.line + behind
        return self.block_depth * self.block_columns

    @property
    def totals_at(self) -> tuple[int, ...]:
        return tuple(i * self.lanes for i in range(TOTALS_AT_ONCE))

    @property
    def totals(self) -> int:
        """Elements of the sums of the right side; of slopes, as many as a line has."""
        chains = TOTALS_AT_ONCE * self.lanes
        return round_up(self.beside.line, chains) if self.beside else self.block_columns

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
        """Results of a line, or of a line of taps."""
        if self.beside:
            return self.beside.taps * self.rows_walk.run
        return self.across.places if self.across else self.rows_walk.run

    @property
    def results(self) -> int:
        """Rows of results that are made from the sums: all of them are real."""
        if self.across or self.beside:
            return self.rows_walk.groups * self.results_line
        return 0

    @property
    def is_flat(self) -> bool:
        """Whether results lie side by side, and what follows runs along all of them at once."""
        return self.is_narrow or self.results > 0

    @property
    def is_even(self) -> bool:
        """Whether all rows of the results are real."""
        return self.results > 0 or self.padded.run == self.rows_walk.run

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
        both = self.across or self.beside
        taps = f", {both.taps} taps at once" if both else ""
        return f" of {self.lines} lines of windows, in tiles of {self.rows} x {self.columns}{taps}"
