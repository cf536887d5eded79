"""The small picture writer: well-formed, to scale, and all points inside."""

import re
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def chart(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import chart

    return chart


def test_a_straight_line_in_logarithms_is_drawn_straight(chart):
    line = chart.Line("time & more", ((1, 10.0), (10, 100.0), (100, 1000.0)))
    picture = chart.chart("Steps", "batch", "ms", (line,))
    assert xml.fromstring(picture).tag.endswith("svg")
    places = re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', picture)
    dots = [tuple(map(float, place)) for place in places]
    assert len(dots) == 3 and "time &amp; more" in picture
    (x0, y0), (x1, y1), (x2, y2) = dots
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2) and y0 - y1 == pytest.approx(y1 - y2, abs=0.2)
    assert all(0 < x < chart.WIDTH and 0 < y < chart.HEIGHT for x, y in dots)


def test_lines_share_the_axes(chart):
    lines = (chart.Line("a", ((1, 1.0), (2, 2.0))), chart.Line("b", ((1, 50.0), (2, 2.0))))
    picture = chart.chart("", "n", "s", lines)
    dots = re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', picture)
    assert dots[1] == dots[3] and dots[0] != dots[2]
