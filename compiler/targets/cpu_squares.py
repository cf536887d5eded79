"""How the cpu target multiplies what it combines, and combines what it multiplies.

A block of rows and columns is made for all places of the squares, one place after the other: what
is multiplied is combined while it is packed, and the products stay in the L2 cache until all are
there to be combined. So neither goes to memory, where each takes four times what it is made from.
"""

from dataclasses import dataclass
from itertools import pairwise

from netc.compiler.kernels.plan import SquaresPlan
from netc.compiler.scalar.expression import Expression, Load, find_loads
from netc.compiler.scalar.index import Variable
from netc.compiler.scalar.rounding import ceil
from netc.compiler.targets.cpu_operand import Way, direct_operand, turned_operand
from netc.compiler.targets.cpu_rows import RowText, rows_of
from netc.compiler.targets.cpu_tiles import (
    CpuMachine,
    best_vectors,
    even_parts,
    most_rows,
    tile_rows,
)
from netc.compiler.targets.dialect import Speller

MOST_ROWS, MOST_COLUMNS, MOST_DEPTH = 128, 128, 256  # of a block: 1 MB for 16 places
TASKS_PER_CORE = 2


@dataclass(frozen=True)
class SquaresTile:
    """A register tile of rows x columns, in a block of block_rows x block_columns x block_depth for
    each of `places`. `along_depth` says that the left side's neighbours lie along the depth. No
    row that is combined has more elements than `longest`."""

    places: int
    longest: int
    rows: int
    vectors: int
    lanes: int
    block_rows: int
    block_columns: int
    block_depth: int
    row_blocks: int
    column_blocks: int
    along_depth: bool
    right_way: Way
    right_step: int
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
    def left_steps(self) -> tuple[int, int]:
        """The distance of rows, and of places along the depth, in the packed left side."""
        return (self.block_depth, 1) if self.along_depth else (1, self.block_rows)

    @property
    def description(self) -> str:
        return (
            f" of {self.block_rows} x {self.block_columns} in tiles of {self.rows} x "
            f"{self.columns}, depth {self.block_depth} at a time, for {self.places} places"
        )


@dataclass(frozen=True)
class CombineText:
    """A function that combines `length` elements of rows, 0 for any number: for each place of the
    squares an element, and which of the `count` rows it is made from. Kernels whose rows lie
    elsewhere share it; they know it by its number."""

    length: int
    count: int
    elements: tuple[tuple[str, tuple[int, ...]], ...]
    number: int = 0

    @property
    def name(self) -> str:
        return f"netc_combine_{self.number}"


@dataclass(frozen=True)
class SideText:
    """One side of the products: where its rows begin and what combines them; or, where it lies in
    a tensor, the address of the first element, and how far places and columns are apart."""

    rows: tuple[RowText, ...] = ()
    combine: CombineText | None = None
    first: str = ""
    place_step: int = 0
    run: int = 0


def squares_tile(plan: SquaresPlan, machine: CpuMachine) -> SquaresTile:
    vectors = best_vectors(plan.column, machine)
    columns, rows = vectors * machine.lanes, tile_rows(plan.row.extent, most_rows(machine, vectors))
    block_rows, block_columns = block(plan, rows, columns, TASKS_PER_CORE * machine.cores)
    depth = min(plan.depth.extent, MOST_DEPTH)
    way, step = right_way(plan, columns)
    row_blocks = ceil(plan.row.extent, block_rows)
    column_blocks = ceil(plan.column.extent, block_columns)
    return SquaresTile(
        places=len(plan.lefts),
        longest=max(inner.extent for inner in (left_inner(plan), plan.column)),
        rows=rows,
        vectors=vectors,
        lanes=machine.lanes,
        block_rows=block_rows,
        block_columns=block_columns,
        block_depth=depth,
        row_blocks=row_blocks,
        column_blocks=column_blocks,
        along_depth=left_inner(plan) == plan.depth,
        right_way=way,
        right_step=step,
        tasks=plan.batch.extent * row_blocks * column_blocks,
    )


def block(plan: SquaresPlan, rows: int, columns: int, tasks: int) -> tuple[int, int]:
    """Rows and columns of a block, in whole tiles: as many as fit, but for so many tasks."""
    most_rows, most_columns = MOST_ROWS, MOST_COLUMNS
    while True:
        block_rows = even_parts(plan.row.extent, rows, most_rows)
        block_columns = even_parts(plan.column.extent, columns, most_columns)
        blocks = ceil(plan.row.extent, block_rows) * ceil(plan.column.extent, block_columns)
        is_least = block_rows == rows and block_columns == columns
        if plan.batch.extent * blocks >= tasks or is_least:
            return block_rows, block_columns
        if block_columns > columns and block_columns >= block_rows:
            most_columns = max(columns, block_columns // 2)
        elif block_rows > rows:
            most_rows = max(rows, block_rows // 2)
        else:
            most_columns = max(columns, block_columns // 2)


def left_inner(plan: SquaresPlan) -> Variable:
    """The loop along which the left side's rows run."""
    loads = [load for side in plan.lefts for load in find_loads(side)]
    along_depth = all(load.position.coefficient(plan.depth) == 1 for load in loads)
    return plan.depth if along_depth else plan.row


def right_way(plan: SquaresPlan, columns: int) -> tuple[Way, int]:
    """How the right sides are read, and the distance of places along their depth."""
    first, block = plan.rights[0], (columns, min(plan.depth.extent, MOST_DEPTH))
    if place_step(plan.rights) is None:
        return Way.ELEMENTS, columns
    direct = direct_operand(first, plan.column, plan.depth)
    if direct and direct.step == 1 and plan.column.extent % columns == 0:
        return Way.DIRECT, direct.depth_step
    turned = turned_operand(first, plan.column, plan.depth, block)
    return Way.TURNED if turned and not turned.stretch else Way.ELEMENTS, columns


def place_step(sides: tuple[Expression, ...]) -> int | None:
    """How far the sides of neighbouring places lie apart in a tensor that has them all."""
    if not all(isinstance(side, Load) and side.value == sides[0].value for side in sides):
        return None
    steps = {after.position - before.position for before, after in pairwise(sides)}
    (step, *others) = steps
    return step.constant if step.is_constant and not others else None


def left_text(plan: SquaresPlan, tile: SquaresTile, speller: Speller) -> SideText:
    inner, block = left_inner(plan), tile.block_depth if tile.along_depth else tile.block_rows
    return combined(plan.lefts, inner, block, speller)


def right_text(plan: SquaresPlan, tile: SquaresTile, speller: Speller) -> SideText:
    if tile.right_way is Way.ELEMENTS:
        return combined(plan.rights, plan.column, tile.columns, speller)
    first, step = plan.rights[0], place_step(plan.rights)
    assert isinstance(first, Load) and step is not None
    return SideText(
        first=f"{speller.parameters[first.value.name]} + {first.position.text}",
        place_step=step,
        run=first.position.coefficient(plan.column) or 0,
    )


def combined(
    sides: tuple[Expression, ...], inner: Variable, block: int, speller: Speller
) -> SideText:
    """A side that is combined from rows along `inner`, so many elements in a block."""
    length = 0 if inner.extent % block else block
    rows, read = rows_of(sides, inner, speller, "j", choices_only=False)
    elements = []
    for element in read:
        text = speller.spell(element)
        used = (number for number, row in enumerate(rows) if f"{row.name}[" in text)
        elements.append((text, tuple(used)))
    return SideText(rows, CombineText(length, len(rows), tuple(elements)))
