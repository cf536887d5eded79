"""How the cpu target runs a window over images where the product has few columns.

A row of few columns leaves most of a vector empty. So each place of an image is multiplied with the
columns of all taps across, side by side: that is what it gives to its neighbours on the line, under
whose windows it lies. What they are given is then added up.
"""

from dataclasses import dataclass, replace

from netc.compiler.kernels.plan import MatmulPlan
from netc.compiler.scalar.expression import Load
from netc.compiler.scalar.index import Variable, variable_index
from netc.compiler.scalar.rounding import ceil
from netc.compiler.targets.cpu_tiles import CpuMachine

ADDING = 2  # vectors that are multiplied and added in the time in which one is read and added
WORTH = 0.7  # of the time of the plain product


@dataclass(frozen=True)
class Across:
    """`plan` makes `taps` x `columns` sums for each place of an image's line, which go to `places`
    results. As many as `before` and `after` the line give nothing."""

    plan: MatmulPlan
    taps: int
    columns: int
    places: int
    before: int
    after: int


def across(plan: MatmulPlan, machine: CpuMachine) -> Across | None:
    """The product of all taps across at once; None where it is not possible, or not quicker."""
    slides = plan.sliding
    geometry, columns = slides.geometry, plan.column.extent
    (_, taps), (_, width), (_, places) = geometry.kernel, geometry.image, geometry.output
    before = geometry.pad[1]
    after = places + taps - 1 - before - width
    plain = geometry.stride[1] == geometry.dilation[1] == 1 and isinstance(plan.right, Load)
    if plan.pool or not plain or columns >= machine.lanes or taps == 1 or after < 0:
        return None
    depth = plan.depth.extent // taps
    vectors = ceil(taps * columns, machine.lanes)
    added = (taps + 1) * ADDING * places
    if vectors > 2 or vectors * depth * width + added > WORTH * taps * depth * places:
        return None
    return Across(side_by_side(plan), taps, columns, places, before, after)


def side_by_side(plan: MatmulPlan) -> MatmulPlan:
    """The product whose depth is the taps down and the channels, and whose columns are the taps
    across and the columns of before."""
    slides, geometry = plan.sliding, plan.sliding.geometry
    (down, taps), channels, columns = geometry.kernel, slides.channel.extent, plan.column.extent
    depth, column = Variable("k", down * channels), Variable("n", taps * columns)
    k, n = variable_index(depth), variable_index(column)
    tap = (k // channels) * taps + n // columns
    values = {plan.depth: tap * channels + k % channels, plan.column: n % columns}
    right = replace(plan.right, position=plan.right.position.substitute(values))
    line = replace(
        geometry,
        output=(geometry.output[0], geometry.image[1]),
        kernel=(down, 1),
        pad=(geometry.pad[0], 0),
    )
    sliding = replace(slides, geometry=line)
    return replace(plan, column=column, depth=depth, right=right, sliding=sliding)
