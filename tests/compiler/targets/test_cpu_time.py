"""Predicted times: they grow with the work, follow the machine, and are never below its limits."""

from dataclasses import replace

import pytest

from netc.compiler.build.peaks import Peaks
from netc.compiler.functions import lay_out, trace
from netc.compiler.language.model import load_model
from netc.compiler.targets import cpu, cpu_time
from netc.compiler.targets.cpu_tiles import CpuMachine
from netc.compiler.targets.function import Function

NET = """
const size = 64
net guess(x: f32[N, 16, 16, 8]) {
    return x -> conv2d(16) -> batch_norm -> relu -> flatten -> dense(32) -> softmax
}
train {
    take x: f32[N, 16, 16, 8], y: i32[N] from feed
    minimize cross_entropy(guess(x), y) with adam(lr=0.01)
    batch size
}
"""
MACHINE = CpuMachine("avx2", vector_bytes=32, registers=16, cores=2)
PEAKS = Peaks(2, flops=2e11, near_bytes=1.5e11, middle_bytes=1e11, memory_bytes=2e10)


@pytest.fixture(scope="module")
def step(tmp_path_factory):
    """step(size) -> the training step of the net for a batch of that size."""
    path = tmp_path_factory.mktemp("net") / "guess.net"
    path.write_text(NET)

    def laid_out(size: int) -> Function:
        model = load_model(path, {"size": size}, None)
        steps = tuple(traced for traced in trace(model) if traced.name == "train")
        return lay_out(steps, lambda *words: None)["cpu"][0]

    return laid_out


def seconds(function: Function, peaks: Peaks = PEAKS) -> list[float]:
    return [
        cpu_time.predicted_seconds(kernel, cpu.choose_tile(kernel, MACHINE), peaks, MACHINE)
        for kernel in function.kernels
    ]


def test_a_larger_batch_takes_longer_but_not_much_more_than_in_proportion(step):
    """Where all bytes are as near: else those of the large batch come from farther away."""
    even = replace(PEAKS, near_bytes=1e11, middle_bytes=1e11, memory_bytes=1e11)
    small, large = sum(seconds(step(64), even)), sum(seconds(step(512), even))
    assert 3 * small < large < 10 * small


def test_no_product_is_quicker_than_the_peak(step):
    for kernel, time in zip(step(64).kernels, seconds(step(64)), strict=True):
        if kernel.group.kind.value == "matmul":
            assert time > kernel.flops / PEAKS.flops / 2, kernel.name


def test_a_machine_that_is_twice_as_quick_halves_all_but_the_starts(step):
    twice = replace(
        PEAKS, flops=4e11, near_bytes=3e11, middle_bytes=2e11, memory_bytes=4e10
    )
    function = step(64)
    for once, half in zip(seconds(function), seconds(function, twice), strict=True):
        assert once / 2 <= half < once


def test_tasks_that_do_not_fill_the_threads_wait():
    assert cpu_time.idle_factor(4, 2) == 1
    assert cpu_time.idle_factor(3, 2) == pytest.approx(4 / 3)
    assert cpu_time.idle_factor(1, 2) == 2


def test_what_was_measured_here_counts_and_else_a_guess(monkeypatch):
    monkeypatch.setattr(cpu_time, "known_peaks", lambda threads: None)
    guess = cpu_time.peaks_of(MACHINE, 3e9)
    assert guess.flops == 2 * 3e9 * 8 * 4 and guess.threads == 2
    monkeypatch.setattr(cpu_time, "known_peaks", lambda threads: PEAKS)
    assert cpu_time.peaks_of(MACHINE, 3e9) is PEAKS
