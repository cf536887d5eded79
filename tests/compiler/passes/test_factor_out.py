"""Sums of products that share a factor: multiplied once, and what has to stay as it is."""

import numpy as np
import pytest

from netc.compiler.interpret import interpret
from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.table import OPS
from netc.compiler.passes.factor_out import factor_out
from netc.compiler.passes.remove_dead import remove_dead

CASES = {  # of x, a and b: the sum, and how many multiplications are left
    "two terms": (lambda f, x, a, b: f.add(f.multiply(x, a), f.multiply(b, x)), 1),
    "numbers between": (
        lambda f, x, a, b: f.add(
            f.multiply(f.multiply(x, a), 0.5), f.multiply(f.multiply(f.multiply(b, x), a), 0.25)
        ),
        4,  # a too is shared: only the first of them is taken out
    ),
    "nothing shared": (lambda f, x, a, b: f.add(f.multiply(x, x), f.multiply(a, b)), 2),
    "a number shared": (lambda f, x, a, b: f.add(f.multiply(a, 0.5), f.multiply(b, 0.5)), 2),
    "nothing left": (lambda f, x, a, b: f.add(x, f.multiply(x, a)), 1),
    "whole numbers": (
        lambda f, x, a, b: f.add(
            *(f.multiply(f.cast(x, dtype="i32"), f.cast(one, dtype="i32")) for one in (a, b))
        ),
        2,
    ),
}


def graph_of(make) -> Graph:
    build = Builder(OPS)
    x, a, b = (build.input(name, TensorType("f32", (3, 4)), Role.FIELD) for name in "xab")
    return build.graph("sums", (Output("y", make(build, x, a, b)),))


@pytest.mark.parametrize("name", CASES)
def test_what_two_products_share_is_multiplied_by_once(name):
    make, expected = CASES[name]
    graph = graph_of(make)
    found = remove_dead(factor_out(graph, OPS))
    assert [node.op for node in found.nodes].count("multiply") == expected
    random = np.random.default_rng(2)
    values = {e.value.name: random.integers(-4, 5, (3, 4)) / 2 for e in graph.inputs}
    np.testing.assert_array_equal(interpret(found, values)["y"], interpret(graph, values)["y"])


def test_a_product_that_others_read_too_stays():
    build = Builder(OPS)
    x, a, b = (build.input(name, TensorType("f32", (3, 4)), Role.FIELD) for name in "xab")
    product = build.multiply(x, a)
    total = build.add(product, build.multiply(x, b))
    graph = build.graph("sums", (Output("y", total), Output("product", product)))
    assert factor_out(graph, OPS) == graph
