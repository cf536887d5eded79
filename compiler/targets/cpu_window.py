"""How the cpu target runs a product whose left side is a window that slides over images.

A block of image lines, with zeros around them, is copied into a patch; the register tile then reads
what is under each window where it lies in the patch. An image is copied once and not once for each
tap of the window, as it would be if the left side were packed like that of any other product.
"""

from dataclasses import replace
from math import gcd

from netc.compiler.kernels.plan import MatmulPlan, SlidingPlan
from netc.compiler.scalar.expression import Load, find_loads, substitute
from netc.compiler.scalar.index import Variable, loop, variable_index
from netc.compiler.scalar.rounding import ceil, round_up
from netc.compiler.targets.cpu_across import across
from netc.compiler.targets.cpu_beside import Beside, beside
from netc.compiler.targets.cpu_operand import Operand, Way, packed_operand, right_operand
from netc.compiler.targets.cpu_patch import (
    TASKS_PER_CORE,
    block_of_lines,
    can_slide,
    line_of,
    lines_of_task,
    most_lines,
)
from netc.compiler.targets.cpu_places import PlacesTile, places_tile
from netc.compiler.targets.cpu_tiles import CpuMachine, best_vectors, tile_rows
from netc.compiler.targets.cpu_window_tile import Walk, WindowTile

STREAM_BYTES = 2**22  # more than the L2 caches hold
TAPS_BYTES = 2**18  # of the sums of a kernel's gradient, in the L2 cache
RIGHT_BYTES = 2**18  # of a right side that is packed: on the stack, and in the L2 cache
NEAR_BYTES, PANEL_BYTES = 2**20, 2**19  # of one that is read as it lies; of a panel of one
FAR_BYTES, MANY_PLACES = 2**19, 64  # a right side not in the L2 cache is read for as many at once
FEWEST_ROWS, FEWEST_PLACES = 6, 48  # of a register tile, and of its depth, that are worth it


def window_tile(plan: MatmulPlan, machine: CpuMachine) -> WindowTile | PlacesTile | None:
    """The tile of a product that slides; None where it is better run like any other product."""
    slides = plan.sliding
    if slides is None or not can_slide(slides.geometry):
        return None
    return tile_over_taps(plan, machine) if slides.over_taps else tile_over_places(plan, machine)


def tile_over_taps(plan: MatmulPlan, machine: CpuMachine) -> WindowTile | PlacesTile | None:
    """The depth runs over the taps. Few columns leave lanes empty: of three ways the quickest."""
    places = places_tile(plan, machine)
    if places:
        return places
    taps = across(plan, machine)
    if taps:
        tile = tile_of_places(taps.plan, machine)
        return tile and replace(tile, across=taps)
    tile = tile_of_places(plan, machine)
    return tile if plan.pool else worth_it(tile)


def tile_over_places(plan: MatmulPlan, machine: CpuMachine) -> WindowTile | None:
    """The depth runs over the places."""
    slopes = beside(plan, machine)
    if slopes:
        return tile_beside(plan, machine, slopes)
    return worth_it(tile_of_taps(plan, machine))


def worth_it(tile: WindowTile | None) -> WindowTile | None:
    """The tile, or None where it has too few rows."""
    if tile is None or tile.rows < min(FEWEST_ROWS, tile.rows_walk.count):
        return None
    return tile


def tile_of_places(plan: MatmulPlan, machine: CpuMachine) -> WindowTile | None:
    """Rows are places, the depth runs over the taps: all of it in one go."""
    slides, (height, width) = plan.sliding, plan.sliding.geometry.output
    vectors = best_vectors(plan.column, machine)
    found = right_block(plan, machine, vectors)
    if found is None:
        return None
    right, columns = found
    column_blocks, wanted = ceil(plan.column.extent, columns), TASKS_PER_CORE * machine.cores
    blocks = ceil(wanted, slides.image.extent * column_blocks)
    whole = plan.pool.size[0] if plan.pool else 1
    lines = lines_of_task(slides, blocks, 4 * columns * width, whole)
    rows = places_walk(slides, lines)
    if 4 * plan.column.extent * plan.depth.extent > FAR_BYTES and rows.count < MANY_PLACES:
        return None
    patches = slides.image.extent * ceil(height, lines)
    groups = patches if column_blocks == 1 else min(ceil(wanted, column_blocks), patches)
    shares = slides.geometry.stride[1] * slides.channel.extent == 1
    return WindowTile(
        plan=plan,
        over_taps=True,
        rows_walk=rows,
        depth_walk=taps_walk(slides),
        **register_tile(rows, vectors, machine, shares),
        **block_of_lines(slides, lines),
        columns_used=plan.column.extent,
        vectors=vectors,
        lanes=machine.lanes,
        row_blocks=ceil(height, lines),
        block_columns=columns,
        column_blocks=column_blocks,
        chunks=ceil(patches, groups),
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
    lines = lines_of_places(plan)
    if lines is None:
        return None
    slides, width = plan.sliding, plan.sliding.geometry.output[1]
    vectors, taps = best_vectors(plan.column, machine), taps_walk(slides)
    columns = vectors * machine.lanes
    wanted = ceil(TASKS_PER_CORE * machine.cores, plan.batch.extent)
    tile = register_tile(taps, vectors, machine)
    row_blocks = taps.groups if tile["tile_groups"] == 1 and wanted > 1 else 1
    rows = replace(taps, groups=taps.groups // row_blocks)
    most = min(TAPS_BYTES // (4 * rows.count), ceil(plan.column.extent, ceil(wanted, row_blocks)))
    block_columns = max(columns, min(most, plan.column.extent) // columns * columns)
    column_blocks = ceil(plan.column.extent, block_columns)
    right = right_side(plan, machine, vectors, lines * width)
    given = plan
    if right.way in (Way.RUNS, Way.ELEMENTS):
        plan = by_lines(plan)
        right = packed_operand(plan.right, plan.column, (columns, lines * width))
    return WindowTile(
        plan=plan,
        over_taps=False,
        rows_walk=rows,
        depth_walk=places_walk(slides, lines),
        **tile,
        **block_of_lines(slides, lines),
        columns_used=plan.column.extent,
        vectors=vectors,
        lanes=machine.lanes,
        row_blocks=row_blocks,
        block_columns=block_columns,
        column_blocks=column_blocks,
        chunks=plan.depth.extent // (lines * width),
        right=right,
        ahead=loads_ahead(plan, lines) if plan.right != given.right else (),
        tasks=plan.batch.extent * row_blocks * column_blocks,
    )


def tile_beside(plan: MatmulPlan, machine: CpuMachine, slopes: Beside) -> WindowTile | None:
    """Rows are the taps down and the channels, the depth runs over the pixels of each line."""
    lines = lines_of_places(plan)
    if lines is None:
        return None
    slides, geometry = plan.sliding, plan.sliding.geometry
    channels, vectors = slides.channel.extent, ceil(slopes.columns, machine.lanes)
    rows = Walk(geometry.kernel[0], channels, geometry.dilation[0] * line_of(slides), 1)
    pixels = Walk(lines, slopes.pixels, geometry.stride[0] * line_of(slides), channels)
    plan = by_lines(plan)
    block = (slopes.filters, lines * slopes.places)
    return WindowTile(
        plan=plan,
        over_taps=False,
        rows_walk=rows,
        depth_walk=pixels,
        **register_tile(rows, vectors, machine),
        **block_of_lines(slides, lines),
        columns_used=slopes.columns,
        vectors=vectors,
        lanes=machine.lanes,
        row_blocks=1,
        block_columns=vectors * machine.lanes,
        column_blocks=1,
        chunks=plan.depth.extent // (lines * slopes.places),
        right=packed_operand(plan.right, plan.column, block),
        tasks=plan.batch.extent,
        beside=slopes,
    )


def by_lines(plan: MatmulPlan) -> MatmulPlan:
    """The product whose right side is read at line y and place x: an index of the depth, cut into
    them for each element, costs more than what is done with it."""
    width = plan.sliding.geometry.output[1]
    y, x = loop("y", plan.depth.extent // width), loop("x", width)
    return replace(plan, right=substitute(plan.right, {plan.depth: y * width + x}))


def loads_ahead(plan: MatmulPlan, lines: int) -> tuple[Load, ...]:
    """What the right side of so many lines on loads. The caches fetch by themselves what follows in
    a stream, but not past the multiplications of a patch, and far memory takes as long as these."""
    loads = dict.fromkeys(load for load in find_loads(plan.right) if isinstance(load, Load))
    if sum(load.value.type.bytes for load in loads) <= STREAM_BYTES:
        return ()
    y = Variable("y", plan.depth.extent // plan.sliding.geometry.output[1])
    later = {y: variable_index(y) + lines}
    return tuple(replace(load, position=load.position.substitute(later)) for load in loads)


def lines_of_places(plan: MatmulPlan) -> int | None:
    """How many lines of places a patch serves, where the depth runs over them; None where a part
    of the depth begins in the middle of a line, or has too few places."""
    height, width = plan.sliding.geometry.output
    deep, ragged = divmod(plan.depth.extent, width)
    lines = None if ragged else most_lines(plan.sliding, gcd(height, deep))
    is_deep = lines is not None and lines * width >= min(FEWEST_PLACES, plan.depth.extent)
    return lines if is_deep else None


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


def places_walk(slides: SlidingPlan, lines: int) -> Walk:
    geometry, channels = slides.geometry, slides.channel.extent
    jump, step = geometry.stride[0] * line_of(slides), geometry.stride[1] * channels
    return Walk(lines, geometry.output[1], jump, step)


def taps_walk(slides: SlidingPlan) -> Walk:
    geometry, channels = slides.geometry, slides.channel.extent
    down, across = geometry.kernel
    return Walk(down, across * channels, geometry.dilation[0] * line_of(slides), 1)
