"""Strided image gradients by phases: the same sums, for every geometry, without spreading zeros."""

from itertools import product

import pytest

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.table import OPS
from netc.compiler.passes.strided_gradients import strided_gradients

SIZES = ((1, 1), (2, 3), (3, 2), (5, 4))


def gradient_graph(window, stride, pad, size=(7, 9)) -> Graph:
    """The image gradient of a convolution from 2 to 3 channels."""
    build = Builder(OPS)
    geometry = {"stride": stride, "pad": pad, "dilation": (1, 1)}
    image, kernel = TensorType("f32", (2, *size, 2)), TensorType("f32", (*window, 2, 3))
    upstream = build.input("u", OPS["conv2d"].type(image, kernel, **geometry), Role.FIELD)
    weights = build.input("w", kernel, Role.FIELD)
    y = build.conv2d_image_gradient(upstream, weights, shape=image.shape, **geometry)
    return build.graph("test", (Output("y", y),))


def ops_of(graph: Graph) -> set[str]:
    return {node.op for node in graph.nodes}


@pytest.mark.parametrize("window, stride", list(product(SIZES, ((2, 2), (1, 3), (3, 2), (4, 4)))))
@pytest.mark.parametrize("pad", [((0, 0), (0, 0)), ((1, 0), (0, 2)), ((2, 2), (1, 1))])
def test_phases_add_up_to_the_gradient(same_results, window, stride, pad):
    graph = gradient_graph(window, stride, pad)
    result = strided_gradients(graph, OPS)
    same_results(graph, result, special=False)
    fits = all(max(sides) < size for sides, size in zip(pad, window, strict=True))
    assert not fits or "conv2d_image_gradient" not in ops_of(result)


def test_no_more_is_multiplied_than_the_kernel_asks_for():
    result = strided_gradients(gradient_graph((3, 3), (2, 2), ((1, 1), (1, 1)), (16, 16)), OPS)
    (found,) = (node for node in result.nodes if node.op == "conv2d")
    spread = 2 * (2 * 16 * 16 * 2) * (3 * 3 * 3)
    assert OPS["conv2d"].flops(found) < 0.6 * spread


def test_a_padding_wider_than_the_kernel_and_plain_strides_stay_as_they_are():
    for window, stride, pad in ((1, 2, 3), (3, 1, 1)):
        graph = gradient_graph((window,) * 2, (stride,) * 2, ((pad, pad),) * 2)
        assert strided_gradients(graph, OPS) == graph
