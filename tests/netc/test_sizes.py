"""A net that leaves the length of a sequence open runs on any, and is measured on any."""

import numpy as np
import pytest

import netc
from netc.compiler.diagnostics import NetError

READER = """\
net reader(x: f32[N, T, 5]) {
    return x -> lstm(6) -> dense(3)
}
"""
PROGRAM = f"""{READER}
train {{
    take x: f32[N, 7, 5] from feed
    z = reader(x)
    minimize mean(z * z) with adam(lr=0.01)
    measure most = max(z)
    batch 4
}}
"""
ATTENTION = """\
net writer(token: i32[N, T]) {
    layer embed = embedding(11, 8)
    POSITION
    x = embed(token) + POSITIONS
    q, k, v = x -> dense(24) -> split(3)
    mixed = scaled_dot_product(q -> split_heads(2) PLACE, k -> split_heads(2) PLACE, v
        -> split_heads(2), causal=true)
    return mixed -> merge_heads -> dense(11)
}

train first {
    take token: i32[N, 6], next: i32[N, 6] from feed
    minimize cross_entropy(writer(token), next) with sgd(lr=0.1)
    batch 3
}

train second {
    take token: i32[N, 9], next: i32[N, 9] from feed
    minimize cross_entropy(writer(token), next) with sgd(lr=0.1)
    batch 3
}
"""
LEARNED = (
    ATTENTION.replace("POSITIONS", "place")
    .replace("POSITION", "weight place: f32[T, 8] = normal(0.02)")
    .replace(" PLACE", "")
)
TURNED = (
    ATTENTION.replace(" + POSITIONS", "")
    .replace("    POSITION\n", "")
    .replace("PLACE", "-> rotary")
)


@pytest.fixture
def session(in_folder):
    (in_folder / "reader.net").write_text(PROGRAM)
    session = netc.compile("reader.net").start(seed=1)
    session.step(x=rows(4, 7))
    return session


def rows(count: int, length: int) -> np.ndarray:
    return np.random.default_rng(length).normal(size=(count, length, 5)).astype(np.float32)


def letters(count: int, length: int) -> dict[str, np.ndarray]:
    token = np.random.default_rng(length).integers(0, 11, (count, length + 1)).astype(np.int32)
    return {"token": token[:, :-1], "next": token[:, 1:]}


def test_a_net_runs_on_sequences_of_another_length(session):
    x = rows(3, 19)
    found = session.run("reader", x=x)
    assert found.shape == (3, 19, 3)
    expected = session.run("reader", x=x[:, :7])  # what comes later changes nothing before it
    np.testing.assert_allclose(found[:, :7], expected, rtol=1e-6)


def test_another_length_sees_the_weights_of_now(session):
    before = session.run("reader", x=rows(3, 9))
    session.step(x=rows(4, 7))
    assert abs(session.run("reader", x=rows(3, 9)) - before).max() > 1e-5


def test_an_evaluation_takes_sequences_of_another_length_and_each_of_them_once(session):
    x = rows(9, 12)  # two batches of four and a last one of one
    z = session.run("reader", x=x)
    found = session.evaluate({"x": x})
    assert found["loss"] == pytest.approx((z.astype(np.float64) ** 2).mean(), rel=1e-5)
    each = [z[:4].max(), z[4:8].max(), z[8:].max()]
    assert found["most"] == pytest.approx(np.average(each, weights=(4, 4, 1)), rel=1e-5)


@pytest.mark.parametrize("shape", ((3, 7, 4), (3, 12, 4), (3, 7), (3,), (3, 7, 5, 1)))
def test_inputs_that_no_length_makes_fit_are_refused(session, shape):
    with pytest.raises(NetError) as caught:
        session.run("reader", x=np.zeros(shape, np.float32))
    assert caught.value.diagnostics[0].code == "E0521"
    with pytest.raises(NetError) as caught:
        session.evaluate({"x": np.zeros(shape, np.float32)})
    assert caught.value.diagnostics[0].code in ("E0521", "E0525")


@pytest.mark.parametrize("block, length", (("first", 9), ("second", 4)))
def test_the_length_of_a_chosen_train_block_is_left_too(in_folder, block, length):
    (in_folder / "writer.net").write_text(TURNED)
    session = netc.compile("writer.net", train=block).start(seed=1)
    data = letters(7, length)
    scores = session.run("writer", token=data["token"]).astype(np.float64)
    assert scores.shape == (7, length, 11)
    chance = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    loss = -np.log(np.take_along_axis(chance, data["next"][..., None], -1)).mean()
    assert session.evaluate(data)["loss"] == pytest.approx(loss, rel=1e-5)


def test_a_program_that_reads_a_text_is_measured_on_another(in_folder):
    text = ATTENTION.replace("take token: i32[N, 6], next: i32[N, 6] from feed",
                             'take token, next from text("a.txt", window=6)')  # fmt: skip
    text = text.replace("embedding(11, 8)", "embedding(128, 8)").replace("dense(11)", "dense(128)")
    text = text.replace(" + POSITIONS", "").replace("    POSITION\n", "").replace(" PLACE", "")
    (in_folder / "writer.net").write_text(text)
    (in_folder / "a.txt").write_text("all work and no play makes Jack a dull boy")
    (in_folder / "b.txt").write_text("seven ate nine ")
    session = netc.compile("writer.net", train="first").start(seed=1)
    bytes_of = np.frombuffer(b"seven ate nine ", np.uint8).astype(np.int32)
    windows = {"token": bytes_of[:12].reshape(2, 6), "next": bytes_of[1:13].reshape(2, 6)}
    found = session.evaluate(in_folder / "b.txt")
    assert found["loss"] == pytest.approx(session.evaluate(windows)["loss"], rel=1e-6)
    assert session.evaluate(in_folder / "a.txt") == session.evaluate()


def test_a_program_with_a_weight_for_each_place_says_that_it_fixes_the_length(in_folder):
    (in_folder / "writer.net").write_text(LEARNED)
    session = netc.compile("writer.net", train="first").start(seed=1)
    data = letters(2, 8)
    for use in (lambda: session.run("writer", token=data["token"]), lambda: session.evaluate(data)):
        with pytest.raises(NetError) as caught:
            use()
        told, why = caught.value.diagnostics
        assert told.code == "E0525" and "8" in told.message
        assert "`writer.place` on line 3" in why.message and "f32[6, 8] in training" in why.message
