"""Whole training steps: their updates against NumPy written out here, step after step."""

import numpy as np
import pytest

from netc.compiler.interpret import interpret
from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Origin, Output, Role, Update, Value
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ir.verify import verify
from netc.compiler.ops.table import OPS
from netc.compiler.optimizers.table import OPTIMIZERS
from netc.compiler.passes.train import Objective, add_gradient_outputs, add_training
from netc.compiler.schedules import Rate

ROWS, WIDTH = 4, 3
CONSTANT = Rate("constant", (("rate", 0.1),))


def f32(*shape: int) -> TensorType:
    return TensorType("f32", shape)


def linear_model() -> tuple[Graph, Value, tuple[Value, ...]]:
    """loss = mean((x @ w + b - y) ** 2), with a state that counts rows; its weights w and b."""
    build = Builder(OPS)
    x = build.input("x", f32(ROWS, WIDTH), Role.FIELD)
    y = build.input("y", f32(ROWS, 1), Role.FIELD)
    w = build.input("net.w", f32(WIDTH, 1), Role.WEIGHT)
    b = build.input("net.b", f32(1), Role.WEIGHT)
    rows = build.input("net.rows", f32(), Role.STATE)
    error = build.subtract(build.add(build.matmul(x, w), b), y)
    with build.at(Origin(11, "train")):
        total = build.sum(build.multiply(error, error), axes=(0, 1))
        loss = build.divide(total, float(ROWS))
    seen = Update(rows, build.add(rows, float(ROWS)))
    return build.graph("linear", (Output("loss", loss),), (seen,)), loss, (w, b)


def model_gradients(w, b, x, y):
    error = x @ w + b - y
    return 2 * x.T @ error / ROWS, np.array([2 * error.sum() / ROWS])


def batches(count: int):
    random = np.random.default_rng(3)
    for _ in range(count):
        yield {"x": random.normal(size=(ROWS, WIDTH)), "y": 5 * random.normal(size=(ROWS, 1))}


def persistent(graph: Graph) -> dict[str, np.ndarray]:
    """Everything that lasts from step to step, before the first one: weights 0.5, the rest zero."""
    lasting = [entry for entry in graph.inputs if entry.role is not Role.FIELD]
    return {
        entry.value.name: np.full(entry.value.type.shape, 0.5 * (entry.role is Role.WEIGHT))
        for entry in lasting
    }


def test_sgd_with_momentum_trains_as_written_out():
    graph, loss, weights = linear_model()
    objective = Objective(loss, "sgd", (("momentum", 0.9),), CONSTANT, weights)
    step = add_training(graph, (objective,), None, OPS)
    verify(step, OPS)
    state, w, b = persistent(step), np.full((WIDTH, 1), 0.5), np.full(1, 0.5)
    velocity = [0.0, 0.0]
    for number, batch in enumerate(batches(3)):
        state |= interpret(step, state | batch)
        gradients = model_gradients(w, b, **batch)
        velocity = [0.9 * v + g for v, g in zip(velocity, gradients, strict=True)]
        w, b = w - 0.1 * velocity[0], b - 0.1 * velocity[1]
        np.testing.assert_allclose(state["net.w"], w, rtol=1e-12)
        np.testing.assert_allclose(state["net.b"], b, rtol=1e-12)
        np.testing.assert_allclose(state["net.w.velocity"], velocity[0], rtol=1e-12)
        assert state["step"] == number + 1
        assert state["net.rows"] == (number + 1) * ROWS  # the graph's own update is kept


def test_adam_counts_its_first_step_as_one_and_follows_its_schedule():
    graph, loss, weights = linear_model()
    rate = Rate("linear", (("start", 0.5),))
    step = add_training(graph, (Objective(loss, "adam", (), rate, weights),), None, OPS)
    verify(step, OPS)
    state, adam = persistent(step) | {"total": 4}, OPTIMIZERS["adam"]
    w, moments = state["net.w"], {"mean": 0.0, "square": 0.0}
    for number, batch in enumerate(batches(2)):
        gradient, _ = model_gradients(w, state["net.b"], **batch)
        rate = (0.5, 0.375)[number]
        state |= interpret(step, state | batch)
        w, moments = adam.reference(w, gradient, moments, number + 1, rate, **adam.filled(()))
        np.testing.assert_allclose(state["net.w"], w, rtol=1e-12)
        np.testing.assert_allclose(state["net.w.square"], moments["square"], rtol=1e-12)
    assert {entry.value.name for entry in step.inputs if entry.role is Role.MOMENT} == {
        "net.w.mean", "net.w.square", "net.b.mean", "net.b.square",
    }  # fmt: skip


@pytest.mark.parametrize("limit", [0.01, 1e6])
def test_clip_scales_all_gradients_by_their_common_norm(limit):
    graph, loss, weights = linear_model()
    objective = Objective(loss, "sgd", (), CONSTANT, weights)
    step = add_training(graph, (objective,), limit, OPS)
    (batch,) = batches(1)
    start = persistent(step)
    after = interpret(step, start | batch)
    gradients = model_gradients(start["net.w"], start["net.b"], **batch)
    norm = np.sqrt(sum(np.sum(gradient**2) for gradient in gradients))
    scale = min(1.0, limit / (norm + 1e-6))
    for name, gradient in zip(("net.w", "net.b"), gradients, strict=True):
        np.testing.assert_allclose(after[name], start[name] - 0.1 * scale * gradient, rtol=1e-12)


def test_new_nodes_are_marked_as_backward_or_update():
    graph, loss, weights = linear_model()
    step = add_training(graph, (Objective(loss, "adamw", (), CONSTANT, weights),), 1.0, OPS)
    phases = [node.origin.phase for node in step.nodes[len(graph.nodes) :]]
    assert set(phases) == {"backward", "update"}
    producers = step.producers()
    assert {producers[update.value.name].origin.phase for update in step.updates} == {
        "update", "forward",
    }  # fmt: skip
    assert producers[step.updates[1].value.name].origin == Origin(11, "net.w", "update")


def test_the_counter_of_the_forward_graph_is_used_where_it_has_one():
    build = Builder(OPS)
    step = build.input("step", TensorType("i32", ()), Role.COUNTER)
    w = build.input("w", f32(), Role.WEIGHT)
    loss = build.multiply(w, build.cast(step, dtype="f32"))
    graph = build.graph("g", (Output("loss", loss),))
    after = add_training(graph, (Objective(loss, "sgd", (), CONSTANT, (w,)),), None, OPS)
    verify(after, OPS)
    assert [entry.value.name for entry in after.inputs] == ["step", "w"]
    assert interpret(after, {"step": 6, "w": 1.0})["step"] == 7


def test_a_later_objective_sees_the_weights_that_an_earlier_one_moved():
    """a falls by d(a * b)/da = b first; then b by d(a * b)/db, which is the new a."""
    build = Builder(OPS)
    a, b = (build.input(name, f32(), Role.WEIGHT) for name in "ab")
    loss = build.multiply(a, b)
    graph = build.graph("duel", (Output("loss", loss),))
    rate = Rate("constant", (("rate", 1.0),))
    duel = tuple(Objective(loss, "sgd", (), rate, (weight,)) for weight in (a, b))
    step = add_training(graph, duel, None, OPS)
    verify(step, OPS)
    assert interpret(step, {"a": 5.0, "b": 2.0, "step": 0}) == {
        "loss": 10.0, "a": 3.0, "b": -1.0, "step": 1,
    }  # fmt: skip


def test_a_weight_of_two_objectives_moves_twice():
    build = Builder(OPS)
    a, b = (build.input(name, f32(), Role.WEIGHT) for name in "ab")
    product, square = build.multiply(a, b), build.multiply(a, a)
    graph = build.graph("two", (Output("product", product), Output("square", square)))
    rate, momentum = Rate("constant", (("rate", 0.5),)), (("momentum", 0.5),)
    both = tuple(Objective(loss, "sgd", momentum, rate, (a,)) for loss in (product, square))
    step = add_training(graph, both, None, OPS)
    verify(step, OPS)
    after = interpret(step, {"a": 5.0, "b": 2.0, "step": 0, "a.velocity": 0, "a.velocity_2": 0})
    assert after["a"] == 0.0  # 5 - 0.5 * 2 is 4, and 4 - 0.5 * 2 * 4 is 0
    assert (after["a.velocity"], after["a.velocity_2"]) == (2.0, 8.0)


def test_gradient_outputs_leave_the_weights_alone():
    graph, loss, weights = linear_model()
    objective = Objective(loss, "sgd", (), CONSTANT, weights)
    after = add_gradient_outputs(graph, (objective, objective), OPS)
    verify(after, OPS)
    assert after.updates == ()
    assert [output.name for output in after.outputs] == ["loss", "net.w", "net.b"]
    (batch,) = batches(1)
    start = persistent(graph)
    found = interpret(after, start | batch)
    gradients = model_gradients(start["net.w"], start["net.b"], **batch)
    for name, gradient in zip(("net.w", "net.b"), gradients, strict=True):
        np.testing.assert_allclose(found[name], 2 * gradient, rtol=1e-12)
