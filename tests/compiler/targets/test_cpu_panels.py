"""Convolutions whose kernel no cache holds: a few filters at a time for many images, as C."""

import numpy as np
import pytest

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.table import OPS
from netc.compiler.targets.cpu import choose_tile
from netc.compiler.targets.cpu_operand import Way
from netc.compiler.targets.cpu_tiles import CpuMachine
from netc.compiler.targets.function import make_function

MACHINE = CpuMachine("avx512", 64, 32)
SAME = {"stride": (1, 1), "pad": ((1, 1), (1, 1)), "dilation": (1, 1)}
# images, channels, filters, threads: one image, as many as tasks share unevenly, a ragged panel
CASES = [((1, 30, 8), 240, 128, 1), ((5, 9, 8), 240, 128, 3), ((3, 17, 6), 200, 150, 2)]


def layer(size, channels: int, filters: int) -> Graph:
    """A convolution with a bias, and the gradient of its image."""
    build = Builder(OPS)
    x = build.input("x", TensorType("f32", (*size, channels)), Role.FIELD)
    kernel = build.input("kernel", TensorType("f32", (3, 3, channels, filters)), Role.FIELD)
    bias = build.input("bias", TensorType("f32", (filters,)), Role.FIELD)
    y = build.conv2d(x, kernel, **SAME)
    back = build.conv2d_image_gradient(y, kernel, shape=x.type.shape, **SAME)
    wide = build.broadcast_to(bias, y.type.shape)
    outputs = Output("y", build.relu(build.add(y, wide))), Output("back", back)
    return build.graph("panels", outputs)


@pytest.mark.parametrize("size, channels, filters, threads", CASES)
def test_filters_in_panels_give_what_numpy_does(run_on_cpu, size, channels, filters, threads):
    graph, random = layer(size, channels, filters), np.random.default_rng(2)
    inputs = {
        entry.value.name: random.integers(-2, 3, size=entry.value.type.shape).astype(np.float32)
        for entry in graph.inputs
    }
    tiles = [choose_tile(kernel, MACHINE) for kernel in make_function(graph, 1, OPS, ()).kernels]
    assert [tile.column_blocks for tile in tiles] == [-(-filters // 32), -(-channels // 32)]
    assert [tile.right.way for tile in tiles] == [Way.RUNS, Way.TURNED]
    assert all(tile.groups * tile.chunks >= tile.patches for tile in tiles)
    found, expected = run_on_cpu(graph, inputs, threads=threads)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_a_kernel_that_the_cache_holds_is_read_as_it_lies():
    graph = layer((8, 16, 16), 64, 128)
    tile, _ = (choose_tile(kernel, MACHINE) for kernel in make_function(graph, 1, OPS, ()).kernels)
    assert tile.column_blocks == 1 and tile.right.way is Way.DIRECT


@pytest.mark.parametrize("rows", [300, 390, 512, 650])
def test_blocks_of_rows_keep_all_cores_at_work(rows, run_on_cpu):
    """Of five blocks one core would have three, and the other two."""
    build, random = Builder(OPS), np.random.default_rng(2)
    a = build.input("a", TensorType("f32", (rows, 70)), Role.FIELD)
    b = build.input("b", TensorType("f32", (70, 128)), Role.FIELD)
    graph = build.graph("even", (Output("y", build.matmul(a, b)),))
    (kernel,) = make_function(graph, 1, OPS, ()).kernels
    tile = choose_tile(kernel, MACHINE)
    busiest = -(-tile.tasks // MACHINE.cores) * tile.block_rows * tile.block_columns
    assert busiest * MACHINE.cores <= 1.15 * rows * 128
    inputs = {e.value.name: random.integers(-3, 4, size=e.value.type.shape).astype(np.float32)
              for e in graph.inputs}  # fmt: skip
    found, expected = run_on_cpu(graph, inputs)
    np.testing.assert_array_equal(found["y"], expected["y"])
