"""Winograd's way: the same sums for every size and padding, by fewer products, where that pays."""

from dataclasses import replace
from itertools import product

import pytest

from netc.compiler.functions import SPLITS, lay_out, trace
from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.language.model import load_model
from netc.compiler.ops.table import OPS
from netc.compiler.passes.split_reductions import split_reductions
from netc.compiler.passes.winograd import winograd

PLAIN = {"stride": (1, 1), "dilation": (1, 1)}
PADS = (((0, 0), (0, 0)), ((1, 1), (1, 1)), ((2, 0), (1, 2)))
NET = """
net f(x: f32[N, 12, 12, 32]) { return x -> conv2d(32, 3) -> flatten -> dense(1) }
train {
    take x: f32[N, 12, 12, 32] from feed
    minimize mean(f(x)) with sgd(lr=0.1)
    batch 8
    SETTINGS
}
"""
FREE = replace(SPLITS["cpu"], combining=0.0)  # where only products are counted


def convolution_graph(image, filters, pad, size=(3, 3), **geometry) -> Graph:
    """A convolution and both its gradients, alone."""
    build, geometry = Builder(OPS), PLAIN | geometry | {"pad": pad}
    x = build.input("x", TensorType("f32", image), Role.FIELD)
    w = build.input("w", TensorType("f32", (*size, image[3], filters)), Role.FIELD)
    y = build.conv2d(x, w, **geometry)
    u = build.input("u", y.type, Role.FIELD)
    dx = build.conv2d_image_gradient(u, w, shape=image, **geometry)
    dw = build.conv2d_kernel_gradient(x, u, shape=w.type.shape, **geometry)
    named = {"y": y, "dx": dx, "dw": dw}
    return build.graph("test", tuple(Output(name, value) for name, value in named.items()))


def ops_of(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes if node.op.startswith(("conv2d", "matmul"))]


def flops_of(graph: Graph) -> int:
    contractions = (node for node in graph.nodes if OPS[node.op].contraction)
    return sum(OPS[node.op].flops(node) for node in contractions)


@pytest.mark.parametrize("size, pad", list(product(((4, 4), (5, 7), (3, 8), (6, 3)), PADS)))
def test_the_sums_are_those_of_the_convolution(same_results, size, pad):
    graph = convolution_graph((2, *size, 3), 4, pad)
    result = winograd(graph, OPS, FREE)
    same_results(graph, result, special=False)
    assert "matmul" in ops_of(result) or min(size) + sum(pad[0]) < 4


def test_whole_squares_multiply_two_and_a_quarter_times_less():
    graph = convolution_graph((2, 8, 6, 3), 4, PADS[1])
    result = winograd(graph, OPS, FREE)
    assert ops_of(result) == ["matmul"] * 3
    assert flops_of(graph) == 2.25 * flops_of(result)


@pytest.mark.parametrize(
    "other",
    [{"stride": (2, 1)}, {"dilation": (1, 2)}, {"size": (3, 1)}, {"pad": ((3, 1), (1, 1))}],
)
def test_other_convolutions_stay_as_they_are(other):
    graph = convolution_graph((2, 9, 9, 3), 4, **{"pad": PADS[0]} | other)
    assert winograd(graph, OPS, FREE) == graph


def test_no_more_is_multiplied_where_squares_reach_far_over_the_edge():
    graph = convolution_graph((4, 3, 3, 8), 8, PADS[0])  # one result of the four of a square
    assert winograd(graph, OPS, FREE) == graph


@pytest.mark.parametrize("axis, is_taken", [(3, False), (1, True)])
def test_channels_that_are_put_side_by_side_are_not_combined(axis, is_taken):
    build = Builder(OPS)
    x, y = (build.input("x", TensorType("f32", (2, 8, 8, 8)), Role.FIELD) for _ in range(2))
    image = build.relu(build.concat(x, y, axis=axis))
    w = build.input("w", TensorType("f32", (3, 3, image.type.shape[3], 8)), Role.FIELD)
    found = build.conv2d(image, w, stride=(1, 1), dilation=(1, 1), pad=((1, 1), (1, 1)))
    result = winograd(build.graph("joined", (Output("found", found),)), OPS, FREE)
    assert any(node.op == "combine" for node in result.nodes) == is_taken


@pytest.mark.parametrize("axis, is_split", [(3, True), (1, False)])
def test_only_what_is_rewritten_is_left_whole(axis, is_split):
    """A kernel's gradient that stays as it is has as few tasks as ever."""
    build = Builder(OPS)
    x, y = (build.input("x", TensorType("f32", (32, 16, 16, 64)), Role.FIELD) for _ in range(2))
    image = build.concat(x, y, axis=axis)
    up = build.input("up", TensorType("f32", (*image.type.shape[:3], 8)), Role.FIELD)
    named = PLAIN | {"pad": ((1, 1), (1, 1)), "shape": (3, 3, image.type.shape[3], 8)}
    slope = build.conv2d_kernel_gradient(image, up, **named)
    graph = build.graph("joined", (Output("slope", slope),))
    facts = replace(SPLITS["cpu"], combining=0.0, minimum_tasks=64)
    split = split_reductions(graph, OPS, facts)
    assert (split != graph) == is_split


@pytest.mark.parametrize("channels, images, is_taken", [(64, 32, True), (8, 32, False)])
def test_it_is_taken_where_many_channels_pay_for_what_is_moved(channels, images, is_taken):
    graph = convolution_graph((images, 16, 16, channels), channels, PADS[1])
    result = winograd(graph, OPS, SPLITS["cpu"])
    assert ops_of(result) == (["matmul"] * 3 if is_taken else ops_of(graph))
    assert winograd(graph, OPS, SPLITS["cuda"]) == graph


@pytest.mark.parametrize(
    "settings, is_taken", [("", True), ("winograd false", False), ("precision tf32", False)]
)
def test_a_program_can_refuse_it_and_other_precisions_do(tmp_path, settings, is_taken):
    path = tmp_path / "small.net"
    path.write_text(NET.replace("SETTINGS", settings))
    model = load_model(path, {}, None)
    made = lay_out(trace(model), lambda *stage: None, model.settings)
    taken = {
        target: any(node.op == "combine" for node in functions[0].graph.nodes)
        for target, functions in made.items()
    }
    assert taken == {"cpu": is_taken, "cuda": False}
