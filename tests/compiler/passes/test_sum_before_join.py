"""Sums of what is put side by side: what is summed by itself, and what has to stay as it is."""

import numpy as np
import pytest

from netc.compiler.interpret import interpret
from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role, Value
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.table import OPS
from netc.compiler.passes.remove_dead import remove_dead
from netc.compiler.passes.sum_before_join import axes_before, sum_before_join

HEADS = (3, 2, 5, 4)  # [batch, heads, time, channels]


def field(build: Builder, name: str, *shape: int) -> Value:
    return build.input(name, TensorType("f32", shape), Role.FIELD)


def merged(build: Builder, x: Value) -> Value:
    """Heads side by side: [batch, time, heads * channels]."""
    batch, heads, time, channels = x.type.shape
    turned = build.transpose(x, axes=(0, 2, 1, 3))
    return build.reshape(turned, shape=(batch, time, heads * channels))


def joined(build: Builder, axis: int = 2) -> Value:
    """Queries, and keys and values that lie in one tensor."""
    query, both = field(build, "query", *HEADS), field(build, "both", *HEADS[:3], 8)
    whole = {"steps": (1, 1, 1, 1)}
    key = build.slice(both, starts=(0, 0, 0, 0), stops=(*HEADS[:3], 4), **whole)
    value = build.slice(both, starts=(0, 0, 0, 4), stops=(*HEADS[:3], 8), **whole)
    return build.concat(*(merged(build, x) for x in (query, key, value)), axis=axis)


def summed(make, axes) -> Graph:
    build = Builder(OPS)
    return build.graph("sums", (Output("sum", build.sum(make(build), axes=axes)),))


def rows(build: Builder) -> Value:
    return build.reshape(joined(build), shape=(15, 24))


def waves(build: Builder) -> Value:
    parts = (field(build, "x", 3, 4), build.sin(field(build, "y", 3, 5)))
    return build.concat(*parts, axis=1)


CASES = [
    (joined, (0, 1), True), (joined, (0,), True), (joined, (1,), True), (rows, (0,), True),
    (joined, (2,), False), (joined, (0, 2), False), (rows, (1,), False), (waves, (0,), False),
    (lambda build: joined(build, axis=1), (0, 2), False),
    (lambda build: build.reshape(joined(build), shape=(3, 120)), (1,), False),
]  # fmt: skip


@pytest.mark.parametrize("make, axes, is_parted", CASES)
def test_what_lies_apart_is_summed_by_itself(make, axes, is_parted):
    graph = summed(make, axes)
    found = remove_dead(sum_before_join(graph, OPS))
    inputs = {entry.value.name for entry in found.inputs}
    sums = [node for node in found.nodes if node.op == "sum"]
    assert all(node.inputs[0].name in inputs for node in sums) == is_parted
    random = np.random.default_rng(3)
    values = {e.value.name: random.normal(size=e.value.type.shape) for e in graph.inputs}
    before, after = interpret(graph, values)["sum"], interpret(found, values)["sum"]
    np.testing.assert_allclose(after, before, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "old, new, axes, expected",
    [((2, 3, 4), (6, 4), (0,), (0, 1)), ((2, 3, 4), (6, 4), (1,), (2,)),
     ((6, 4), (2, 3, 4), (0, 1), (0,)), ((6, 4), (2, 3, 4), (0,), None),
     ((2, 6), (4, 3), (0,), None), ((2, 6), (4, 3), (0, 1), (0, 1)), ((5,), (5,), (0,), (0,))],
)  # fmt: skip
def test_axes_are_found_again_before_a_reshape(old, new, axes, expected):
    assert axes_before(old, new, axes) == expected
