"""Programs with scans on every device: the same training, and no fault in any kernel."""

import numpy as np
import pytest

import netc
from netc.compiler.driver import compile_file
from netc.runtime.emulate_check import emulate_check
from netc.runtime.verify_kernels import check_kernels

PROGRAM = """\
net reader(x: f32[N, 4, 5]) {
    b = x -> lstm(8) -> dropout(0.2)
    total = zeros(N, 8)
    sums = scan row in b along 1 reverse carry total {
        total = 0.5 * total + row
        yield total
    }
    return concat(b[:, -1], total, mean(sums, axis=1)) -> dense(3)
}

train {
    take x: f32[N, 4, 5], label: i32[N] from feed
    minimize cross_entropy(reader(x), label) with adam(lr=0.02)
    clip 1.0
    batch 6
}
"""
STEPS = 20


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """(program, folder), compiled once."""
    place = tmp_path_factory.mktemp("scan")
    (place / "reader.net").write_text(PROGRAM)
    return compile_file(place / "reader.net", out=place / "build")


def session_of(build, device: str = "cpu", threads: int = 0):
    return netc.Program(*build, device, threads).start(seed=2)


def train(session, steps: int) -> list[float]:
    """The losses of steps on new points, which one direction tells apart."""
    random, found = np.random.default_rng(4), []
    for _ in range(steps):
        x = random.normal(size=(6, 4, 5)).astype(np.float32)
        found.append(session.step(x=x, label=np.digitize(x[:, 1, 2], (-0.5, 0.5)))["loss"])
    return found


@pytest.mark.parametrize(("device", "steps"), [("cpu", STEPS), ("emulate", 3)])
def test_training_follows_the_reference(build, device, steps):
    expected = train(session_of(build, "reference"), steps)
    found = train(session_of(build, device), steps)
    assert len(found) == steps
    np.testing.assert_allclose(found, expected, rtol=2e-5)


def test_no_kernel_of_a_scan_breaks_a_rule_of_cuda(build):
    program, folder = build
    assert any(kernel.times == 4 for kernel in program.on("cuda").function("train").kernels)
    assert emulate_check(program, folder) == ()


def test_every_kernel_of_a_scan_is_right_in_its_first_step(build):
    session = session_of(build)
    rows = {"x": np.random.default_rng(5).normal(size=(6, 4, 5)).astype(np.float32)}
    function = session.program.function("train")
    checks = tuple(check_kernels(session, (function,), rows))
    assert sum(check.kernel.times > 1 for check in checks) > 5
    assert [check for check in checks if not check.passed] == []


def test_one_thread_and_two_give_the_same_bits(build):
    found = []
    for threads in (1, 2):
        session = session_of(build, threads=threads)
        train(session, 5)
        found.append({name: weight.tobytes() for name, weight in session.weights.items()})
    assert found[0] == found[1]
