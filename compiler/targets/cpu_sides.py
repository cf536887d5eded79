"""The sides of a product and the images under a window in, the texts that templates want out."""

from dataclasses import dataclass

from netc.compiler.kernels.plan import SlidingPlan
from netc.compiler.scalar.expression import Load
from netc.compiler.targets.cpu_flat import FlatText
from netc.compiler.targets.cpu_operand import Operand
from netc.compiler.targets.dialect import spell_condition

CACHE_LINE = 64  # bytes


@dataclass(frozen=True)
class CaseText:
    """What a run may be: `first` is the address of its first element, "" for zeros."""

    condition: str
    first: str


@dataclass(frozen=True)
class OperandText:
    """One side of a product: `first` is the address of a direct tile, `element` the expression of
    one element. A run is the first of the `cases` whose condition holds; the last always does."""

    way: str
    first: str
    cases: tuple[CaseText, ...]
    element: str
    run: int
    along_depth: bool
    stretch: int


@dataclass(frozen=True)
class AheadText:
    """The address from which neighbours are loaded, and how many the cache fetches at once."""

    first: str
    line: int


@dataclass(frozen=True)
class WindowText:
    """The images under a window. A line of an image has `width` x `channels` elements, which
    `source` says how to read. `top` lines, and `before` and `after` elements, of zeros lie around
    it. A window has `places` lines of places, `stride` apart, and `down` taps, `dilation` lines
    apart. What follows results that lie side by side is `flat`. The right side loads `ahead` in the
    next lines of places."""

    height: int
    width: int
    channels: int
    top: int
    before: int
    after: int
    places: int
    stride: int
    down: int
    dilation: int
    source: OperandText
    flat: FlatText | None
    ahead: tuple[AheadText, ...]


def operand_text(
    operand: Operand, element: str, names: dict[str, str], precision: str
) -> OperandText:
    cases = tuple(
        CaseText(" && ".join(map(spell_condition, case.conditions)), address(case.load, names))
        for case in operand.cases
    )
    return OperandText(
        way=operand.way.value,
        first=address(operand.load, names),
        cases=cases,
        element=rounded(element, precision),
        run=operand.run,
        along_depth=operand.along_depth,
        stretch=operand.stretch,
    )


def address(load: Load | None, names: dict[str, str]) -> str:
    return f"{names[load.value.name]} + {load.position.text}" if load else ""


def rounded(element: str, precision: str) -> str:
    return element if precision == "f32" else f"netc_to_{precision}({element})"


def ahead_text(load: Load, names: dict[str, str]) -> AheadText:
    size = load.value.type.bytes // load.value.type.count
    return AheadText(address(load, names), CACHE_LINE // size)


def window_text(
    slides: SlidingPlan,
    line: int,
    source: OperandText,
    flat: FlatText | None,
    ahead: tuple[AheadText, ...],
) -> WindowText:
    """`line` elements are what windows reach of a padded line."""
    geometry, channels = slides.geometry, slides.channel.extent
    before = min(geometry.pad[1] * channels, line)
    width = min(geometry.image[1], (line - before) // channels)
    return WindowText(
        height=geometry.image[0],
        width=width,
        channels=channels,
        top=geometry.pad[0],
        before=before,
        after=line - before - width * channels,
        places=geometry.output[0],
        stride=geometry.stride[0],
        down=geometry.kernel[0],
        dilation=geometry.dilation[0],
        source=source,
        flat=flat,
        ahead=ahead,
    )
