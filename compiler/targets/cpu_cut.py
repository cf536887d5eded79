"""A graph in, its groups out as the cpu target runs them: convolutions pool what they make."""

from collections.abc import Mapping
from math import prod

from netc.compiler.ir.graph import Graph
from netc.compiler.ir.operation import Op
from netc.compiler.kernels.fuse import fuse
from netc.compiler.kernels.group import Group, Pool
from netc.compiler.kernels.join_sums import join_sums
from netc.compiler.scalar.expression import Contraction
from netc.compiler.scalar.rounding import round_up
from netc.compiler.targets.cpu_patch import SUMS_BYTES, can_slide
from netc.compiler.targets.cpu_window import RIGHT_BYTES

MOST_TAPS = 16  # of a window of a pool: its folds are written out tap by tap
FEW_FILTERS = 8  # half of the lanes of the widest vectors
WIDEST = 32  # columns of a register tile on any machine: a cut is the same for all


def cut(graph: Graph, ops: Mapping[str, Op]) -> tuple[Group, ...]:
    return join_sums(fuse(graph, ops, can_pool, squares=True), graph, ops, sums_right)


def sums_right(sums: Contraction) -> bool:
    """Whether the kernel of a product adds up its right side too: that of the gradient of few
    filters. A kernel that does nothing else leaves most of its vectors empty."""
    sliding = sums.sliding
    return (
        sliding is not None
        and not sliding.over_taps
        and can_slide(sliding.geometry)
        and sums.columns <= FEW_FILTERS
        and sums.precision == "f32"
    )


def can_pool(sums: Contraction, pool: Pool) -> bool:
    """Whether the windows of a pool lie in what the kernel of a convolution has in its cache."""
    assert sums.sliding is not None
    geometry, columns = sums.sliding.geometry, round_up(sums.columns, WIDEST)
    line = 4 * pool.size[0] * geometry.output[1] * columns
    return (
        can_slide(geometry)
        and 1 < prod(pool.size) <= MOST_TAPS
        and line <= SUMS_BYTES
        and 4 * columns * sums.depth <= RIGHT_BYTES
    )
