"""A training run against one written out with a session, and against itself stopped and resumed."""

import io
import json
import math
import os
import re
import signal
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from netc.compiler.diagnostics import NetError
from netc.runtime import checkpoint
from netc.runtime.data.dataset import order
from netc.runtime.data.generated import blobs
from netc.runtime.device import open_device
from netc.runtime.loop import next_slice, running_sums
from netc.runtime.plan import Options
from netc.runtime.progress import Progress
from netc.runtime.run_folder import RunFolder
from netc.runtime.session import Session
from netc.runtime.train import result_json, result_line, train

STEPS = 40  # 4 epochs of 10 batches of 16 from 160 of 200 rows


@pytest.fixture
def go(small, in_folder):
    """go(**options) -> (run, what was told): a training run in an empty folder."""
    told = io.StringIO()

    def call(program=small[0], folder=small[1], **options):
        def report(name, epochs, steps, batch):
            return Progress("plain", told, told, lambda: 0.0, epochs, steps, batch)

        return train(program, folder, Options(threads=1, **options), report), told.getvalue()

    return call


def records(folder, kind="train"):
    found = RunFolder(Path(folder)).metrics()
    return [record for record in found if record.get("kind", "train") == kind]


def same(one, other) -> bool:
    """Whether two runs ended with the same bits, of all that lasts and of all that was logged."""
    first, second = (checkpoint.latest(run.folder) for run in (one, other))
    assert first.tensors.keys() == second.tensors.keys()
    equal = (np.array_equal(array, second.tensors[name]) for name, array in first.tensors.items())
    metrics = [RunFolder(run.folder).metrics() for run in (one, other)]
    return all(equal) and metrics[0] == metrics[1] and first.facts == second.facts


def test_a_run_is_what_its_steps_are(go, small):
    run, _ = go()
    program, folder = small
    session = Session(program, folder, open_device("cpu", program, folder, 1), 1, STEPS)
    data = blobs(count=200, features=4, classes=3)
    losses = []
    for epoch in range(1, 5):
        rows = order(1, epoch, 160)
        for batch in rows.reshape(10, 16):
            fields = {name: array[batch] for name, array in data.train.items()}
            losses.append(session.step(**fields)["loss"])
    assert [record["loss"] for record in records(run.folder)] == losses
    assert [float.fromhex(record["loss_hex"]) for record in records(run.folder)] == losses
    epochs = [record["loss"] for record in records(run.folder, "epoch")]
    assert np.allclose(epochs, np.reshape(losses, (4, 10)).mean(axis=1), rtol=1e-12)
    held_back = {name: array[160:] for name, array in data.train.items()}
    last = records(run.folder, "validation")[-1]
    assert {name: last[name] for name in ("loss", "accuracy")} == session.evaluate(held_back)
    assert run.test == session.evaluate(data.test)
    assert run.test_samples == 40 and run.steps == STEPS and run.is_finished


def test_it_learns(go):
    run, told = go(epochs=20)
    assert run.test["accuracy"] == 1.0
    assert "epoch 20/20" in told
    assert re.fullmatch(r"test  loss 0\.\d{4}  accuracy 1\.0000  \(40 samples\)", result_line(run))
    assert json.loads(result_json(run))["test"] == run.test


def test_the_first_line_says_what_decides_the_bits(go, small):
    _, told = go()
    line = told.splitlines()[0]
    for part in ("seed 1", f"program {small[0].hash}", "netc 0.", "cpu, 1 thread, "):
        assert part in line


@pytest.mark.parametrize("stops", [(1,), (9, 1), (10,), (13, 20), (39,), (1, 1, 1, 1, 30)])
def test_a_run_that_was_stopped_goes_on_with_the_same_bits(go, stops):
    whole, _ = go()
    part, _ = go(max_steps=stops[0])
    for steps in stops[1:]:
        part, _ = go(max_steps=steps, resume="")
    assert part.steps == sum(stops) and not part.is_finished
    resumed, told = go(resume=str(part.folder))
    assert f"resumed after step {sum(stops)}" in told
    assert resumed.folder == part.folder != whole.folder
    assert resumed.is_finished and same(whole, resumed) and resumed.test == whole.test


def test_a_checkpoint_in_the_middle_of_an_epoch_is_as_good(go):
    whole, _ = go(save_every=0.0)
    part, _ = go(save_every=0.0, max_steps=17)
    resumed, _ = go(save_every=0.0, resume="")
    assert same(whole, resumed)
    assert part.steps == 17


def test_every_call_makes_a_folder_of_its_own(go):
    folders = [go(epochs=1)[0].folder for _ in range(3)]
    assert [folder.name for folder in folders] == ["small-1", "small-2", "small-3"]


def test_two_checkpoints_and_the_best_are_kept(go):
    run, _ = go(epochs=6)
    names = sorted(path.name for path in run.folder.glob("*.safetensors"))
    assert names == ["best.safetensors", "step-00000050.safetensors", "step-00000060.safetensors"]
    best = checkpoint.load(run.folder / "best.safetensors").facts
    losses = {record["step"]: record["loss"] for record in records(run.folder, "validation")}
    assert losses[best.best_step] == best.best_value == min(losses.values())


def test_a_damaged_checkpoint_falls_back_to_the_older_one(go):
    whole, _ = go()
    part, _ = go(max_steps=30)
    newest = part.folder / "step-00000030.safetensors"
    newest.write_bytes(newest.read_bytes()[:-3])
    resumed, told = go(resume="")
    assert "skipped: " in told and "resumed after step 20" in told
    assert same(whole, resumed)


def test_a_run_that_saved_nothing_starts_again(go):
    whole, _ = go()
    part, _ = go(max_steps=3)
    for path in part.folder.glob("*.safetensors"):
        path.unlink()
    resumed, _ = go(resume=str(part.folder))
    assert same(whole, resumed)


def test_a_finished_run_can_be_made_longer(go):
    first, _ = go(epochs=2)
    again, _ = go(resume="")
    assert again.steps == 20 and again.test == first.test and again.metrics == first.metrics
    longer, _ = go(resume="", epochs=3)
    assert longer.steps == 30 and longer.folder == first.folder


def test_steps_may_end_within_an_epoch(go):
    run, _ = go(steps=13)
    assert run.steps == 13 and run.is_finished
    assert [record["step"] for record in records(run.folder)] == list(range(1, 14))
    assert [record["step"] for record in records(run.folder, "epoch")] == [10, 13]


def test_no_time_saves_at_once(go):
    run, told = go(time_limit=1e-9)
    assert run.steps == 0 and not run.is_finished and run.exit_code == 0
    assert checkpoint.latest(run.folder).facts.step == 0
    assert "--resume" in told


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_finishes_the_slice_and_saves(go, number, code):
    timer = threading.Timer(0.3, os.kill, (os.getpid(), number))
    timer.start()
    run, told = go(epochs=100_000)
    timer.join()
    assert run.exit_code == code and not run.is_finished
    assert 0 < run.steps < 1_000_000
    assert checkpoint.latest(run.folder).facts.step == run.steps
    assert f"--resume {run.folder}" in told


@pytest.mark.parametrize("value, late", [(math.nan, 0), (math.inf, 1)])
def test_a_loss_that_is_no_number_stops_with_3_and_names_the_step(go, value, late):
    """A NaN in a row is in the loss at once; an infinity is in the weights first."""
    data = blobs(count=200, features=4, classes=3).train
    x = data["x"].copy()
    x[order(1, 1, 160)[70], 1] = value  # row 6 of step 5
    with pytest.raises(NetError) as caught:
        go(data={"x": x, "label": data["label"]})
    (found,) = caught.value.diagnostics
    assert (found.code, caught.value.exit_code) == ("E0611", 3)
    assert f"the loss of step {5 + late} is nan" in found.message
    assert found.notes == ()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_is_never_saved(go, value):
    data = blobs(count=200, features=4, classes=3).train
    x = data["x"].copy()
    x[order(1, 1, 160)[150], 1] = value  # in the last step of the epoch, saved where it is good
    with pytest.raises(NetError) as caught:
        go(data={"x": x, "label": data["label"]}, save_every=0.0)
    (found,) = caught.value.diagnostics
    assert (found.code, caught.value.exit_code) == ("E0611", 3)
    steps = checkpoint.steps_in(Path("runs/small-1"))
    assert steps and str(steps[-1]) in found.notes[0]
    for step in steps:
        tensors = checkpoint.load(Path("runs/small-1", checkpoint.step_name(step))).tensors
        assert all(np.isfinite(array).all() for array in tensors.values())


def test_a_checkpoint_of_another_program_is_refused_with_what_differs(go, small):
    go(max_steps=3)
    program, folder = small
    with pytest.raises(NetError) as caught:
        go(replace(program, hash="another"), folder, resume="")
    (found,) = caught.value.diagnostics
    assert (found.code, caught.value.exit_code) == ("E0610", 1)
    assert any("what is computed has changed" in note for note in found.notes)
    tensor = replace(program.persistent[0].tensor, name="small.other")
    other = (replace(program.persistent[0], tensor=tensor), *program.persistent[1:])
    with pytest.raises(NetError) as caught:
        go(replace(program, hash="another", persistent=other), folder, resume="")
    assert any("it lacks `small.other`" in note for note in caught.value.diagnostics[0].notes)


@pytest.mark.parametrize(
    "options, code",
    [
        ({"resume": "runs/none"}, "E0703"),
        ({"resume": ""}, "E0612"),
        ({"data": "none.npz"}, "E0501"),
        ({"data": {"x": np.zeros((9, 4))}}, "E0520"),
        ({"data": {"x": np.zeros((9, 4)), "label": np.zeros(8, int)}}, "E0506"),
        ({"data": {"x": np.zeros((9, 4)), "label": np.zeros(9, int)}}, "E0524"),
        ({"data": {"x": np.zeros((99, 5)), "label": np.zeros(99, int)}}, "E0511"),
        ({"seed": 1 << 40}, "E0521"),
        ({"epochs": 1 << 40}, "E0524"),
        ({"device": "gpu"}, "E0714"),
    ],
)
def test_what_cannot_be_trained_is_refused(go, options, code):
    with pytest.raises(NetError) as caught:
        go(**options)
    assert caught.value.diagnostics[0].code == code


@pytest.mark.parametrize("options", [{"seed": 7}, {"data": "rows"}])
def test_a_resumed_run_keeps_its_seed_and_its_data(go, options):
    go(max_steps=3)
    if "data" in options:
        data = blobs(count=300, features=4, classes=3).train
        options = {"data": data}
    with pytest.raises(NetError) as caught:
        go(resume="", **options)
    assert caught.value.diagnostics[0].code == "E0615"


def test_sums_do_not_depend_on_where_a_log_is_cut():
    log = np.random.default_rng(0).standard_normal((1000, 3)).astype(np.float32)
    whole = running_sums((0.0,) * 3, log)
    parts = (0.0,) * 3
    for part in np.array_split(log, 37):
        parts = running_sums(parts, part)
    assert list(parts) == whole


def test_slices_grow_to_a_fifth_of_a_second():
    assert next_slice(1, 1e-5) == 8
    assert next_slice(1000, 0.1) == 2000
    assert next_slice(1000, 20.0) == 10
    assert next_slice(1, 20.0) == 1


def test_a_run_goes_on_where_it_was_unless_another_device_is_named(go, monkeypatch):
    monkeypatch.setattr("netc.runtime.train.usual_device", lambda: "reference")
    run, told = go(max_steps=5)
    assert told.count("  reference, 1 thread, NumPy") == 1
    monkeypatch.setattr("netc.runtime.train.usual_device", lambda: "cpu")
    _, told = go(resume=str(run.folder), max_steps=5)
    assert told.count("  reference, 1 thread, NumPy") == 2
    _, told = go(resume=str(run.folder), device="cpu", max_steps=5)
    assert told.count("  reference, ") == 2 and told.count("  cpu, 1 thread, ") == 1
