"""Losses and measures of the prelude against formulas written out in NumPy, PyTorch's meaning."""

import numpy as np
import pytest

RANDOM = np.random.default_rng(2)
LOGITS = RANDOM.normal(size=(6, 4)) * 3
LABEL = np.array([0, 3, 1, 1, 2, 0], np.int32)
SHARES = RANDOM.dirichlet(np.ones(4), 6)
WEIGHT = RANDOM.uniform(size=6)
LOGS = LOGITS - np.log(np.exp(LOGITS).sum(axis=-1, keepdims=True))
OWN = -LOGS[np.arange(6), LABEL]
EVEN = -LOGS.mean(axis=-1)

CROSS_ENTROPY = {
    "cross_entropy(x, k)": OWN.mean(),
    "cross_entropy(x, k, reduce=sum)": OWN.sum(),
    "cross_entropy(x, k, reduce=none)": OWN,
    "cross_entropy(x, k, smoothing=0.1)": (0.9 * OWN + 0.1 * EVEN).mean(),
    "cross_entropy(x, k, ignore=1)": OWN[LABEL != 1].mean(),
    "cross_entropy(x, k, weight=w)": (OWN * WEIGHT).sum() / WEIGHT.sum(),
    "cross_entropy(x, k, weight=w, ignore=0)": (
        (OWN * WEIGHT)[LABEL != 0].sum() / WEIGHT[LABEL != 0].sum()
    ),
    "cross_entropy(x, k, weight=w, reduce=none)": OWN * WEIGHT,
    "cross_entropy(x, k, weight=k == 1)": OWN[LABEL == 1].mean(),
    "cross_entropy(x, k, weight=k == 9)": 0.0,
    "cross_entropy(x, p)": -(SHARES * LOGS).sum(axis=-1).mean(),
    "cross_entropy(x, p, smoothing=0.2)": (0.8 * -(SHARES * LOGS).sum(axis=-1) + 0.2 * EVEN).mean(),
    "perplexity(x, k)": np.exp(OWN.mean()),
    "accuracy(x, k)": (LOGITS.argmax(-1) == LABEL).mean(),
    "accuracy(x, k, top=2)": np.mean(
        [k in row.argsort()[-2:] for row, k in zip(LOGITS, LABEL, strict=True)]
    ),
    "accuracy(x, p)": (LOGITS.argmax(-1) == SHARES.argmax(-1)).mean(),
    "accuracy(x, k, ignore=0)": (LOGITS.argmax(-1) == LABEL)[LABEL != 0].mean(),
}


@pytest.mark.parametrize("call", CROSS_ENTROPY)
def test_classes(run_net, call):
    text = f"""
    net f(x: f32[N, 4], k: i32[N], p: f32[N, 4], w: f32[N]) {{
        return {call} + 0 * (sum(x) + sum(k) + sum(p) + sum(w))
    }}
    """
    output = run_net(text, x=LOGITS, k=LABEL, p=SHARES, w=WEIGHT).output
    np.testing.assert_allclose(output, CROSS_ENTROPY[call], rtol=1e-12)


def test_cross_entropy_is_finite_where_a_wrong_class_is_impossible(run_net):
    logits = np.array([[0.0, -np.inf], [1.0, -np.inf]])
    text = "net f(x: f32[N, 2], k: i32[N]) { return cross_entropy(x, k) }"
    assert run_net(text, x=logits, k=np.zeros(2, np.int32)).output == 0


A, B = RANDOM.normal(size=(5, 3)) * 2, RANDOM.uniform(size=(5, 3))
SCORE = 1 / (1 + np.exp(-A))
BINARY = -(B * np.log(SCORE) + (1 - B) * np.log(1 - SCORE))
HUBER = np.where(np.abs(A - B) < 1, 0.5 * (A - B) ** 2, np.abs(A - B) - 0.5)
PAIRS = {
    "binary_cross_entropy(a, b)": BINARY.mean(),
    "binary_cross_entropy(a, b, reduce=none)": BINARY,
    "binary_cross_entropy(a, 1)": -np.log(SCORE).mean(),
    "binary_cross_entropy(a, b, weight=b)": (BINARY * B).sum() / B.sum(),
    "mean_squared_error(a, b)": ((A - B) ** 2).mean(),
    "mean_absolute_error(a, b)": np.abs(A - B).mean(),
    "huber(a, b)": HUBER.mean(),
    "huber(a, b, delta=0.5, reduce=sum)": np.where(
        np.abs(A - B) < 0.5, 0.5 * (A - B) ** 2, 0.5 * (np.abs(A - B) - 0.25)
    ).sum(),
    "rmse(a, b)": np.sqrt(((A - B) ** 2).mean()),
    "binary_accuracy(a, b)": ((A > 0) == (B > 0.5)).mean(),
}


@pytest.mark.parametrize("call", PAIRS)
def test_pairs(run_net, call):
    text = f"net f(a: f32[N, 3], b: f32[N, 3]) {{ return {call} + 0 * sum(b) }}"
    np.testing.assert_allclose(run_net(text, a=A, b=B).output, PAIRS[call], rtol=1e-12)


def test_binary_cross_entropy_stays_finite_for_large_logits(run_net):
    logits = np.array([[1000.0, -1000.0, 0.0]])
    text = "net f(a: f32[N, 3]) { return binary_cross_entropy(a, 0, reduce=none) }"
    np.testing.assert_allclose(run_net(text, a=logits).output, [[1000, 0, np.log(2)]])
