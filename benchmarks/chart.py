"""Lines of measured points in, a picture as SVG text out: both axes logarithmic."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 460, 300, 64, 14, 34, 46
COLOURS = ("#1b6ca8", "#c4452c", "#3a8f4d", "#8a5bb0")


@dataclass(frozen=True)
class Line:
    """A named row of points, both numbers greater than zero."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Axis:
    """Numbers from `low` to `high`, drawn between two places of the picture."""

    low: float
    high: float
    start: float
    end: float

    def place(self, number: float) -> float:
        reach = math.log(self.high / self.low) or 1.0
        return self.start + math.log(number / self.low) / reach * (self.end - self.start)


def chart(title: str, across: str, upwards: str, lines: Sequence[Line]) -> str:
    """The picture; `across` and `upwards` say what the axes count."""
    xs = [x for line in lines for x, _ in line.points]
    ys = [y for line in lines for _, y in line.points]
    x = Axis(min(xs), max(xs), LEFT, WIDTH - RIGHT)
    y = Axis(10 ** math.floor(math.log10(min(ys))), 10 ** math.ceil(math.log10(max(ys)) + 1e-9),
             HEIGHT - BOTTOM, TOP)  # fmt: skip
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        text(WIDTH / 2, 18, title, "middle", 'font-size="13"'),
        text(WIDTH / 2, HEIGHT - 8, across, "middle"),
        text(8, TOP - 8, upwards, "start"),
        *ticks_across(x, sorted(set(xs))),
        *ticks_upwards(y),
    ]
    for number, line in enumerate(lines):
        parts += drawn(line, x, y, COLOURS[number % len(COLOURS)], number)
    return "\n".join((*parts, "</svg>", ""))


def drawn(line: Line, x: Axis, y: Axis, colour: str, number: int) -> list[str]:
    places = [(x.place(a), y.place(b)) for a, b in line.points]
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
    dots = [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.6" fill="{colour}"/>' for a, b in places]
    name = text(LEFT + 8, TOP + 14 + 15 * number, line.name, "start", f'fill="{colour}"')
    stroke = f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
    return [stroke, *dots, name]


def ticks_across(x: Axis, numbers: Sequence[float]) -> list[str]:
    floor = HEIGHT - BOTTOM
    return [text(x.place(n), floor + 15, f"{n:g}", "middle") for n in numbers] + [
        f'<line x1="{LEFT}" y1="{floor}" x2="{WIDTH - RIGHT}" y2="{floor}" stroke="#888"/>'
    ]


def ticks_upwards(y: Axis) -> list[str]:
    found, power = [], y.low
    while power <= y.high * 1.001:
        place = y.place(power)
        found.append(text(LEFT - 6, place + 4, f"{power:,.6g}", "end"))
        found.append(
            f'<line x1="{LEFT}" y1="{place:.1f}" x2="{WIDTH - RIGHT}" y2="{place:.1f}" '
            'stroke="#ddd"/>'
        )
        power *= 10
    return found


def text(x: float, y: float, words: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(words)}</text>'
