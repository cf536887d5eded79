"""Averages of weights and steps of several batches, against NumPy written out here."""

import numpy as np
import pytest

from netc.compiler.interpret import interpret
from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ir.verify import verify
from netc.compiler.ops.table import OPS
from netc.compiler.optimizers.table import OPTIMIZERS
from netc.compiler.passes.average import read_averages
from netc.compiler.passes.train import Objective, add_training
from netc.compiler.schedules import Rate

STEPS = 5


def model(optimizer: str) -> tuple[Graph, tuple[Objective, ...]]:
    """loss = mean((x @ w) ** 2), w by this optimizer at a rate that falls from 0.2 to zero."""
    build = Builder(OPS)
    x = build.input("x", TensorType("f32", (4, 3)), Role.FIELD)
    w = build.input("w", TensorType("f32", (3, 1)), Role.WEIGHT)
    y = build.matmul(x, w)
    loss = build.divide(build.sum(build.multiply(y, y), axes=(0, 1)), 4.0)
    rate = Rate("linear", (("start", 0.2),))
    graph = build.graph("model", (Output("loss", loss),))
    return graph, (Objective(loss, optimizer, (), rate, (w,)),)


def run(graph: Graph, batches) -> list[dict[str, np.ndarray]]:
    """What lasts after each of the batches; weights start at 1."""
    verify(graph, OPS)
    state = {
        entry.value.name: np.full(entry.value.type.shape, float(entry.role is Role.WEIGHT))
        for entry in graph.inputs
        if entry.role is not Role.FIELD
    }
    state |= {"total": STEPS}
    states = []
    for x in batches:
        state = state | interpret(graph, state | {"x": x})
        states.append(state)
    return states


def batches(count: int) -> list[np.ndarray]:
    random = np.random.default_rng(5)
    return [random.normal(size=(4, 3)) for _ in range(count)]


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.999])
def test_an_average_weighs_every_step_by_its_age(keep):
    graph, objectives = model("sgd")
    states = run(add_training(graph, objectives, None, OPS, average=keep), batches(STEPS))
    weights = [state["w"] for state in states]
    for last in range(STEPS):
        parts = [keep ** (last - step) for step in range(last + 1)]
        expected = np.average(weights[: last + 1], axis=0, weights=parts)
        np.testing.assert_allclose(states[last]["w.average"], expected, rtol=1e-10)


def test_what_reads_averages_reads_nothing_else_of_the_weight():
    graph, _ = model("sgd")
    averaged = read_averages(graph, {"w"})
    verify(averaged, OPS)
    assert [(entry.value.name, entry.role) for entry in averaged.inputs] == [
        ("x", Role.FIELD), ("w.average", Role.AVERAGE),
    ]  # fmt: skip
    x, w = batches(1)[0], np.ones((3, 1))
    expected = interpret(graph, {"x": x, "w": w})
    assert interpret(averaged, {"x": x, "w.average": w}) == expected


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("clip", [None, 0.5])
def test_a_step_of_three_batches_moves_by_the_mean_of_their_gradients(optimizer, clip):
    graph, objectives = model(optimizer)
    step = add_training(graph, objectives, clip, OPS, accumulate=3, average=0.5)
    given = batches(3 * STEPS)
    states = run(step, given)
    rule, w, moments = OPTIMIZERS[optimizer], np.ones((3, 1)), {"mean": 0.0, "square": 0.0}
    moved = []
    for number in range(STEPS):
        three = given[3 * number : 3 * number + 3]
        gradient = np.mean([x.T @ (x @ w) / 2 for x in three], axis=0)
        if clip:
            gradient = gradient * min(1.0, clip / (np.linalg.norm(gradient) + 1e-6))
        rate = 0.2 * (1 - number / STEPS)
        new, moments = rule.reference(w, gradient, moments, number + 1, rate, **rule.filled(()))
        for early in states[3 * number : 3 * number + 2]:
            np.testing.assert_allclose(early["w"], w, rtol=1e-10)
        w = new
        moved.append(w)
        last = states[3 * number + 2]
        np.testing.assert_allclose(last["w"], w, rtol=1e-10)
        assert not last["w.gathered"].any()
        parts = 0.5 ** np.arange(number, -1, -1)
        expected = np.average(moved, axis=0, weights=parts)
        np.testing.assert_allclose(last["w.average"], expected, rtol=1e-10)


def test_an_overflow_in_one_batch_of_f16_loses_the_step_and_halves_the_scale_once():
    graph, objectives = model("sgd")
    step = add_training(graph, objectives, None, OPS, "f16", accumulate=3)
    given = batches(6)
    given[1] = np.full((4, 3), np.inf)
    before = {"w.gathered": np.zeros((3, 1)), "step": 0, "total": STEPS}
    state = before | {"w": np.ones((3, 1)), "loss_scale": 8.0, "loss_scale.good_steps": 0.0}
    for number, x in enumerate(given):
        state = state | interpret(step, state | {"x": x})
        assert (state["w"] == 1).all() == (number < 5)
        assert state["loss_scale"] == (8.0 if number < 2 else 4.0)
    assert state["loss_scale.good_steps"] == 1
