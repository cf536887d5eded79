"""netc tune: other tiles for the products, of which none changes a bit; kept and locked."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from netc.api import Program
from netc.commands import tune
from netc.compiler.driver import compile_file
from netc.compiler.functions import lay_out, trace
from netc.compiler.kernels.plan import MatmulPlan
from netc.compiler.language.model import load_model
from netc.compiler.targets import tuned
from netc.compiler.targets.cpu_tiles import CpuMachine, Shape, other_shapes
from netc.compiler.targets.machine import this_machine

NET = """
net guess(x: f32[N, 8, 8, 3]) {
    return x -> conv2d(20, 3) -> relu -> flatten -> dense(70) -> relu -> dense(10)
}
train {
    take x: f32[N, 8, 8, 3], y: i32[N] from feed
    minimize cross_entropy(guess(x), y) with adam(lr=0.01)
    batch 32
}
"""
SMALL = """
net guess(x: f32[N, 40]) { return x -> dense(1) }
train {
    take x: f32[N, 40], y: f32[N, 1] from feed
    minimize mean_squared_error(guess(x), y) with sgd(lr=0.01)
    batch 16
}
"""


@pytest.fixture
def file(in_folder, monkeypatch) -> Path:
    monkeypatch.setenv("NETC_CACHE", str(in_folder / "cache"))
    path = in_folder / "guess.net"
    path.write_text(NET)
    return path


def plans(file: Path) -> dict[str, MatmulPlan]:
    traced = tuple(one for one in trace(load_model(file, {}, None)) if one.name == "train")
    function = lay_out(traced, lambda *words: None)["cpu"][0]
    return tune.products(function, this_machine())


def weights_after_a_step(file: Path, machine: CpuMachine, name: str) -> dict[str, np.ndarray]:
    facts, folder = compile_file(file, out=file.parent / name, machine=machine)
    session = Program(facts, folder, "cpu").start(seed=3)
    random = np.random.default_rng(1)
    x = random.normal(size=(32, 8, 8, 3)).astype(np.float32)
    session.step(x=x, y=random.integers(0, 10, 32).astype(np.int32))
    return dict(session.weights)


def test_no_shape_changes_a_bit(file):
    machine = this_machine()
    usual = weights_after_a_step(file, machine, "usual")
    choices = {key: other_shapes(plan, machine) for key, plan in plans(file).items()}
    assert len(choices) >= 6
    for number in (0, 4):
        shapes = tuple((key, some[number % len(some)]) for key, some in choices.items())
        found = weights_after_a_step(file, replace(machine, tuned=shapes), f"tuned-{number}")
        for name, weight in usual.items():
            assert (weight == found[name]).all(), (number, name)


def test_a_lock_is_found_beside_its_program_and_survives_writing(file):
    machine = this_machine()
    shapes = {key: other_shapes(plan, machine)[0] for key, plan in plans(file).items()}
    path = tuned.lock(machine, file, shapes)
    assert dict(tuned.with_tuned_shapes(machine, file).tuned) == shapes
    text = path.read_text()
    assert tuned.lock(machine, file, dict(reversed(shapes.items()))).read_text() == text
    _, folder = compile_file(file, out=file.parent / "locked")
    rows, vectors = next(iter(shapes.values())).rows, next(iter(shapes.values())).vectors
    source = (folder / "c" / "train.c").read_text()
    assert f"netc_product_{rows}x{vectors * machine.lanes}" in source


def test_a_lock_of_another_machine_says_nothing_here(file):
    other = CpuMachine("other", vector_bytes=32, registers=16, cores=64)
    tuned.lock(other, file, {"1x2x3x4 f32 direct direct 1": Shape(2, 1, 2, 8)})
    assert tuned.with_tuned_shapes(this_machine(), file).tuned == ()


@pytest.mark.parametrize("shape", ([0, 1, 2, 16], [2, 1, 3, 64], ["2", 1, 2, 16], [99, 9, 99, 9]))
def test_a_damaged_lock_is_refused_in_words(file, netc, shape):
    text = tuned.to_text(this_machine(), {"key": Shape(*shape)})
    tuned.lock_of(file).write_text(text.replace("'", '"'))
    found = netc("compile", file, "--target", "none")
    assert found.code == 1 and "E0617" in found.err and "damaged" in found.err


def test_the_command_shows_its_gain_and_keeps_what_it_found(file, netc, monkeypatch):
    monkeypatch.setattr(tune, "MEASURE_SECONDS", 0.02)
    file.write_text(SMALL)
    found = netc("tune", file, "--seconds", 0.1, "--lock")
    assert found.code == 0, found.err
    assert "round 1 of" in found.out and "in usual shapes" in found.out
    assert tuned.lock_of(file).is_file()
    machine = this_machine()
    assert tuned.kept(machine) == tuned.locked(machine, file)


def test_a_file_without_training_cannot_be_tuned(in_folder, netc):
    (in_folder / "net.net").write_text("net f(x: f32[N, 2]) { return x -> dense(3) }")
    found = netc("tune", "net.net")
    assert found.code == 2 and "trains nothing" in found.err
