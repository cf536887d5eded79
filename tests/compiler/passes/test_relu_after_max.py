"""relu behind a max: the same numbers, NaN included, on fewer elements; text in, text out."""

import numpy as np
import pytest

from netc.compiler.interpret import interpret
from netc.compiler.ir.text import parse_graph
from netc.compiler.ops.table import OPS
from netc.compiler.passes.relu_after_max import relu_after_max
from netc.compiler.passes.train import Objective, add_gradient_outputs

IMAGE = "input %x: f32[1, 4, 4, 3] field"
WINDOWS = (
    "{}: f32[1, 2, 2, 2, 2, 3] = windows({}) dilation=(1, 1) fill={} pad=((0, 0), (0, 0)) "
    "size=(2, 2) stride=(2, 2)"
)


def swap(graph):
    return relu_after_max(graph, OPS)


def test_a_pool_comes_before_its_relu(rewrites):
    rewrites(
        swap,
        f"{IMAGE}\n%r: f32[1, 4, 4, 3] = relu(%x)\n{WINDOWS.format('%w', '%r', '-inf')}\n"
        "%y: f32[1, 2, 2, 3] = max(%w) axes=(3, 4)",
        f"{IMAGE}\n%r: f32[1, 4, 4, 3] = relu(%x)\n{WINDOWS.format('%w', '%r', '-inf')}\n"
        f"{WINDOWS.format('%windows', '%x', '-inf')}\n"
        "%max: f32[1, 2, 2, 3] = max(%windows) axes=(3, 4)\n"
        '%relu: f32[1, 2, 2, 3] = relu(%max)\noutput "y" = %relu',
    )


def test_a_global_max_comes_before_its_relu(same_results):
    graph = parse_graph(
        f'graph "g"\n{IMAGE}\n%r: f32[1, 4, 4, 3] = relu(%x)\n'
        '%y: f32[1, 3] = max(%r) axes=(1, 2)\noutput "y" = %y'
    )
    assert swap(graph).nodes[-1].op == "relu"
    same_results(graph, swap(graph))


@pytest.mark.parametrize("fill, also", [("1.0", ""), ("-inf", 'output "r" = %r\n')])
def test_what_others_read_or_a_fill_above_zero_stays(rewrites, fill, also):
    text = (
        f"{IMAGE}\n%r: f32[1, 4, 4, 3] = relu(%x)\n{WINDOWS.format('%w', '%r', fill)}\n"
        f'%y: f32[1, 2, 2, 3] = max(%w) axes=(3, 4)\n{also}output "y" = %y'
    )
    rewrites(swap, text, text)


def test_the_gradient_is_the_same():
    """Where no two elements of a window are alike; those that relu made alike get none anyhow."""
    kernel = "input %k: f32[1, 4, 4, 3] weight"
    graph = parse_graph(
        f'graph "g"\n{kernel}\n%r: f32[1, 4, 4, 3] = relu(%k)\n'
        f"{WINDOWS.format('%w', '%r', '-inf')}\n%m: f32[1, 2, 2, 3] = max(%w) axes=(3, 4)\n"
        '%y: f32[] = sum(%m) axes=(0, 1, 2, 3)\noutput "y" = %y'
    )
    (loss,), (weight,) = (o.value for o in graph.outputs), (e.value for e in graph.inputs)
    objective = Objective(loss, "sgd", {}, 0.1, (weight,))
    numbers = {"k": np.random.default_rng(0).normal(size=(1, 4, 4, 3))}
    found = [
        interpret(add_gradient_outputs(one, (objective,), OPS), numbers)["k"]
        for one in (graph, swap(graph))
    ]
    assert 0 < np.count_nonzero(found[0]) <= 12
    np.testing.assert_array_equal(found[0], found[1])
