"""Indices that are tensors, against NumPy's own."""

import numpy as np
import pytest

from netc.compiler.interpret import interpret
from netc.compiler.ops.table import OPS
from netc.compiler.passes.train import add_training

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(4, 5, 6))
I = RANDOM.integers(-4, 4, (4,)).astype(np.int32)  # noqa: E741
J = RANDOM.integers(0, 5, (4, 3)).astype(np.int32)

CASES = [
    "x[i]", "x[j // 2]", "x[i, :, 2:5]", "x[:, j]", "x[..., j]", "x[:, 1:, j]", "x[:, None, j]",
    "x[i, i]", "x[:, i, i]", "x[arange(N), i]", "x[arange(N)[:, None], j]", "x[i, i, i]",
    "x[::-1, j]",
]  # fmt: skip


@pytest.mark.parametrize("text", CASES)
def test_an_index_that_is_a_tensor_is_numpys(run_net, text):
    net = f"net f(x: f32[N, 5, 6], i: i32[N], j: i32[N, 3]) {{ return {text} }}"
    found = run_net(net, x=X, i=I, j=J).output
    expected = eval(text, {"x": X, "i": I, "j": J, "arange": np.arange, "N": 4})
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


def test_a_number_outside_of_its_axis_gives_zeros(run_net):
    net = "net f(x: f32[N, 5], i: i32[N]) { return x[arange(N), i] }"
    x = RANDOM.normal(size=(4, 5))
    found = run_net(net, x=x, i=np.array([-6, -5, 4, 5], np.int32)).output
    assert found.tolist() == [0, x[1, 0], x[2, 4], 0]


def test_the_gradient_goes_where_the_elements_come_from(load):
    model = load("""
    net f(i: i32[N]) { weight w: f32[3, 5] = ones return w[i, i + 1] }
    train { take i: i32[N] from feed minimize sum(f(i)) with sgd(lr=1.0) batch 4 }
    """)
    from_step = model.trace_step(4)
    graph, (objective,) = from_step.graph, from_step.objectives
    trained = add_training(graph, (objective,), None, OPS)
    w = RANDOM.normal(size=(3, 5))
    after = interpret(trained, {"f.w": w, "i": np.array([0, 2, 2, -3], np.int32), "step": 0})["f.w"]
    expected = w.copy()
    np.subtract.at(expected, ([0, 2, 2, 0], [1, 3, 3, -2]), 1.0)
    np.testing.assert_allclose(after, expected)


@pytest.mark.parametrize("index", ["x[i * 1.0]", "x[i > 0]", "x[i, 0]", "x[i, :, i]"])
def test_what_is_no_index_is_told(faults, index):
    (found,) = faults(f"net f(x: f32[N, 4, 4], i: i32[N]) {{ return {index} }}")
    assert found.code in ("E0209", "E0315")
