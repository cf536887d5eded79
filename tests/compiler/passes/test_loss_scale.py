"""The scaled loss of f16: what it changes in a step, what it leaves, and what it saves."""

import numpy as np
import pytest

from netc.compiler.interpret import interpret
from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role, Update
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ir.verify import verify
from netc.compiler.ops.table import OPS
from netc.compiler.passes.lower_precision import lower_precision
from netc.compiler.passes.train import Objective, add_gradient_outputs, add_training
from netc.compiler.schedules import Rate

RATE = Rate("constant", (("rate", 0.1),))


def model(divisor: float = 1.0) -> tuple[Graph, tuple[Objective, ...]]:
    """loss = sum((x @ w) ** 2) / divisor, and adam on w; beside it a running mean of x."""
    build = Builder(OPS)
    x = build.input("x", TensorType("f32", (4, 3)), Role.FIELD)
    w = build.input("w", TensorType("f32", (3, 2)), Role.WEIGHT)
    y = build.matmul(x, w)
    loss = build.divide(build.sum(build.multiply(y, y), axes=(0, 1)), divisor)
    average = build.input("average", TensorType("f32", (3,)), Role.STATE)
    rest = build.multiply(build.subtract(build.sum(x, axes=(0,)), average), 0.1)
    moves = (Update(average, build.add(average, rest)),)
    graph = build.graph("model", (Output("loss", loss),), moves)
    return graph, (Objective(loss, "adam", (), RATE, (w,)),)


def step(precision: str) -> Graph:
    graph, objectives = model()
    graph = lower_precision(add_training(graph, objectives, None, OPS, precision), OPS, precision)
    verify(graph, OPS)
    return graph


@pytest.fixture
def state() -> dict[str, np.ndarray]:
    random = np.random.default_rng(2)
    arrays = {"x": random.normal(size=(4, 3)), "w": random.normal(size=(3, 2))}
    moments = {f"w.{name}": np.full((3, 2), 0.5) for name in ("mean", "square")}
    arrays |= {"average": random.normal(size=3)}
    return arrays | moments | {"step": 3, "loss_scale": 1024.0, "loss_scale.good_steps": 7.0}


def moments_of(graph: Graph, state) -> dict[str, np.ndarray]:
    """The state with a value for each of the optimizer's moments, whatever they are called."""
    names = [entry.value.name for entry in graph.inputs if entry.role is Role.MOMENT]
    return state | {n: np.full((3, 2), 0.5) for n in names if not n.startswith("loss_scale")}


def test_a_good_step_is_the_step_without_a_scale(state):
    """A power of two is exact on its way in and out."""
    scaled, plain = step("f16"), lower_precision(step("f32"), OPS, "f16")
    given = moments_of(scaled, state)
    found, expected = interpret(scaled, given), interpret(plain, given)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-6)
    assert found["loss_scale"] == 1024 and found["loss_scale.good_steps"] == 8
    assert found["step"] == 4 and np.any(found["average"] != given["average"])


@pytest.mark.parametrize("wrong", [np.inf, -np.inf, np.nan, 1e30])
def test_where_gradients_are_not_finite_nothing_moves_and_the_scale_halves(state, wrong):
    graph = step("f16")
    given = moments_of(graph, state)
    given["x"][1, 2] = wrong
    found = interpret(graph, given)
    names = [update.target.name for update in graph.updates if "scale" not in update.target.name]
    assert {"w", "step", "average"} < set(names)
    for name in names:
        np.testing.assert_array_equal(found[name], given[name])
    assert found["loss_scale"] == 512 and found["loss_scale.good_steps"] == 0


@pytest.mark.parametrize(("scale", "after"), [(1024.0, 2048.0), (2.0**24, 2.0**24)])
def test_after_many_good_steps_the_scale_doubles_up_to_its_limit(state, scale, after):
    graph = step("f16")
    given = moments_of(graph, state) | {"loss_scale": scale, "loss_scale.good_steps": 1999.0}
    given["x"] *= 1e-5
    found = interpret(graph, given)
    assert found["loss_scale"] == after and found["loss_scale.good_steps"] == 0


def test_the_scale_never_falls_below_one(state):
    graph = step("f16")
    given = moments_of(graph, state) | {"loss_scale": 1.0}
    given["x"][0, 0] = np.nan
    assert interpret(graph, given)["loss_scale"] == 1


def by_hand(steps, w: np.ndarray, scale: float) -> tuple[np.ndarray, float, int]:
    """Adam on w in f64, as its paper has it; what is not finite only halves the scale."""
    mean, square, count = np.zeros_like(w), np.zeros_like(w), 0
    for x in steps:
        if not np.isfinite(x).all():
            scale /= 2
            continue
        gradient = 2 * x.T @ (x @ w)
        count += 1
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        centred = np.sqrt(square / (1 - 0.999**count)) + 1e-8
        w = w - 0.1 * mean / (1 - 0.9**count) / centred
    return w, scale, count


def test_steps_with_some_left_out_are_those_written_out_by_hand(state):
    graph = step("f16")
    moments = [e.value.name for e in graph.inputs if e.role is Role.MOMENT]
    state |= {n: np.zeros((3, 2)) for n in moments if not n.startswith("loss_scale")}
    batches = np.random.default_rng(5).integers(-4, 5, (5, 4, 3)) / 8.0
    batches[0, 0, 0] = batches[3, 1, 1] = np.inf
    state["w"] = np.random.default_rng(6).integers(-4, 5, (3, 2)) / 8.0
    start, state["step"] = state["w"], 0
    for x in batches:
        state |= interpret(graph, state | {"x": x})
    expected, scale, count = by_hand(batches, start, 1024.0)
    np.testing.assert_allclose(state["w"], expected, rtol=5e-3)
    assert (state["loss_scale"], state["step"]) == (scale, count) == (256, 3)


def test_gradients_that_f16_cannot_hold_survive(state):
    graph, objectives = model(divisor=2.0**28)
    exact = interpret(add_gradient_outputs(graph, objectives, OPS), state)["w"]
    with_scale = add_gradient_outputs(graph, objectives, OPS, "f16")
    found = interpret(lower_precision(with_scale, OPS, "f16"), state | {"loss_scale": 65536.0})["w"]
    without = lower_precision(add_gradient_outputs(graph, objectives, OPS), OPS, "f16")
    assert not interpret(without, state)["w"].any()
    np.testing.assert_allclose(found, exact, rtol=1e-2)


def test_other_precisions_have_no_scale():
    for precision in ("f32", "tf32", "bf16"):
        assert step(precision).input("loss_scale") is None
