"""Gradients of kernels with few filters, whose slopes are multiplied side by side, as C."""

import numpy as np
import pytest

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.table import OPS
from netc.compiler.targets.cpu import choose_tile
from netc.compiler.targets.cpu_tiles import CpuMachine
from netc.compiler.targets.function import make_function

WIDE, HALF = CpuMachine("avx512", 64, 32), CpuMachine("avx2", 32, 16)
# the images, the window, its filters, padding (down, across), stride and dilation down, parts, and
# whether what the right side reads is computed
CASES = (
    ((8, 28, 28, 1), (5, 5), 6, ((2, 2), (2, 2)), 1, 1, 4, True),
    ((3, 20, 33, 2), (3, 5), 3, ((0, 0), (0, 0)), 1, 1, 0, False),
    ((4, 11, 19, 9), (1, 4), 1, ((0, 0), (1, 2)), 1, 1, 2, True),
    ((2, 25, 20, 1), (3, 3), 4, ((3, 1), (0, 2)), 2, 1, 4, False),
    ((2, 32, 17, 20), (2, 7), 4, ((1, 1), (6, 6)), 1, 3, 0, True),
)


def gradient(build: Builder, case, precision: str = "f32"):
    """The gradient of a kernel, and the shape of the image and of the upstream gradient."""
    shape, window, filters, pad, stride, dilation, parts, computes = case
    geometry = {"pad": pad, "stride": (stride, 1), "dilation": (dilation, 1)}
    image = build.input("image", TensorType("f32", shape), Role.FIELD)
    kernel = (*window, shape[3], filters)
    probe = Builder(OPS)
    probed = [probe.input(name, TensorType("f32", s), Role.FIELD) for name, s in
              (("x", shape), ("k", kernel))]  # fmt: skip
    upstream = build.input("upstream", probe.conv2d(*probed, **geometry).type, Role.FIELD)
    slopes = build.multiply(upstream, build.add(1.0, upstream)) if computes else upstream
    gradient = build.conv2d_kernel_gradient(
        image, slopes, shape=kernel, parts=parts, precision=precision, **geometry
    )
    return gradient, (image, upstream)


def graph_of(case, precision: str = "f32") -> tuple[Graph, dict[str, np.ndarray]]:
    build, random = Builder(OPS), np.random.default_rng(7)
    result, given = gradient(build, case, precision)
    inputs = {one.name: random.integers(-3, 4, size=one.type.shape).astype(np.float32)
              for one in given}  # fmt: skip
    return build.graph("slopes", (Output("y", result),)), inputs


def product_tile(graph: Graph, machine: CpuMachine = WIDE):
    return choose_tile(make_function(graph, 1, OPS, ()).kernels[-1], machine)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("threads", [1, 3])
def test_slopes_side_by_side_give_what_numpy_does(case, threads, run_on_cpu):
    graph, inputs = graph_of(case)
    assert product_tile(graph).beside
    found, expected = run_on_cpu(graph, inputs, threads=threads)
    np.testing.assert_array_equal(found["y"], expected["y"])


def test_operands_are_rounded_as_they_are_packed(run_on_cpu):
    """Numbers from 1 on with a little that bf16 has no bits for: the sums are whole again."""
    graph, inputs = graph_of(CASES[1], "bf16")
    inputs = {name: np.abs(array) + np.float32(1 + 2**-9) for name, array in inputs.items()}
    found, expected = run_on_cpu(graph, inputs)
    np.testing.assert_array_equal(found["y"], expected["y"])
    np.testing.assert_array_equal(found["y"], np.rint(found["y"]))


def test_lanes_are_filled_with_taps():
    tile = product_tile(graph_of(CASES[0])[0])
    assert tile.columns_used == 5 * 6 and tile.rows == 5
    assert tile.depth_walk.run == 28  # each pixel once: the padding is multiplied with nothing


@pytest.mark.parametrize(
    "case, machine",
    [
        (((8, 28, 28, 1), (5, 5), 16, ((0, 0), (0, 0)), 1, 1, 0, False), WIDE),  # lanes are full
        (((8, 28, 28, 1), (5, 1), 6, ((0, 0), (0, 0)), 1, 1, 0, False), WIDE),
        (((8, 28, 28, 1), (5, 5), 6, ((0, 0), (5, 5)), 1, 1, 0, False), WIDE),  # taps on no pixel
        (CASES[0], HALF),  # 30 columns are more than two of its vectors
    ],
)
def test_other_gradients_are_multiplied_tap_by_tap(case, machine):
    assert product_tile(graph_of(case)[0], machine).beside is None
