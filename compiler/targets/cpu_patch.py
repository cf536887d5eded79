"""The patch of padded image lines that a window slides over, on the cpu: a plan in, how its lines
are read and where they lie out."""

from netc.compiler.kernels.plan import SlidingPlan
from netc.compiler.scalar.expression import Load
from netc.compiler.scalar.geometry import Geometry
from netc.compiler.scalar.index import Index, Variable
from netc.compiler.scalar.rounding import ceil, round_up
from netc.compiler.targets.cpu_operand import Operand, Way, find_run

PATCH_BYTES, SUMS_BYTES = 2**17, 2**16  # of a block of lines: in the L2 cache
TASKS_PER_CORE = 6  # enough to share out evenly


def can_slide(geometry: Geometry) -> bool:
    """Whether there is more than a tap, and those across are neighbours."""
    down, across = geometry.kernel
    return down * across > 1 and (across == 1 or geometry.dilation[1] == 1)


def skips_lines(geometry: Geometry) -> bool:
    """Whether a window may reach beyond the first or last line of an image."""
    return geometry.pad[0] > 0 or geometry.reach(0, geometry.output[0]) > geometry.image[0]


def real_share(geometry: Geometry) -> float:
    """How much of all taps down, of all lines of places, lies on lines of the image."""
    (height, _), (lines, _), (taps, _) = geometry.image, geometry.output, geometry.kernel
    sources = (
        line * geometry.stride[0] + tap * geometry.dilation[0] - geometry.pad[0]
        for line in range(lines)
        for tap in range(taps)
    )
    return sum(0 <= source < height for source in sources) / (lines * taps)


def block_of_lines(slides: SlidingPlan, lines: int) -> dict[str, int | Operand]:
    """The images, and the patch that serves so many lines of places."""
    return {
        "images": slides.image.extent,
        "lines": lines,
        "patch_lines": patch_lines(slides, lines),
        "line": line_of(slides),
        "source": line_operand(slides),
    }


def lines_of_task(slides: SlidingPlan, blocks: int, line_bytes: int, whole: int = 1) -> int:
    """How many lines of places a task takes where an image is cut into so many blocks or more: as
    many as the caches hold of the patch and of sums of so many bytes, in `whole` ones."""
    height = slides.geometry.output[0]
    most = min(ceil(height, blocks), SUMS_BYTES // line_bytes)
    while most > 1 and 4 * patch_lines(slides, most) * line_of(slides) > PATCH_BYTES:
        most -= 1
    return round_up(ceil(height, ceil(height, max(most, 1))), whole)


def most_lines(slides: SlidingPlan, lines: int) -> int | None:
    """The most lines of places that divide `lines` and whose patch fits; None if not even one."""
    fitting = (
        n for n in range(lines, 0, -1)
        if lines % n == 0 and 4 * patch_lines(slides, n) * line_of(slides) <= PATCH_BYTES
    )  # fmt: skip
    return next(fitting, None)


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


def line_of(slides: SlidingPlan) -> int:
    """Elements of a padded line, as far as windows reach."""
    geometry = slides.geometry
    return geometry.reach(1, geometry.output[1]) * slides.channel.extent


def patch_lines(slides: SlidingPlan, lines: int) -> int:
    """Padded lines that so many lines of places read."""
    return slides.geometry.reach(0, lines)
