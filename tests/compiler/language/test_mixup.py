"""mixup: what it mixes, and how its shares are spread."""

import math

import numpy as np
import pytest

from netc.compiler.interpret import interpret

TEXT = """
net f(x: f32[N, 3]) { weight w: f32[1] = ones return x * w }
train {
    take x: f32[N, 3], label: i32[N] from feed
    mixed, target = mixup(x, one_hot(label, 4), alpha=ALPHA)
    minimize mean(f(mixed)) with sgd(lr=0.1)
    MEASURES
    batch 4
}
"""
ROWS = 4


def run(load, alpha: float, steps: range, training: bool = True) -> np.ndarray:
    """Every element of the mixed rows and targets: f64[steps, ROWS, 3 + 4]."""
    places = [f"mixed[{i}, {j}]" for i in range(ROWS) for j in range(3)]
    places += [f"target[{i}, {j}]" for i in range(ROWS) for j in range(4)]
    lines = "\n".join(f"measure m{k} = {place}" for k, place in enumerate(places))
    model = load(TEXT.replace("ALPHA", str(alpha)).replace("MEASURES", lines))
    graph = model.trace_step(ROWS).graph if training else model.trace_evaluation(ROWS)
    known = {"x": X, "label": LABEL, "f.w": np.ones(1), "seed": 3}
    names = {entry.value.name for entry in graph.inputs}
    found = []
    for step in steps:
        given = {name: value for name, value in (known | {"step": step}).items() if name in names}
        outputs = interpret(graph, given)
        found.append([float(outputs[f"m{k}"]) for k in range(len(places))])
    values = np.array(found)
    rows, targets = values[:, : 3 * ROWS], values[:, 3 * ROWS :]
    parts = rows.reshape(-1, ROWS, 3), targets.reshape(-1, ROWS, 4)
    return np.concatenate(parts, axis=-1)


X = np.random.default_rng(0).normal(size=(ROWS, 3))
LABEL = np.array([2, 0, 3, 1], np.int32)
WHOLE = np.concatenate([X, np.eye(4)[LABEL]], axis=1)


@pytest.mark.parametrize("alpha", [0.2, 0.5, 1.0])
def test_a_batch_is_mixed_with_itself_backwards_in_a_share_of_beta(load, alpha):
    mixed = run(load, alpha, range(300))
    shares = mixed[:, 0, 3 + 2]  # row 0 is of class 2, the last row is not
    for share, found in zip(shares, mixed, strict=True):
        expected = share * WHOLE + (1 - share) * WHOLE[::-1]
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    assert abs(shares.mean() - 0.5) < 4 * math.sqrt(spread(alpha) / 300)
    assert abs(shares.var() - spread(alpha)) < 0.25 * spread(alpha)
    assert len(set(shares)) == 300


def spread(alpha: float) -> float:
    """The variance of Beta(alpha, alpha)."""
    return 1 / (4 * (2 * alpha + 1))


def test_nothing_is_mixed_outside_of_training(load):
    np.testing.assert_array_equal(run(load, 0.2, range(2), training=False), [WHOLE, WHOLE])


def test_classes_are_refused_with_what_to_write(faults):
    text = TEXT.replace("ALPHA", "0.2").replace("one_hot(label, 4)", "label")
    (found,) = faults(text.replace("MEASURES", ""))
    assert "one_hot(label, classes)" in found.message
