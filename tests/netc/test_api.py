"""The Python API, as the design writes it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import netc
from netc.runtime.data.generated import blobs

DATA = blobs(count=200, features=4, classes=3).train
BATCH = {name: array[:16] for name, array in DATA.items()}


@pytest.fixture
def program(small_file):
    return netc.compile("small.net", device="cpu")


def test_a_program_tells_what_it_is(program):
    assert isinstance(program, netc.Program)
    assert program.parameters == 4 * 8 + 8 + 8 * 3 + 3
    assert program.memory > 4 * program.parameters
    assert program.cost == sum(kernel.seconds for kernel in program.kernels) > 0
    for target in ("cpu", "cuda"):
        assert all(kernel.name in program.source(target) for kernel in program.kernels)
    with pytest.raises(netc.NetError):
        program.source("metal")
    assert "67 parameters" in repr(program)


def test_a_session_steps_runs_saves_and_comes_back(program, tmp_path):
    session = program.start(seed=0)
    told = session.step(**BATCH)
    assert set(told) == {"loss", "accuracy"}
    assert session.gradients(**BATCH).keys() <= session.weights.keys()
    outputs = session.run("small", x=DATA["x"][:5])
    session.save(tmp_path / "here.safetensors")
    back = netc.load(tmp_path / "here.safetensors")
    assert isinstance(back, netc.Session) and back.steps_done == 1
    assert np.array_equal(back.run("small", x=DATA["x"][:5]), outputs)
    assert back.evaluate(DATA) == session.evaluate(DATA)


def test_train_returns_a_run_that_load_takes(small_file):
    run = netc.train("small.net", epochs=2, quiet=True)
    assert isinstance(run, netc.Run)
    assert run.is_finished and run.steps == 20 and run.test["accuracy"] <= 1
    again = netc.load(run.folder)
    assert again.evaluate(DATA) == run.session.evaluate(DATA)


def test_train_takes_arrays_and_a_program(program):
    run = netc.train(program, data=DATA, epochs=1, quiet=True)
    assert run.test is None and "val_loss" in run.metrics


def test_gradients_agree_with_finite_differences(program):
    """On the reference's evaluation, which is in double precision but for its inputs."""
    text = Path("small.net").read_text().replace(" -> dropout(0.1)", "")
    Path("plain.net").write_text(text)
    session = netc.compile("plain.net").start(seed=3)
    exact = netc.compile("plain.net", device="reference").start(seed=3)
    found = session.gradients(**BATCH)
    for name, place in (("small.dense_1.kernel", (2, 5)), ("small.dense_2.bias", (1,))):
        middle = exact.weights[name]
        losses = []
        for change in (+1e-2, -1e-2):
            moved = middle.copy()
            moved[place] += np.float32(change)
            exact.weights[name] = moved
            losses.append(exact.evaluate(BATCH)["loss"])
        exact.weights[name] = middle
        assert found[name][place] == pytest.approx((losses[0] - losses[1]) / 2e-2, rel=5e-3)


def test_a_checkpoint_of_another_program_is_refused(program, tmp_path):
    program.start().save(tmp_path / "here.safetensors")
    Path("small.net").write_text(Path("small.net").read_text() + "\nconst unused = 1\n")
    same = netc.compile("small.net")
    netc.load(tmp_path / "here.safetensors", program=same)
    text = Path("small.net").read_text().replace("dense(8)", "dense(9)")
    Path("small.net").write_text(text)
    other = netc.compile("small.net", out="build/other")
    with pytest.raises(netc.NetError) as caught:
        netc.load(tmp_path / "here.safetensors", program=other)
    assert caught.value.diagnostics[0].code == "E0610"
    assert any("[4, 8]" in note for note in caught.value.diagnostics[0].notes)


def test_a_file_that_is_wrong_raises_a_neterror(in_folder):
    for call in (netc.compile, netc.train, netc.load):
        with pytest.raises(netc.NetError):
            call("none.net")


def test_two_sessions_do_not_touch_each_other(program):
    one, other = program.start(seed=1), program.start(seed=2)
    before = other.tensors()
    for _ in range(3):
        one.step(**BATCH)
    after = other.tensors()
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_importing_netc_loads_nothing_heavy():
    code = "import netc, sys; print('numpy' in sys.modules, sorted(netc.__all__) == dir(netc))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "True"]


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError):
        _ = netc.compil


def test_a_program_that_is_compiled_anew_into_its_folder_is_the_one_that_runs(in_folder):
    (in_folder / "wide.net").write_text(
        "const width = 4\n"
        "net wide(x: f32[N, 3]) { return x -> dense(width) -> sum(axis=-1) }\n"
    )
    x = np.ones((1, 3), np.float32)
    for width in (4, 40):
        session = netc.compile("wide.net", define={"width": width}, threads=1).start(seed=1)
        assert session.weights["wide.dense_1.kernel"].shape == (3, width)
        expected = (x @ session.weights["wide.dense_1.kernel"]).sum()
        assert session.run("wide", x=x)[0] == pytest.approx(expected, rel=1e-4, abs=1e-5)
        session.close()
