"""Measures that some rows do not have leave those rows out."""

import numpy as np
import pytest

from netc.compiler.driver import compile_file
from netc.runtime.device import open_device
from netc.runtime.session import Session

TEXT = """\
net score(x: f32[N, 2]) { return x -> dense(1) }
train {
    take x: f32[N, 2], click: f32[N, 1] from feed
    guess = score(x)
    minimize binary_cross_entropy(guess, click) with sgd(lr=0.1)
    measure auc(guess, click)
    batch 16
}
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("measures")
    (folder / "score.net").write_text(TEXT)
    program, build = compile_file(folder / "score.net", out=folder / "build")
    opened = Session(program, build, open_device("cpu", program, build))
    yield opened
    opened.close()


def pairs_in_order(x, click, weights) -> float:
    score = x @ weights["score.dense_1.kernel"] + weights["score.dense_1.bias"]
    ones, zeros = score[click > 0.5], score[click < 0.5]
    return float(np.mean(ones[:, None] > zeros[None, :]))


def test_rows_left_over_from_the_batches_do_not_count_in_an_auc(session):
    random = np.random.default_rng(5)
    x = random.normal(size=(37, 2)).astype(np.float32)
    click = (random.random((37, 1)) < 0.5).astype(np.float32)
    found = session.evaluate({"x": x, "click": click})
    weights = dict(session.weights)
    whole = [pairs_in_order(x[a : a + 16], click[a : a + 16], weights) for a in (0, 16)]
    assert found["auc"] == pytest.approx(np.mean(whole), abs=1e-6)
    assert np.isfinite(found["loss"])


def test_a_measure_that_no_row_has_is_not_a_number(session):
    rows = {"x": np.ones((32, 2), np.float32), "click": np.ones((32, 1), np.float32)}
    assert np.isnan(session.evaluate(rows)["auc"])
