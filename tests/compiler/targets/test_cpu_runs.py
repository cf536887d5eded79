"""Neighbouring channels are packed together, whatever stands between an image and its product."""

import numpy as np
import pytest

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role, Value
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.table import OPS
from netc.compiler.targets.cpu import choose_tile
from netc.compiler.targets.cpu_operand import Way
from netc.compiler.targets.cpu_tiles import CpuMachine
from netc.compiler.targets.cpu_window_tile import WindowTile
from netc.compiler.targets.function import make_function

MACHINE = CpuMachine("avx2", vector_bytes=32, registers=16)
SAME = {"stride": (1, 1), "pad": ((1, 1), (1, 1)), "dilation": (1, 1)}


def image(build: Builder, *shape: int) -> Value:
    return build.input("x", TensorType("f32", shape), Role.FIELD)


def plain(build: Builder) -> Value:
    return image(build, 2, 9, 9, 8)


def joined(build: Builder) -> Value:
    return build.concat(image(build, 2, 9, 9, 32), image(build, 2, 9, 9, 16), axis=3)


def three(build: Builder) -> Value:
    parts = (image(build, 2, 5, 7, channels) for channels in (4, 12, 8))
    return build.concat(*parts, axis=3)


def enlarged(build: Builder) -> Value:
    small = build.reshape(image(build, 2, 4, 4, 8), shape=(2, 4, 1, 4, 1, 8))
    large = build.reshape(build.broadcast_to(small, (2, 4, 2, 4, 2, 8)), shape=(2, 8, 8, 8))
    return build.concat(large, image(build, 2, 8, 8, 8), axis=3)


def uneven(build: Builder) -> Value:
    return build.concat(image(build, 2, 5, 5, 8), image(build, 2, 5, 5, 3), axis=3)


def convolved(make) -> tuple[Graph, dict[str, np.ndarray]]:
    """A convolution over what `make` makes, and the gradient of its kernel."""
    build = Builder(OPS)
    x = make(build)
    kernel = image(build, 3, 3, x.type.shape[3], 5)
    y = build.conv2d(x, kernel, **SAME)
    upstream = image(build, *y.type.shape)
    back = build.conv2d_kernel_gradient(x, upstream, shape=kernel.type.shape, **SAME)
    graph = build.graph("runs", (Output("forward", y), Output("backward", back)))
    random = np.random.default_rng(3)
    inputs = {e.value.name: random.normal(size=e.value.type.shape).astype(np.float32)
              for e in graph.inputs}  # fmt: skip
    return graph, inputs


@pytest.mark.parametrize(
    "make, way, run",
    [
        (plain, Way.DIRECT, 8), (joined, Way.RUNS, 16), (three, Way.RUNS, 4),
        (enlarged, Way.RUNS, 8), (uneven, Way.ELEMENTS, 1),
    ],
)
def test_channels_are_packed_in_runs(make, way, run, run_on_cpu, within_rounding):
    graph, inputs = convolved(make)
    kernels = make_function(graph, 2, OPS, ()).kernels
    tiles = [choose_tile(kernel, MACHINE) for kernel in kernels]
    for tile in tiles:
        slides = isinstance(tile, WindowTile)  # else too few places for a window
        source = tile.source if slides else tile.left
        assert source.run == run or source.way is Way.DIRECT
        assert source.way is way or not slides
    assert isinstance(tiles[0], WindowTile)
    found, _ = run_on_cpu(graph, inputs)
    within_rounding(graph, inputs, found)


@pytest.mark.parametrize("rows, depth, columns", [(33, 40, 48), (5, 19, 35), (70, 300, 7)])
def test_a_transposed_operand_is_turned_in_squares(rows, depth, columns, run_on_cpu):
    build = Builder(OPS)
    x = image(build, rows, depth)
    kernel = build.input("kernel", TensorType("f32", (columns, depth)), Role.FIELD)
    y = build.matmul(x, build.transpose(kernel, axes=(1, 0)))
    graph = build.graph("turned", (Output("y", y),))
    (product,) = make_function(graph, rows, OPS, ()).kernels
    assert choose_tile(product, MACHINE).right.way is Way.TURNED
    whole = np.random.default_rng(4).integers(-9, 9, size=(rows + columns, depth))
    inputs = {"x": whole[:rows].astype(np.float32), "kernel": whole[rows:].astype(np.float32)}
    found, _ = run_on_cpu(graph, inputs)
    assert np.array_equal(found["y"], whole[:rows] @ whole[rows:].T)


@pytest.mark.parametrize(
    "depth, width, way",
    [(512, 384, Way.RUNS), (128, 384, Way.DIRECT), (512, 96, Way.DIRECT)],
)
def test_what_is_read_across_a_deep_block_is_packed(depth, width, way, run_on_cpu):
    build = Builder(OPS)
    x = image(build, depth, width)
    upstream = build.input("upstream", TensorType("f32", (depth, 64)), Role.FIELD)
    y = build.matmul(build.transpose(x, axes=(1, 0)), upstream)
    graph = build.graph("across", (Output("y", y),))
    (product,) = make_function(graph, depth, OPS, ()).kernels
    assert choose_tile(product, MACHINE).left.way is way
    whole = np.random.default_rng(4).integers(-9, 9, size=(depth, width + 64)).astype(np.float32)
    found, _ = run_on_cpu(graph, {"x": whole[:, :width], "upstream": whole[:, width:]})
    assert np.array_equal(found["y"], whole[:, :width].T @ whole[:, width:])


@pytest.mark.parametrize("channels, run", [(512, 32), (48, 48), (80, 40), (7, 1)])
def test_blocks_keep_neighbours_together(channels, run, run_on_cpu):
    """The gradient of a kernel over few places: the taps' channels are what is packed in runs."""
    build = Builder(OPS)
    same = {"stride": (1, 1), "pad": ((1, 1), (1, 1)), "dilation": (1, 1)}
    x = build.input("x", TensorType("f32", (2, 4, 4, channels)), Role.FIELD)
    upstream = build.input("upstream", TensorType("f32", (2, 4, 4, 32)), Role.FIELD)
    y = build.conv2d_kernel_gradient(x, upstream, shape=(3, 3, channels, 32), **same)
    graph = build.graph("taps", (Output("y", y),))
    (kernel,) = make_function(graph, 2, OPS, ()).kernels
    assert choose_tile(kernel, MACHINE).left.run == run
    random = np.random.default_rng(4)
    inputs = {e.value.name: random.integers(-4, 5, size=e.value.type.shape).astype(np.float32)
              for e in graph.inputs}  # fmt: skip
    found, expected = run_on_cpu(graph, inputs)
    assert np.array_equal(found["y"], expected["y"])
