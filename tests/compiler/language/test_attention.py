"""Attention, embedding, upsampling and segmentation against formulas written out in NumPy."""

import numpy as np
import pytest

RANDOM = np.random.default_rng(3)


def softmax(x):
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def attend(q, k, v, allowed=None):
    """Row by row, over the places that a query may look at."""
    output = np.zeros((*q.shape[:-1], v.shape[-1]))
    for place in np.ndindex(q.shape[:-1]):
        keys, values = k[place[:-1]], v[place[:-1]]
        seen = np.ones(len(keys), bool) if allowed is None else allowed[place[-1]]
        score = keys[seen] @ q[place] / np.sqrt(q.shape[-1])
        output[place] = softmax(score) @ values[seen]
    return output


@pytest.mark.parametrize("causal", [False, True])
def test_scaled_dot_product_weighs_values_by_their_keys(run_net, causal):
    q, k, v = (RANDOM.normal(size=(2, 3, 5, 4)) for _ in range(3))
    allowed = np.tril(np.ones((5, 5), bool)) if causal else None
    text = f"""
    net f(q: f32[N, 3, 5, 4], k: f32[N, 3, 5, 4], v: f32[N, 3, 5, 4]) {{
        return scaled_dot_product(q, k, v, causal={str(causal).lower()})
    }}
    """
    np.testing.assert_allclose(run_net(text, q=q, k=k, v=v).output, attend(q, k, v, allowed))


def test_a_mask_hides_places(run_net):
    q, k, v = (RANDOM.normal(size=(2, 5, 4)) for _ in range(3))
    allowed = RANDOM.uniform(size=(5, 5)) < 0.5
    allowed[:, 0] = True
    text = """
    net f(q: f32[N, 5, 4], k: f32[N, 5, 4], v: f32[N, 5, 4], mask: bool[5, 5]) {
        return scaled_dot_product(q, k, v, mask=mask)
    }
    """
    output = run_net(text, q=q, k=k, v=v, mask=allowed).output
    np.testing.assert_allclose(output, attend(q, k, v, allowed))


def test_multi_head_attention_attends_in_each_head(run_net):
    x = RANDOM.normal(size=(2, 3, 4))
    text = "net f(x: f32[N, 3, 4]) { return x -> multi_head_attention(2) }"
    run = run_net(text, x=x)
    w = {n.removeprefix("multi_head_attention_1."): value for n, value in run.weights.items()}
    q, k, v = np.split(x @ w["dense_1.kernel"] + w["dense_1.bias"], 3, axis=-1)
    heads = [attend(*(part[..., i : i + 2] for part in (q, k, v))) for i in (0, 2)]
    mixed = np.concatenate(heads, axis=-1)
    np.testing.assert_allclose(run.output, mixed @ w["dense_2.kernel"] + w["dense_2.bias"])


def test_embedding_takes_rows_of_its_table(run_net):
    token = np.array([[3, 0], [4, 4]], np.int32)
    run = run_net("net f(x: i32[N, 2]) { return x -> embedding(5, 3) }", x=token)
    np.testing.assert_allclose(run.output, run.weights["embedding_1.table"][token])


def test_upsample_repeats_pixels(run_net):
    x = RANDOM.normal(size=(2, 3, 2, 2))
    output = run_net("net f(x: f32[N, 3, 2, 2]) { return x -> upsample((2, 3)) }", x=x).output
    np.testing.assert_array_equal(output, x.repeat(2, axis=1).repeat(3, axis=2))


@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (3, 1), (3, 2), (2, 3)])
def test_conv2d_transpose_spreads_every_pixel(run_net, kernel, stride):
    x = RANDOM.normal(size=(2, 3, 4, 2))
    call = f"conv2d_transpose(5, {kernel}, stride={stride})"
    run = run_net(f"net f(x: f32[N, 3, 4, 2]) {{ return x -> {call} }}", x=x)
    weights = run.weights["conv2d_transpose_1.kernel"]
    expected = np.zeros((2, 2 * stride + kernel, 3 * stride + kernel, 5))
    for row, column in np.ndindex(3, 4):
        spread = np.einsum("nc,hwfc->nhwf", x[:, row, column], weights)
        top, left = row * stride, column * stride
        expected[:, top : top + kernel, left : left + kernel] += spread
    np.testing.assert_allclose(run.output, expected + run.weights["conv2d_transpose_1.bias"])


LOGITS = RANDOM.normal(size=(2, 6, 4))
TARGET = RANDOM.integers(0, 3, size=(2, 6)).astype(np.int32)


def test_mean_iou_is_over_the_classes_that_are_there(run_net):
    guess = LOGITS.argmax(-1)
    shares = []
    for one in range(4):
        either = ((guess == one) | (one == TARGET)).sum()
        if either:
            shares.append(((guess == one) & (one == TARGET)).sum() / either)
    text = "net f(x: f32[N, 6, 4], k: i32[N, 6]) { return mean_iou(x, k) }"
    np.testing.assert_allclose(run_net(text, x=LOGITS, k=TARGET).output, np.mean(shares))


def test_dice_measures_overlap(run_net):
    share, own = softmax(LOGITS).reshape(-1, 4), np.eye(4)[TARGET.reshape(-1)]
    overlap = (2 * (share * own).sum(0) + 1) / (share.sum(0) + own.sum(0) + 1)
    text = "net f(x: f32[N, 6, 4], k: i32[N, 6]) { return dice(x, k) }"
    np.testing.assert_allclose(run_net(text, x=LOGITS, k=TARGET).output, 1 - overlap.mean())


def test_exact_match_counts_whole_sequences(run_net):
    logits = np.eye(3)[[[0, 1, 2], [1, 1, 1]]] + 0.0
    target = np.array([[0, 1, 0], [1, 2, 1]], np.int32)
    text = "net f(x: f32[N, 3, 3], k: i32[N, 3]) { return exact_match(x, k, ignore=0) }"
    assert run_net(text, x=logits, k=target).output == 0.5
