"""A table that moves in its named rows ends with the bits of one that moves as a whole."""

import time

import numpy as np
import pytest

import netc
from netc.runtime.verify_kernels import check_kernels

PROGRAM = """\
const rows = 50
net find(code: i32[N, 3]) {
    layer table = embedding(rows, 5)
    return mean(table(code), axis=1) -> tanh -> dense(1)
}

train {
    take code: i32[N, 3], y: f32[N, 1] from feed
    minimize mean_squared_error(find(code), y) with sgd(lr=0.3)
    batch 16
}
"""
WHOLE = PROGRAM.replace("batch 16", "batch 16\n    clip 1e30")  # which multiplies by 1


def batch(rows: int, seed: int) -> dict[str, np.ndarray]:
    """Codes of which many name the same rows, and two name none."""
    random = np.random.default_rng(seed)
    code = random.integers(0, max(rows // 3, 1), (16, 3)).astype(np.int32)
    code[0, 0], code[5, 1] = -1, rows
    return {"code": code, "y": random.normal(size=(16, 1)).astype(np.float32)}


def moved(folder, text: str, device: str, threads: int) -> dict[str, np.ndarray]:
    """The weights after five steps."""
    (folder / "find.net").write_text(text)
    program = netc.compile(folder / "find.net", device=device, threads=threads, out=folder / "out")
    session = program.start(seed=2)
    for number in range(5):
        session.step(**batch(50, number))
    return dict(session.weights)


@pytest.mark.parametrize("device, threads", (("cpu", 1), ("cpu", 2), ("emulate", 1)))
def test_rows_move_to_the_same_bits(tmp_path, device, threads):
    sparse, dense = (moved(tmp_path, text, device, threads) for text in (PROGRAM, WHOLE))
    for name, array in sparse.items():
        np.testing.assert_array_equal(array.view(np.int32), dense[name].view(np.int32))
    exact = moved(tmp_path, PROGRAM, "reference", 1)
    np.testing.assert_allclose(sparse["find.table.table"], exact["find.table.table"], rtol=1e-5)


def test_a_step_takes_no_longer_where_the_table_is_longer(tmp_path):
    (tmp_path / "find.net").write_text(PROGRAM)
    seconds = []
    for rows in (100, 1_000_000):
        program = netc.compile(tmp_path / "find.net", define={"rows": rows}, out=tmp_path / "out")
        session = program.start(seed=1)
        function, data = session.function("train"), tuple(batch(rows, 1).values())
        order = np.zeros(16 * 100, np.int64)
        session.device.run(function, data, order, 100)
        start = time.perf_counter()
        session.device.run(function, data, order, 100)
        seconds.append(time.perf_counter() - start)
        session.close()
    assert seconds[1] < 30 * seconds[0]  # writing 20 MB instead takes thousands of times as long


def test_the_kernel_is_verified_like_any_other(tmp_path):
    (tmp_path / "find.net").write_text(PROGRAM)
    session = netc.compile(tmp_path / "find.net", out=tmp_path / "out").start(seed=1)
    before = session.tensors()
    checks = tuple(check_kernels(session, (session.function("train"),), batch(50, 1)))
    assert any(one.kernel.path.endswith("table") for one in checks)
    assert all(one.passed for one in checks)
    for name, array in session.tensors().items():
        np.testing.assert_array_equal(array, before[name])
