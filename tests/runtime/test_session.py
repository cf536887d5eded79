"""A session against NumPy, against the reference device, and against wrong use."""

from dataclasses import replace

import numpy as np
import pytest

import netc
from netc.compiler.diagnostics import NetError
from netc.compiler.program import Layout
from netc.runtime import checkpoint
from netc.runtime.data.generated import blobs
from netc.runtime.device import open_device
from netc.runtime.restore import restore
from netc.runtime.session import Session

DATA = blobs(count=200, features=4, classes=3).train
BATCH = {name: array[:16] for name, array in DATA.items()}
KERNEL = "small.dense_1.kernel"


@pytest.fixture
def session(small):
    return start(small)


def start(small, device="cpu", seed=1, threads=2):
    program, folder = small
    return Session(program, folder, open_device(device, program, folder, threads), seed)


def logits(weights, x):
    """The net as a formula."""
    hidden = np.tanh(x @ weights[KERNEL] + weights["small.dense_1.bias"])
    return hidden @ weights["small.dense_2.kernel"] + weights["small.dense_2.bias"]


def loss(weights, x, label):
    z = logits(weights, x.astype(np.float64))
    z = z - z.max(axis=1, keepdims=True)
    picked = z[np.arange(len(z)), label] - np.log(np.exp(z).sum(axis=1))
    return -picked.mean()


@pytest.mark.parametrize("count", [1, 2, 16, 17, 35])
def test_outputs_for_any_number_of_rows_are_those_of_the_formula(session, count):
    found = session.run("small", x=DATA["x"][:count])
    assert found.shape == (count, 3)
    assert np.allclose(found, logits(session.weights, DATA["x"][:count]), atol=1e-5)


@pytest.mark.parametrize("count", [1, 16, 35, 200])
def test_evaluation_counts_every_row_once(session, count):
    rows = {name: array[:count] for name, array in DATA.items()}
    weights = dict(session.weights)
    found = session.evaluate(rows)
    assert found["loss"] == pytest.approx(loss(weights, **rows), rel=1e-5)
    hits = logits(weights, rows["x"]).argmax(axis=1) == rows["label"]
    assert found["accuracy"] == pytest.approx(hits.mean(), abs=1e-6)


def test_steps_lower_the_loss_and_are_counted(session):
    losses = [session.step(**BATCH)["loss"] for _ in range(60)]
    assert session.steps_done == 60
    assert losses[-1] < 0.7 * losses[0]


def test_cpu_and_reference_train_alike(small):
    cpu, reference = start(small), start(small, "reference")
    for _ in range(5):
        assert cpu.step(**BATCH) == pytest.approx(reference.step(**BATCH), rel=1e-4)
    for name in cpu.weights:
        assert np.allclose(cpu.weights[name], reference.weights[name], atol=1e-4), name


def test_the_number_of_threads_changes_no_bit(small):
    results = []
    for threads in (1, 2, 3):
        session = start(small, threads=threads)
        results.append([session.step(**BATCH)["loss"] for _ in range(5)])
    assert results[0] == results[1] == results[2]


def test_gradients_leave_the_weights_and_have_their_shapes(session):
    before = {name: session.weights[name] for name in session.weights}
    found = session.gradients(**BATCH)
    assert {name: array.shape for name, array in found.items()} == {
        name: array.shape for name, array in before.items()
    }
    assert all(np.array_equal(before[name], session.weights[name]) for name in before)
    assert session.steps_done == 0
    assert any(np.abs(array).max() > 0 for array in found.values())


def test_the_seed_decides_the_weights(small):
    one, same, other = start(small), start(small), start(small, seed=2)
    assert np.array_equal(one.weights[KERNEL], same.weights[KERNEL])
    assert not np.array_equal(one.weights[KERNEL], other.weights[KERNEL])


def test_weights_are_copies_and_can_be_assigned(session):
    session.weights[KERNEL][...] = 7
    assert not (session.weights[KERNEL] == 7).any()
    session.weights[KERNEL] = np.full((4, 8), 7.0)
    assert (session.weights[KERNEL] == 7).all()
    assert session.weights[KERNEL].dtype == np.float32


class Foreign:
    """An array of another library."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def test_lists_dlpack_and_other_orders_are_taken(session):
    expected = session.run("small", x=BATCH["x"])
    for x in (BATCH["x"].tolist(), Foreign(BATCH["x"]), np.asfortranarray(BATCH["x"]),
              BATCH["x"].astype(np.float64), np.repeat(BATCH["x"], 2, axis=0)[::2]):  # fmt: skip
        assert np.array_equal(session.run("small", x=x), expected)


def test_rows_that_may_only_be_read_and_results_that_are_kept_stay_as_they_are(session):
    x = DATA["x"][:1].copy()
    x.flags.writeable = False
    first, kept = session.run("small", x=x), session.run("small", x=x).copy()
    session.run("small", x=DATA["x"][1:2])
    assert np.array_equal(first, kept)


def test_a_saved_session_goes_on_with_the_same_bits(small, tmp_path):
    first, second = start(small), start(small, seed=5)
    for _ in range(3):
        first.step(**BATCH)
    first.save(tmp_path / "here.safetensors")
    restore(second, checkpoint.load(tmp_path / "here.safetensors"))
    assert second.steps_done == 3 and second.seed == 1
    for _ in range(3):
        assert first.step(**BATCH) == second.step(**BATCH)
    tensors = second.tensors()
    assert all(np.array_equal(array, tensors[name]) for name, array in first.tensors().items())


ROW = np.zeros((16, 4), np.float32)
LABEL = np.zeros(16, np.int32)


class Broken:
    def __array__(self, *arguments, **options):
        raise RuntimeError("it is on another device")


WRONG = {
    "no field": (lambda s: s.step(), "E0520", "needs `x`, `label`"),
    "missing field": (lambda s: s.step(x=ROW), "E0520", "needs `label`"),
    "unknown field": (lambda s: s.step(x=ROW, labels=LABEL), "E0520", "no field `labels`"),
    "wrong batch": (lambda s: s.step(x=ROW[:5], label=LABEL[:5]), "E0521", "takes 16 rows"),
    "one row": (lambda s: s.run("small", x=ROW[0]), "E0521", "f32[N, 4]"),
    "wrong width": (lambda s: s.run("small", x=ROW[:, :3]), "E0521", "shape [16, 3]"),
    "a number": (lambda s: s.run("small", x=3.0), "E0521", "shape []"),
    "no rows": (lambda s: s.run("small", x=ROW[:0]), "E0521", "no rows"),
    "ragged": (lambda s: s.run("small", x=[[1, 2], [3]]), "E0521", "cannot be read"),
    "text": (lambda s: s.run("small", x="abc"), "E0521", "an array of numbers"),
    "none": (lambda s: s.run("small", x=None), "E0521", "an array of numbers"),
    "complex": (lambda s: s.run("small", x=ROW + 1j), "E0521", "complex64"),
    "foreign": (lambda s: s.run("small", x=Broken()), "E0521", "on another device"),
    "too large": (lambda s: s.run("small", x=np.full((1, 4), 1e300)), "E0521", "do not fit f32"),
    "fractions for labels": (lambda s: s.step(x=ROW, label=LABEL + 0.5), "E0521", "label"),
    "wide labels": (lambda s: s.step(x=ROW, label=LABEL + 2.0**40), "E0521", "cannot hold"),
    "uneven": (lambda s: s.step(x=ROW, label=LABEL[:3]), "E0521", "different length"),
    "unknown net": (lambda s: s.run("smal", x=ROW), "E0520", "no net `smal`"),
    "unknown weight": (lambda s: s.weights["small.dense_1.kernle"], "E0520", "no weight"),
    "weight shape": (lambda s: assign(s, np.zeros((8, 4))), "E0521", "f32[4, 8]"),
    "weight text": (lambda s: assign(s, "x"), "E0521", "numbers"),
    "deleted weight": (lambda s: s.weights.pop(KERNEL), "E0520", "cannot be deleted"),
    "evaluation field": (lambda s: s.evaluate({"x": ROW}), "E0520", "`label`"),
    "gradient batch": (lambda s: s.gradients(x=ROW[:1], label=LABEL[:1]), "E0521", "16 rows"),
    "negative seed": (lambda s: s.initialize(-1), "E0521", "a seed"),
    "seed text": (lambda s: s.initialize("x"), "E0521", "a seed"),
}


def assign(session, value):
    session.weights[KERNEL] = value


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_is_told_in_the_users_words(session, case):
    use, code, words = WRONG[case]
    with pytest.raises(NetError) as caught:
        use(session)
    (found,) = caught.value.diagnostics
    assert found.code == code
    assert words in found.message


def test_a_near_name_is_suggested(session):
    for use in (lambda: session.step(x=ROW, labels=LABEL), lambda: session.run("smal", x=ROW)):
        with pytest.raises(NetError) as caught:
            use()
        assert "did you mean" in caught.value.diagnostics[0].helps[0]


def test_an_unknown_device_is_refused_with_the_names_that_there_are(small):
    with pytest.raises(NetError) as caught:
        start(small, "cup")
    assert caught.value.exit_code == 4
    assert "did you mean `cpu`?" in caught.value.diagnostics[0].helps


def test_a_program_larger_than_the_memory_is_refused_before_anything_is_taken(small):
    program, folder = small
    with pytest.raises(NetError) as caught:
        open_device("cpu", replace(program, layouts=(Layout("cpu", 1 << 60, ()),)), folder)
    assert caught.value.diagnostics[0].code == "E0710"
    assert caught.value.exit_code == 4


def test_a_program_that_is_compiled_again_runs_as_its_file_says_now(tmp_path):
    path = tmp_path / "scale.net"
    for factor in (2, 3):
        path.write_text(f"net scale(x: f32[N, 2]) {{ return {factor} * x }}")
        session = netc.compile(path, out=tmp_path / "build").start()
        assert session.run("scale", x=np.ones((1, 2))).tolist() == [[factor, factor]]
