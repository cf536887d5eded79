"""The settings of a train block at work: whole runs against sessions and NumPy written out here."""

import io

import numpy as np
import pytest

from netc.compiler.diagnostics import NetError
from netc.compiler.driver import compile_file
from netc.runtime import checkpoint
from netc.runtime.data.dataset import order
from netc.runtime.device import open_device
from netc.runtime.plan import Options
from netc.runtime.progress import Progress
from netc.runtime.run_folder import RunFolder
from netc.runtime.session import Session
from netc.runtime.train import train

PLAIN = """\
net small(x: f32[N, 4]) {
    return x -> dense(8) -> tanh -> dense(3)
}

train {
    take x, label from blobs(count=200, features=4, classes=3)
    logits = small(x)
    minimize cross_entropy(logits, label) with adam(lr=cosine(0.02))
    measure accuracy(logits, label)
    validate 20%
    seed 1
    SETTINGS
}
"""


@pytest.fixture
def go(in_folder):
    """go(settings, **options) -> (run, what was told): a training run with these settings."""

    def call(settings, text=PLAIN, data=None, **options):
        (in_folder / "small.net").write_text(text.replace("SETTINGS", settings))
        out = in_folder / "build" / settings.replace(" ", "_")
        program, folder = compile_file(in_folder / "small.net", out=out)
        told = io.StringIO()

        def report(name, epochs, steps, batch):
            return Progress("plain", told, told, lambda: 0.0, epochs, steps, batch)

        options = Options(threads=1, device="reference", data=data, **options)
        return train(program, folder, options, report), told.getvalue()

    return call


def lasting(run) -> dict[str, np.ndarray]:
    return dict(checkpoint.latest(run.folder).tensors)


def losses(run, kind):
    found = RunFolder(run.folder).metrics()
    return [record["loss"] for record in found if record.get("kind") == kind]


def test_four_batches_that_accumulate_are_one_large_batch(go):
    """The rows, the steps, the schedule and the log are those of the large batch."""
    large, _ = go("batch 40 epochs 5")
    small, _ = go("batch 10 accumulate 4 epochs 5")
    assert small.steps == large.steps == 20
    np.testing.assert_allclose(losses(small, "epoch"), losses(large, "epoch"), rtol=1e-5)
    tensors = lasting(small)
    for name, array in lasting(large).items():
        if name != "step":
            np.testing.assert_allclose(tensors[name], array, rtol=1e-4, atol=1e-6)
    assert tensors["step"] == 80 and small.session.steps_done == 20


def test_a_session_takes_the_rows_of_a_whole_step(go):
    large, _ = go("batch 40 epochs 1")
    small, _ = go("batch 10 accumulate 4 epochs 1")
    random = np.random.default_rng(0)
    rows = {"x": random.standard_normal((40, 4)), "label": random.integers(0, 3, 40)}
    found, expected = (run.session.gradients(**rows) for run in (small, large))
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-6)
    assert small.session.step(**rows) == pytest.approx(large.session.step(**rows), rel=1e-5)


def test_evaluations_and_nets_use_the_average_of_the_weights(go):
    run, _ = go("batch 16 steps 30 average 0.9")
    program, folder = run.session.program, run.session.folder
    names = [name for name in run.session.weights if name.endswith(("kernel", "bias"))]
    assert len(names) == 4
    again = Session(program, folder, open_device("reference", program, folder, 1), 1, 30)
    assert all(
        np.array_equal(again.device.read(again.weights.averages[name]), again.weights[name])
        for name in names
    )
    expected = {name: 0.0 for name in names}
    rows = {"x": np.ones((16, 4)), "label": np.arange(16) % 3}
    for _ in range(30):
        again.step(**rows)
        expected = {name: 0.9 * expected[name] + 0.1 * again.weights[name] for name in names}
    averages = {name: total / (1 - 0.9**30) for name, total in expected.items()}
    found = again.run("small", x=rows["x"])
    k1, b1, k2, b2 = (averages[name] for name in names)
    np.testing.assert_allclose(found, np.tanh(rows["x"] @ k1 + b1) @ k2 + b2, rtol=1e-4)
    raw = [again.weights[name] for name in names]
    raw_output = np.tanh(rows["x"] @ raw[0] + raw[1]) @ raw[2] + raw[3]
    assert np.abs(found - raw_output).max() > 1e-3
    for name, value in zip(names, raw, strict=True):
        again.weights[name] = value  # an average starts again from what is assigned
    np.testing.assert_allclose(again.run("small", x=rows["x"]), raw_output, rtol=1e-4)


NOISE = {
    "x": np.random.default_rng(3).standard_normal((40, 4)).astype(np.float32),
    "label": np.random.default_rng(4).integers(0, 3, 40),
}  # nothing to learn: what is held back soon gets worse


def test_a_run_without_progress_goes_back_to_its_best_epoch(go):
    run, told = go("batch 8 epochs 400 stop patience=3", data=NOISE)
    validation = losses(run, "validation")
    best = int(np.argmin(validation))
    assert len(validation) == best + 1 + 3 < 400
    assert run.is_finished and run.exit_code == 0 and run.steps == 4 * (best + 1)
    assert f"val_loss did not fall for 3 epochs: back to epoch {best + 1}" in told
    assert run.metrics["val_loss"] == validation[best]
    held_back = {name: array[32:] for name, array in NOISE.items()}
    assert run.session.evaluate(held_back)["loss"] == validation[best]
    assert checkpoint.latest(run.folder).facts.step == run.steps


def test_a_run_that_goes_on_falling_is_not_stopped(go):
    run, told = go("batch 16 epochs 6 stop patience=1")
    assert run.steps == 60 and "back to" not in told


@pytest.mark.parametrize(
    "settings, data",
    [
        ("batch 4 epochs 3 accumulate 4 clip 0.5", None),
        ("batch 16 epochs 3 average 0.99", None),
        ("batch 8 epochs 400 stop patience=3", NOISE),
    ],
)
@pytest.mark.parametrize("steps", [7, 20])
def test_a_stopped_run_goes_on_with_the_same_bits(go, settings, data, steps):
    whole, _ = go(settings, data=data)
    part, _ = go(settings, data=data, max_steps=steps)
    assert part.steps == steps and not part.is_finished
    resumed, _ = go(settings, data=data, resume="")
    assert resumed.steps == whole.steps and resumed.metrics == whole.metrics
    tensors = lasting(resumed)
    for name, array in lasting(whole).items():
        np.testing.assert_array_equal(tensors[name], array)


def test_a_kill_between_the_last_epoch_and_the_way_back_changes_nothing(go, monkeypatch):
    settings = "batch 8 epochs 400 stop patience=3"
    whole, _ = go(settings, data=NOISE)
    with monkeypatch.context() as patch:
        patch.setattr("netc.runtime.loop.Loop.go_back", lambda loop: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            go(settings, data=NOISE)
    resumed, _ = go(settings, data=NOISE, resume="")
    assert resumed.steps == whole.steps and resumed.metrics == whole.metrics


def spoiled(*numbers):
    """NOISE with these rows infinite: a step that meets one would spoil every weight."""
    x = NOISE["x"].copy()
    x[list(numbers)] = np.inf
    return {"x": x, "label": NOISE["label"]}


def test_bad_steps_are_left_out_and_the_others_are_as_if_they_had_not_been(go):
    text = PLAIN.replace("    validate 20%\n", "")
    data, settings = spoiled(5, 30), "batch 4 epochs 2"
    run, told = go(settings, text, data, skip_bad=True)
    session = Session(
        run.session.program, run.session.folder,
        open_device("reference", run.session.program, run.session.folder, 1), 1, 20,
    )  # fmt: skip
    expected, left_out = [], []
    for epoch in (1, 2):
        for batch in order(1, epoch, 40).reshape(10, 4):
            if {5, 30} & set(batch.tolist()):
                left_out.append(session.steps_done + 1)
                session.skip_step()
                continue
            fields = {name: array[batch] for name, array in data.items()}
            expected.append(session.step(**fields)["loss"])
    assert 2 <= len(left_out) <= 4
    assert all(f"step {step} left out" in told for step in left_out)
    records = [record for record in RunFolder(run.folder).metrics() if "kind" not in record]
    assert [record["loss"] for record in records if record["loss"] is not None] == expected
    assert losses(run, "epoch")[0] == pytest.approx(np.mean(expected[: len(expected) // 2]))
    for name, array in session.tensors().items():
        np.testing.assert_array_equal(lasting(run)[name], array)
    part, _ = go(settings, text, data, skip_bad=True, max_steps=7)
    resumed, _ = go(settings, text, data, skip_bad=True, resume="")
    assert resumed.metrics == run.metrics
    for name, array in lasting(run).items():
        np.testing.assert_array_equal(lasting(resumed)[name], array)


def test_where_every_step_is_bad_training_stops(go):
    with pytest.raises(NetError) as caught:
        go("batch 8 epochs 2", data=spoiled(*range(40)), skip_bad=True)
    assert caught.value.exit_code == 3
    assert "every step of epoch 1 was left out" in caught.value.diagnostics[0].message


def test_what_an_epoch_leaves_out_is_told(go):
    _, told = go("batch 24 epochs 1")
    assert "an epoch is 6 steps of 24 samples: it leaves out 16 of 160" in told
