"""A kernel, its tile and what the processor reaches in; the seconds that it should take out.

A time is a sum of a few costs, each the count of something that the generated code does times what
one of them costs. The costs were fitted to the kernels of seven networks on two cores of a Zen 5
(`netc profile`). In the training steps of six of them, as the kernels are now, half of the time is
in kernels that are less than 14 to 25 % off; with costs fitted again to three, the others are 3 to
24 % off.
"""

from dataclasses import dataclass

from netc.compiler.build.peaks import Peaks, known_peaks
from netc.compiler.kernels.plan import Kernel, MapPlan, MatmulPlan, Plan, RowPlan, SquaresPlan
from netc.compiler.scalar.rounding import ceil
from netc.compiler.targets.cpu_operand import Operand, Way
from netc.compiler.targets.cpu_patch import real_share
from netc.compiler.targets.cpu_places import PlacesTile
from netc.compiler.targets.cpu_squares import SquaresTile
from netc.compiler.targets.cpu_tiles import CpuMachine, MatmulTile
from netc.compiler.targets.cpu_window_tile import WindowTile

# Where nothing was measured: bytes that a core moves in a cycle from its L2 cache and from the L3,
# and bytes that memory gives in a second.
NEAR_PER_CYCLE, MIDDLE_PER_CYCLE, MEMORY_BYTES = 24, 16, 2.5e10
FLOPS_PER_LANE = 4  # in a cycle: two vector units that multiply and add


@dataclass(frozen=True)
class Costs:
    """Seconds to start; and in parts of the machine's peak: how much longer a byte and a FLOP take
    than at their best. `task` is the cycles of beginning a task."""

    start: float
    bytes: float
    flops: float
    task: float


# A FLOP here is an op of the language: a division, a comparison or a sum that waits for the last.
MAP = Costs(0.5e-6, 1.5, 13, 0.2)
ROW = Costs(0.3e-6, 0, 10, 40)
OTHER = Costs(0.4e-6, 1.0, 6, 8)
PRODUCT = Costs(1.0e-6, 0.7, 2.7, 0)
# Cycles of a register tile for each vector of sums and for each load, in every step of the depth;
# cycles of a run that is copied while packing, of an element that is packed in a square that is
# turned, and of one that is packed alone.
SUM, LOAD, RUN, TURNED, ELEMENT = 0.3, 0.48, 2.0, 0.25, 1.1
COMBINED = 0.25  # the same of an element that is combined, which runs in vectors
# Of an element of sums that are turned, a few columns at a time; of a vector of slopes that are
# computed place by place.
NARROW, SLOPES = 0.5, 3.5


def peaks_of(machine: CpuMachine, hertz: float) -> Peaks:
    """What was measured on this machine, else a guess from its clock."""
    return known_peaks(machine.cores) or guessed_peaks(machine, hertz)


def guessed_peaks(machine: CpuMachine, hertz: float) -> Peaks:
    """What a machine of such a clock would reach: the same wherever it is asked for."""
    cycles = machine.cores * hertz
    flops = cycles * machine.lanes * FLOPS_PER_LANE
    near, middle = NEAR_PER_CYCLE * cycles, MIDDLE_PER_CYCLE * cycles
    return Peaks(machine.cores, flops, near, middle, MEMORY_BYTES)


def predicted_seconds(kernel: Kernel, tile, peaks: Peaks, machine: CpuMachine) -> float:
    """The seconds of a kernel with all threads, those without a task counted too."""
    busy = busy_seconds(kernel, tile, peaks, machine) / peaks.threads
    return costs_of(kernel.plan).start + busy * idle_factor(tile.tasks, peaks.threads)


def busy_seconds(kernel: Kernel, tile, peaks: Peaks, machine: CpuMachine) -> float:
    """The seconds in which threads are at work on a kernel, those of all threads together."""
    plan, costs, flops = kernel.plan, costs_of(kernel.plan), kernel.flops
    cycle = machine.lanes * FLOPS_PER_LANE * peaks.threads / peaks.flops
    if isinstance(plan, SquaresPlan):
        flops = max(kernel.flops - 2 * multiplications(plan) * tile.places, 0)
        cycles = squares_cycles(plan, tile)
    elif isinstance(plan, MatmulPlan):
        flops = max(kernel.flops - 2 * multiplications(plan), 0)
        cycles = cycles_of(plan, tile)
    else:
        cycles = costs.task * tile.tasks
    moving = costs.bytes * kernel.bytes / peaks.bytes_rate(kernel.bytes)
    return (moving + costs.flops * flops / peaks.flops) * peaks.threads + cycles * cycle


def costs_of(plan: Plan) -> Costs:
    match plan:
        case MatmulPlan() | SquaresPlan():
            return PRODUCT
        case MapPlan():
            return MAP
        case RowPlan():
            return ROW
    return OTHER


def idle_factor(tasks: int, threads: int) -> float:
    """How much longer it takes that tasks do not fill the last round of the threads."""
    return ceil(tasks, threads) * threads / tasks if tasks else 1.0


def multiplications(plan: MatmulPlan | SquaresPlan) -> int:
    return plan.batch.extent * plan.row.extent * plan.column.extent * plan.depth.extent


def cycles_of(plan: MatmulPlan, tile: MatmulTile | WindowTile | PlacesTile) -> float:
    match tile:
        case WindowTile():
            return window_cycles(plan, tile)
        case PlacesTile():
            return places_cycles(tile)
    return product_cycles(plan, tile)


def product_cycles(plan: MatmulPlan, tile: MatmulTile) -> float:
    """Cycles of the register tiles and of packing for them."""
    rows, columns, depth = plan.row.extent, plan.column.extent, plan.depth.extent
    steps = ceil(rows, tile.rows) * ceil(columns, tile.columns) * depth * plan.batch.extent
    left = plan.batch.extent * rows * depth * tile.column_blocks
    packed_again = 1 if tile.packs_right_once else plan.batch.extent * tile.row_blocks
    right = columns * depth * packed_again
    packing = packing_cycles(tile.left, left) + packing_cycles(tile.right, right)
    return steps * step_cycles(tile) + packing


def squares_cycles(plan: SquaresPlan, tile: SquaresTile) -> float:
    """Cycles of the register tiles, of combining for them, and of combining what they made."""
    rows, columns, depth = plan.row.extent, plan.column.extent, plan.depth.extent
    steps = ceil(rows, tile.rows) * ceil(columns, tile.columns) * depth
    packed = rows * depth * tile.column_blocks
    if tile.right_way is not Way.DIRECT:
        packed += columns * depth * tile.row_blocks
    each = steps * step_cycles(tile) + COMBINED * (packed + rows * columns)
    return plan.batch.extent * tile.places * each


def window_cycles(plan: MatmulPlan, tile: WindowTile) -> float:
    """Cycles of the register tiles; the patch is copied by whole lines."""
    tiles = tile.padded.count // tile.rows * ceil(tile.block_columns, tile.columns)
    steps = tile.tasks * tile.chunks * tiles * tile.depth_walk.count
    lines = tile.tasks * tile.chunks * tile.patch_lines
    times = tile.groups if tile.column_blocks > 1 and tile.over_taps else plan.batch.extent
    packing = packing_cycles(tile.right, times * plan.depth.extent * plan.column.extent)
    if tile.right.way is Way.ELEMENTS and not tile.over_taps:
        packing = SLOPES * times * plan.depth.extent * ceil(plan.column.extent, tile.lanes)
    share = real_share(plan.sliding.geometry) if tile.skips else 1
    return steps * share * step_cycles(tile) + lines * RUN + packing


def places_cycles(tile: PlacesTile) -> float:
    """Cycles of the register tiles, of the lines of the patch and of turning the sums."""
    vectors = len(tile.offsets)
    steps = tile.tasks * ceil(tile.lines, tile.tile_lines) * tile.parts * tile.block_depth
    step = SUM * vectors * tile.columns + LOAD * (vectors + tile.columns)
    share = real_share(tile.plan.sliding.geometry)
    turned = tile.tasks * tile.results * tile.columns
    return steps * share * step + tile.tasks * tile.patch_lines * RUN + NARROW * turned


def step_cycles(tile: MatmulTile | WindowTile | SquaresTile) -> float:
    """Cycles of a register tile in one step of the depth."""
    return SUM * tile.rows * tile.vectors + LOAD * (tile.rows + tile.vectors)


def packing_cycles(side: Operand, elements: int) -> float:
    if side.way is Way.DIRECT:
        return 0.0
    if side.way is Way.TURNED:
        return TURNED * elements
    return RUN * elements / side.run if side.way is Way.RUNS else ELEMENT * elements
