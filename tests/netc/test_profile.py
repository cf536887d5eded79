"""netc profile: every kernel timed, beside its prediction, and a step that does not change."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from netc.api import Program, compile
from netc.runtime import cuda
from netc.runtime.profile import KernelTime, Profile, profile
from netc.runtime.restore import load_program

NET = """
net guess(x: f32[N, 256]) { return x -> dense(256) -> relu -> dense(4) }
train {
    take x: f32[N, 256], y: i32[N] from feed
    minimize cross_entropy(guess(x), y) with adam(lr=0.01)
    batch 64
}
"""


@pytest.fixture
def program(in_folder) -> Program:
    (in_folder / "guess.net").write_text(NET)
    return compile("guess.net", device="cpu", threads=1)


def test_the_kernels_of_a_step_take_most_of_its_time(program):
    session = program.start()
    found = profile(session, program.facts.function("train"), 0.5)
    session.close()
    assert [one.kernel for one in found.kernels] == list(program.kernels)
    assert all(one.seconds > 0 for one in found.kernels)
    assert found.busy < found.step * 1.5
    big = max(found.kernels, key=lambda one: one.kernel.flops)
    assert big.seconds > found.busy / 10


def test_a_profiled_step_computes_what_a_step_computes(program):
    x, y = np.ones((64, 256), np.float32), np.zeros(64, np.int32)
    function, order = program.facts.function("train"), np.arange(64, dtype=np.int64)
    left, right = program.start(seed=3), program.start(seed=3)
    left.device.run(function, (x, y), order, 1)
    right.device.profile(function, (x, y), order, 1)
    for name, weight in left.weights.items():
        assert (weight == right.weights[name]).all(), name


def test_what_runs_in_each_step_of_a_scan_counts_as_often(program):
    kernel = replace(program.kernels[0], times=28, flops=10, bytes=4, seconds=2e-6)
    time = KernelTime(kernel, 70e-6)
    assert (time.flops, time.bytes, time.predicted) == (280, 112, 56e-6)
    assert time.error == pytest.approx(0.2)


def test_the_table_and_its_json(netc, program):
    shown = netc("profile", "guess.net", "--seconds", 0.2, "--top", 2)
    assert shown.code == 0 and "dense_1_backward" in shown.out and "GFLOP/s" in shown.out
    assert " more: " in shown.out and "by the clock" in shown.out
    told = json.loads(netc("profile", "guess.net", "--seconds", 0.2, "--json").out)
    assert len(told["kernels"]) == len(program.kernels)
    assert told["kernel_seconds"] == pytest.approx(sum(k["seconds"] for k in told["kernels"]))
    one = netc("profile", "guess.net", "--function", "run_guess_1", "--seconds", 0.1)
    assert one.code == 0 and "run_guess_1" in one.out


@pytest.fixture
def stand_in(monkeypatch, fake_driver):
    """The device `cuda` on the stand-in for its driver."""
    driver = fake_driver()
    monkeypatch.setattr(cuda, "load_driver", lambda: driver)
    monkeypatch.setattr(cuda, "compile_modules", driver.modules)
    return driver


def test_kernels_of_a_gpu_run_many_times_each(netc, in_folder, stand_in, monkeypatch):
    monkeypatch.setattr(cuda, "REPEATS", 3)
    (in_folder / "guess.net").write_text(NET.replace("256", "16").replace("batch 64", "batch 4"))
    told = json.loads(netc("profile", "guess.net", "--device", "cuda", "--json").out)
    program = load_program(in_folder / "build" / "guess").on("cuda")
    names = [kernel.name for kernel in program.function("train").kernels]
    assert [kernel["name"] for kernel in told["kernels"]] == names
    assert all(kernel["seconds"] > 0 for kernel in told["kernels"])
    run = Counter(name for (_, name), *_ in stand_in.named("cuLaunchKernel"))
    assert all(run[name] >= 3 * 2 for name in names)  # profiled more than once
    table = netc("profile", "guess.net", "--device", "cuda", "--seconds", 0.1)
    assert table.code == 0 and "3.35 TB/s, as the data sheet of an H100 has it" in table.out


def test_another_device_is_refused(netc, program):
    found = netc("profile", "guess.net", "--device", "reference")
    assert found.code == 4 or found.code == 1
    assert "E0714" in found.err and "the cpu can" in found.err


def test_the_error_is_that_of_the_kernels_with_most_of_the_time(program):
    facts = [kernel for kernel in program.kernels][:2]
    slow = KernelTime(facts[0], facts[0].seconds * 2)
    quick = KernelTime(facts[1], facts[1].seconds / 1e6)
    found = Profile(program.facts.function("train"), (slow, quick), 1.0, 1)
    assert found.error == pytest.approx(0.5)
