"""Convolutions with few filters, all of whose taps across are multiplied at once, as C."""

import numpy as np
import pytest

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.table import OPS
from netc.compiler.targets.cpu import choose_tile, render_function
from netc.compiler.targets.cpu_tiles import CpuMachine
from netc.compiler.targets.cpu_window_tile import WindowTile
from netc.compiler.targets.function import make_function

WIDE, HALF = CpuMachine("avx512", 64, 32), CpuMachine("avx2", 32, 16)
# the image, the convolution's window and filters, padding (down, across), stride and dilation down
CASES = (
    ((2, 14, 14, 16), (5, 5), 6, ((2, 2), (2, 2)), 1, 1),
    ((1, 40, 33, 20), (3, 5), 3, ((0, 0), (0, 0)), 1, 1),
    ((3, 11, 9, 24), (1, 4), 1, ((0, 0), (1, 2)), 1, 1),
    ((2, 15, 20, 33), (3, 3), 4, ((3, 1), (0, 2)), 2, 1),
    ((2, 12, 7, 40), (2, 7), 4, ((1, 1), (6, 6)), 1, 3),
    ((1, 3, 24, 24), (5, 4), 2, ((12, 5), (1, 2)), 2, 2),  # the first lines see no image
)


class Narrow:
    """A graph of convolutions with a bias, on small whole numbers."""

    def __init__(self) -> None:
        self.build, self.inputs, self.outputs = Builder(OPS), {}, []
        random = np.random.default_rng(4)
        for shape, window, filters, pad, stride, dilation in CASES:
            geometry = {"pad": pad, "stride": (stride, 1), "dilation": (dilation, 1)}
            x, kernel = self.tensor(random, *shape), self.tensor(random, *window, shape[3], filters)
            y = self.build.conv2d(x, kernel, **geometry)
            bias = self.build.broadcast_to(self.tensor(random, filters), y.type.shape)
            self.out(self.build.relu(self.build.add(y, bias)))

    def tensor(self, random, *shape: int):
        value = self.build.input("x", TensorType("f32", shape), Role.FIELD)
        self.inputs[value.name] = random.integers(-3, 4, size=shape).astype(np.float32)
        return value

    def out(self, value) -> None:
        self.outputs.append(Output(f"out{len(self.outputs)}", value))

    @property
    def graph(self) -> Graph:
        return self.build.graph("narrow", tuple(self.outputs))


def tiles(graph: Graph, machine: CpuMachine) -> list[WindowTile]:
    return [choose_tile(kernel, machine) for kernel in make_function(graph, 1, OPS, ()).kernels]


@pytest.mark.parametrize("threads", [1, 3])
def test_all_taps_across_give_what_numpy_does(run_on_cpu, threads):
    graph = Narrow().graph
    assert all(tile.across for tile in tiles(graph, WIDE))
    found, expected = run_on_cpu(graph, Narrow().inputs, threads=threads)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_the_gradient_of_an_image_with_few_channels_is_one():
    build = Builder(OPS)
    kernel = build.input("kernel", TensorType("f32", (5, 5, 6, 16)), Role.FIELD)
    upstream = build.input("upstream", TensorType("f32", (8, 10, 10, 16)), Role.FIELD)
    geometry = {"stride": (1, 1), "pad": ((0, 0), (0, 0)), "dilation": (1, 1)}
    y = build.conv2d_image_gradient(upstream, kernel, shape=(8, 14, 14, 6), **geometry)
    graph = build.graph("back", (Output("y", y),))
    (tile,) = tiles(graph, WIDE)
    assert tile.depth_walk.count == 5 * 16 and tile.columns_used == 5 * 6
    assert tile.rows_walk.run == 10 and tile.results_line == 14
    assert tiles(graph, HALF)[0].across is None  # 30 columns are more than two of its vectors


@pytest.mark.parametrize(
    "shape, window, filters, stride",
    [
        ((2, 28, 28, 1), (3, 3), 6, 1),  # adding up costs more than it saves
        ((2, 28, 28, 16), (5, 1), 6, 1),
        ((2, 28, 28, 16), (5, 5), 16, 1),
        ((2, 28, 28, 16), (5, 5), 6, 2),
    ],
)
def test_other_windows_are_multiplied_tap_by_tap(shape, window, filters, stride):
    build = Builder(OPS)
    x = build.input("x", TensorType("f32", shape), Role.FIELD)
    kernel = build.input("kernel", TensorType("f32", (*window, shape[3], filters)), Role.FIELD)
    geometry = {"stride": (1, stride), "pad": ((0, 0), (0, 0)), "dilation": (1, 1)}
    y = build.conv2d(x, kernel, **geometry)
    (tile,) = tiles(build.graph("plain", (Output("y", y),)), WIDE)
    assert isinstance(tile, WindowTile) and tile.across is None


def test_what_is_alike_in_every_row_is_read_side_by_side(run_on_cpu):
    """A bias and a scale of three columns, one under a name that the other's copy would take; a
    tensor with a number for each element is none."""
    build, random = Builder(OPS), np.random.default_rng(5)
    shapes = {
        "x": (2, 20, 23, 2), "kernel": (3, 2, 2, 3), "bias": (3,), "bias_again": (3,),
        "other": (2, 18, 22, 3),
    }  # fmt: skip
    values = {
        name: build.input(name, TensorType("f32", shape), Role.FIELD)
        for name, shape in shapes.items()
    }
    geometry = {"stride": (1, 1), "pad": ((0, 0), (0, 0)), "dilation": (1, 1)}
    y = build.conv2d(values["x"], values["kernel"], **geometry)
    for name in ("bias", "bias_again"):
        wide = build.broadcast_to(values[name], y.type.shape)
        y = build.multiply(build.add(y, wide), wide)
    graph = build.graph("bias", (Output("y", build.add(y, values["other"])),))
    inputs = {n: random.integers(-3, 4, size=s).astype(np.float32) for n, s in shapes.items()}
    function = make_function(graph, 1, OPS, ())
    assert choose_tile(function.kernels[0], WIDE).is_flat and len(function.kernels) == 1
    source = render_function(function, WIDE, ())
    assert "bias_again_again[192]" in source and "bias_again_[192]" in source
    found, expected = run_on_cpu(graph, inputs)
    np.testing.assert_array_equal(found["y"], expected["y"])
