"""How the cpu target runs the gradient of a kernel that has few filters.

A row of few filters leaves most of a vector empty. So each pixel of an image is multiplied with the
slopes of all the places across that it gave to: they are neighbours on a line of the upstream
gradient, and each belongs to another tap.
"""

from dataclasses import dataclass

from netc.compiler.kernels.plan import MatmulPlan
from netc.compiler.scalar.rounding import ceil
from netc.compiler.targets.cpu_tiles import CpuMachine

MOST_VECTORS = 2  # of the slopes beside each other


@dataclass(frozen=True)
class Beside:
    """Each of `pixels` on a line is multiplied with `taps` x `filters` slopes, the last tap first.
    A line has slopes at `places`, with as many as `before` and `after` of zeros around them."""

    taps: int
    filters: int
    pixels: int
    places: int
    before: int
    after: int

    @property
    def columns(self) -> int:
        return self.taps * self.filters

    @property
    def line(self) -> int:
        """Elements of a line of slopes, with its zeros."""
        return (self.before + self.places + self.after) * self.filters


def beside(plan: MatmulPlan, machine: CpuMachine) -> Beside | None:
    """The slopes of all taps across at once; None where it is not possible, or not quicker."""
    geometry, filters = plan.sliding.geometry, plan.column.extent
    (_, taps), (_, pixels), (_, places) = geometry.kernel, geometry.image, geometry.output
    before = taps - 1 - geometry.pad[1]
    after = pixels + geometry.pad[1] - places
    vectors, plain = ceil(taps * filters, machine.lanes), ceil(filters, machine.lanes)
    if geometry.stride[1] != 1 or geometry.dilation[1] != 1 or taps == 1 or min(before, after) < 0:
        return None
    if vectors > MOST_VECTORS or vectors * pixels >= plain * taps * places:
        return None
    return Beside(taps, filters, pixels, places, before, after)
