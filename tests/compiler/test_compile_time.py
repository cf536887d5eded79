"""Compile time: networks that differ only in their depth in, work that grows as they do out."""

import cProfile
import pstats
from pathlib import Path

import pytest

from netc.compiler.driver import compile_file
from netc.compiler.functions import trace
from netc.compiler.ir.graph import Role
from netc.compiler.language.model import load_model

DEEP = """\
const depth = 1
net deep(x: f32[N, 16]) {
    repeat depth { x = x + (x -> layer_norm -> dense(16) -> relu) }
    return x -> dense(4)
}
train {
    take x: f32[N, 16], y: i32[N] from feed
    minimize cross_entropy(deep(x), y) with adam(lr=0.01)
    clip 1.0
    batch 8
    steps 10
}
"""


@pytest.fixture
def work(tmp_path):
    """work(depth) -> the calls, and the busy seconds, that compiling so many layers takes."""
    path = tmp_path / "deep.net"
    path.write_text(DEEP)

    def measure(depth: int) -> tuple[int, float]:
        with cProfile.Profile() as profile:
            compile_file(path, defines={"depth": depth}, out=Path(tmp_path / str(depth)))
        stats = pstats.Stats(profile)
        return stats.total_calls, stats.total_tt

    return measure


def test_four_times_the_layers_take_about_four_times_the_work(work):
    """What was quadratic here once took ten times as much."""
    work(1)  # what is read and kept only once
    calls, seconds = work(6)
    more_calls, more_seconds = work(24)
    assert more_calls < 4.2 * calls
    assert more_seconds < 8 * seconds


def test_a_thousand_layers_can_be_traced_without_reaching_a_limit(tmp_path):
    text = DEEP.replace("layer_norm -> ", "").replace("const depth = 1", "const depth = 1000")
    path = tmp_path / "deep.net"
    path.write_text(text.partition("train")[0])
    traced = trace(load_model(path, {}, None))
    weights = [entry for entry in traced[0].graph.inputs if entry.role is Role.WEIGHT]
    assert len(weights) == 2 * 1001
