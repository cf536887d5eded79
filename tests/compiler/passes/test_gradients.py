"""Gradients of whole graphs: against finite differences, and where they stop."""

import numpy as np

from netc.compiler.interpret import interpret
from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Origin, Output, Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ir.verify import verify
from netc.compiler.ops.table import OPS
from netc.compiler.passes.gradients import add_gradients


def f32(*shape: int) -> TensorType:
    return TensorType("f32", shape)


def differentiated(graph: Graph, loss_name: str, *wanted_names: str) -> Graph:
    """The graph with the gradients of its output as further outputs, `d <name>`."""
    build = Builder.extending(OPS, graph)
    loss = next(output.value for output in graph.outputs if output.name == loss_name)
    wanted = tuple(graph.input(name).value for name in wanted_names)
    gradients = add_gradients(build, loss, wanted, graph.nodes)
    outputs = tuple(Output(f"d {name}", value) for name, value in gradients.items())
    result = build.graph(graph.name, graph.outputs + outputs)
    verify(result, OPS)
    return result


def two_layers() -> Graph:
    """(x @ a + b) used twice, so that gradients meet: sum(h * h * x) with h = x @ a + b."""
    build = Builder(OPS)
    x = build.input("x", f32(2, 3), Role.FIELD)
    a = build.input("a", f32(3, 3), Role.WEIGHT)
    b = build.input("b", f32(3), Role.WEIGHT)
    with build.at(Origin(7, "net.dense_1")):
        h = build.add(build.matmul(x, a), b)
    with build.at(Origin(8)):
        loss = build.sum(build.multiply(build.multiply(h, h), x), axes=(0, 1))
    return build.graph("two_layers", (Output("loss", loss),))


def test_gradients_agree_with_finite_differences():
    graph = differentiated(two_layers(), "loss", "x", "a", "b")
    random = np.random.default_rng(1)
    point = {name: random.normal(size=graph.input(name).value.type.shape) for name in "xab"}
    gradients = interpret(graph, point)
    for name in "xab":
        direction = random.normal(size=point[name].shape)
        ends = (
            interpret(graph, point | {name: point[name] + s * direction}) for s in (1e-6, -1e-6)
        )
        above, below = (end["loss"] for end in ends)
        slope = np.sum(gradients[f"d {name}"] * direction)
        np.testing.assert_allclose(slope, (above - below) / 2e-6, rtol=1e-7)


def test_a_gradient_comes_from_the_line_of_the_node_it_differentiates():
    before = two_layers()
    after = differentiated(before, "loss", "a")
    backward = {node.origin for node in after.nodes[len(before.nodes) :]}
    assert backward == {Origin(7, "net.dense_1", "backward"), Origin(8, "", "backward")}


def test_a_value_that_the_loss_does_not_depend_on_has_gradient_zero():
    build = Builder(OPS)
    x, unused = (build.input(name, f32(2), Role.WEIGHT) for name in ("x", "unused"))
    build.multiply(x, unused)
    graph = build.graph("g", (Output("loss", build.sum(x, axes=(0,))),))
    result = interpret(
        differentiated(graph, "loss", "x", "unused"), {"x": [3, 4], "unused": [5, 6]}
    )
    assert result["d unused"].tolist() == [0, 0]
    assert result["d x"].tolist() == [1, 1]


def test_a_loss_that_depends_on_no_wanted_value_adds_only_zeros():
    build = Builder(OPS)
    x, w = (build.input(name, f32(), Role.WEIGHT) for name in ("x", "w"))
    graph = build.graph("g", (Output("loss", build.multiply(x, x)),))
    after = differentiated(graph, "loss", "w")
    assert [node.op for node in after.nodes] == ["multiply", "constant"]
    assert after.nodes[-1].named["value"] == 0.0


def test_the_loss_by_itself_is_one():
    build = Builder(OPS)
    x = build.input("x", f32(), Role.WEIGHT)
    graph = build.graph("g", (Output("loss", x),))
    assert interpret(differentiated(graph, "loss", "x"), {"x": 5.0})["d x"] == 1.0


def test_building_twice_gives_the_same_graph():
    first, second = (differentiated(two_layers(), "loss", "x", "a") for _ in range(2))
    assert first == second


def test_no_gradient_flows_where_an_op_has_none():
    build = Builder(OPS)
    x = build.input("x", f32(2), Role.WEIGHT)
    stopped = build.stop_gradient(x)
    whole = build.cast(build.cast(x, dtype="i32"), dtype="f32")
    loss = build.sum(build.multiply(build.add(stopped, whole), x), axes=(0,))
    gradients = add_gradients(build, loss, (x, stopped, whole), build.nodes[:])
    graph = build.graph("g", tuple(Output(name, value) for name, value in gradients.items()))
    result = interpret(graph, {"x": [1.5, 3.0]})
    assert result["x"].tolist() == [2.5, 6.0]  # the other factor: x and its whole part
    assert result[stopped.name].tolist() == result[whole.name].tolist() == [1.5, 3.0]
