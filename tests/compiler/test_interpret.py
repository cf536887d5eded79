"""Whole graphs through the interpreter: names of results, broadcasting, dtypes, refusals."""

import numpy as np
import pytest

from netc.compiler.interpret import evaluate_elements, interpret
from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Node, Output, Role, Update, Value
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.table import OPS


def f32(*shape: int) -> TensorType:
    return TensorType("f32", shape)


def descent() -> Graph:
    """One step of gradient descent on a line: loss out, weight updated."""
    build = Builder(OPS)
    x = build.input("x", f32(4, 1), Role.FIELD)
    weight = build.input("line.weight", f32(1, 3), Role.WEIGHT)
    y = build.matmul(x, weight)
    loss = build.sum(build.multiply(y, 0.5), axes=(0, 1))
    new = build.subtract(weight, build.multiply(weight, 0.25))
    return build.graph("step", (Output("loss", loss),), (Update(weight, new),))


def test_outputs_come_by_their_name_and_updates_by_their_target():
    x, weight = np.arange(4.0).reshape(4, 1), np.array([[1.0, 2.0, -1.0]])
    results = interpret(descent(), {"x": x, "line.weight": weight})
    assert set(results) == {"loss", "line.weight"}
    assert results["loss"] == 0.5 * 6 * 2
    np.testing.assert_array_equal(results["line.weight"], weight * 0.75)


def test_floats_are_computed_in_double_precision_and_whole_numbers_in_32_bits():
    build = Builder(OPS)
    tiny = build.add(build.input("x", f32(), Role.FIELD), 1e-12)
    wide = build.multiply(build.input("n", TensorType("i32", ()), Role.FIELD), 2)
    total = build.sum(build.input("m", TensorType("i32", (2,)), Role.FIELD), axes=(0,))
    outputs = (Output("tiny", tiny), Output("wide", wide), Output("total", total))
    values = {"x": 1.0, "n": 2**30, "m": np.array([2**30, 2**30])}
    results = interpret(build.graph("g", outputs), values)
    assert results["tiny"] == 1.0 + 1e-12
    assert results["wide"] == results["total"] == -(2**31)


@pytest.mark.parametrize(
    "shapes", [((3, 1), (4,)), ((), (2, 3)), ((2, 1, 3), (5, 1)), ((1,), (1, 1))]
)
def test_operands_broadcast_as_in_numpy(shapes):
    build, random = Builder(OPS), np.random.default_rng(1)
    arrays = [random.normal(size=shape) for shape in shapes]
    a, b = (build.input("ab"[i], f32(*shape), Role.FIELD) for i, shape in enumerate(shapes))
    graph = build.graph("g", (Output("c", build.subtract(a, b)),))
    (c,) = interpret(graph, dict(zip("ab", arrays, strict=True))).values()
    np.testing.assert_array_equal(c, arrays[0] - arrays[1])


def test_a_missing_or_misshapen_input_is_named():
    with pytest.raises(ValueError, match="input %line.weight: f32.1, 3. was not given"):
        interpret(descent(), {"x": np.zeros((4, 1))})
    with pytest.raises(ValueError, match="input %x: f32.4, 1. was given an array of shape .4."):
        interpret(descent(), {"x": np.zeros(4), "line.weight": np.zeros((1, 3))})


def test_reading_outside_of_a_tensor_is_an_error():
    x = Value("x", f32(3))
    bounds = (("starts", (2,)), ("steps", (1,)), ("stops", (4,)))
    node = Node("slice", (x,), (Value("y", f32(2)),), bounds)
    with pytest.raises(IndexError, match="read at 3"):
        evaluate_elements(node, (np.zeros(3),))
