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



def f1_of(guess, own):
    """Harmonic mean of precision and recall."""
    precision = (guess & own).sum() / max(guess.sum(), 1)
    recall = (guess & own).sum() / max(own.sum(), 1)
    return 2 * precision * recall / max(precision + recall, 1e-9)


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
    "kl_divergence(log_softmax(x), p)": (SHARES * (np.log(SHARES) - LOGS)).sum(axis=-1).mean(),
    "cosine_distance(x, p)": 1 - np.mean(
        (LOGITS * SHARES).sum(-1)
        / (np.linalg.norm(LOGITS, axis=-1) * np.linalg.norm(SHARES, axis=-1))
    ),
    "triplet(x, p, 2 * x)": np.maximum(
        np.linalg.norm(LOGITS - SHARES + 1e-6, axis=-1)
        - np.linalg.norm(-LOGITS + 1e-6, axis=-1) + 1, 0
    ).mean(),
    "f1(x, k)": np.mean([f1_of(LOGITS.argmax(-1) == label, LABEL == label) for label in range(4)]),
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
    "focal(a, b)": np.mean(
        BINARY * (SCORE * (1 - B) + (1 - SCORE) * B) ** 2 * (0.25 * B + 0.75 * (1 - B))
    ),
    "auc(a, b)": np.mean(
        [p > n for p in A[B > 0.5].tolist() for n in A[B <= 0.5].tolist()]
    ),
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


def test_mean_iou_of_boxes(run_net):
    guess = np.array([[0.0, 0, 2, 2], [0, 0, 1, 1], [1, 1, 0, 0], [0, 0, 4, 2]])
    own = np.array([[1.0, 1, 3, 3], [0, 0, 1, 1], [0, 0, 1, 1], [0, 1, 4, 3]])
    text = "net f(a: f32[N, 4], b: f32[N, 4]) { return mean_iou_boxes(a, b) }"
    expected = (1 / 7 + 1 + 0 + 4 / 12) / 4
    np.testing.assert_allclose(run_net(text, a=guess, b=own).output, expected)


def test_a_divergence_of_impossible_classes_is_finite(run_net):
    share = np.array([[0.0, 1.0], [0.5, 0.5]])
    text = "net f(x: f32[N, 2], p: f32[N, 2]) { return kl_divergence(x, p) }"
    logs = np.log([[0.25, 0.75], [0.25, 0.75]])
    expected = (np.log(1 / 0.75) + 0.5 * np.log(2) + 0.5 * np.log(0.5 / 0.75)) / 2
    np.testing.assert_allclose(run_net(text, x=logs, p=share).output, expected)
