"""Convolutions of one channel into few, whose vectors hold neighbouring places, as C."""

import numpy as np
import pytest

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.table import OPS
from netc.compiler.targets.cpu import choose_tile
from netc.compiler.targets.cpu_places import PlacesTile
from netc.compiler.targets.cpu_tiles import CpuMachine
from netc.compiler.targets.function import make_function

WIDE, HALF = CpuMachine("avx512", 64, 32), CpuMachine("avx2", 32, 16)
# images, the window, its filters, padding (down, across), stride and dilation down
CASES = (
    ((3, 28, 28), (5, 5), 6, ((2, 2), (2, 2)), 1, 1),
    ((1, 41, 17), (7, 5), 1, ((0, 0), (0, 1)), 1, 1),
    ((2, 23, 75), (6, 7), 7, ((3, 1), (0, 2)), 2, 1),
    ((2, 30, 65), (5, 9), 3, ((1, 1), (4, 4)), 1, 3),
    ((9, 5, 20), (3, 5), 5, ((0, 0), (0, 0)), 1, 1),
    ((2, 4, 24), (6, 4), 2, ((9, 13), (1, 2)), 3, 2),  # the first and last lines see no image
)


def graph_of(case, precision: str = "f32") -> tuple[Graph, dict[str, np.ndarray]]:
    """A convolution with a bias, on small whole numbers."""
    shape, window, filters, pad, stride, dilation = case
    build, random, inputs = Builder(OPS), np.random.default_rng(4), {}

    def tensor(name: str, *shape: int):
        inputs[name] = random.integers(-3, 4, size=shape).astype(np.float32)
        return build.input(name, TensorType("f32", shape), Role.FIELD)

    x, kernel = tensor("x", *shape, 1), tensor("kernel", *window, 1, filters)
    geometry = {"pad": pad, "stride": (stride, 1), "dilation": (dilation, 1)}
    y = build.conv2d(x, kernel, precision=precision, **geometry)
    bias = build.broadcast_to(tensor("bias", filters), y.type.shape)
    return build.graph("places", (Output("y", build.relu(build.add(y, bias))),)), inputs


def tile_of(case, machine: CpuMachine = WIDE):
    return choose_tile(make_function(graph_of(case)[0], 1, OPS, ()).kernels[0], machine)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("threads", [1, 3])
def test_vectors_of_places_give_what_numpy_does(case, threads, run_on_cpu):
    graph, inputs = graph_of(case)
    assert isinstance(tile_of(case), PlacesTile)
    found, expected = run_on_cpu(graph, inputs, threads=threads)
    np.testing.assert_array_equal(found["y"], expected["y"])


def test_what_is_not_a_number_stays_under_its_windows(run_on_cpu):
    graph, inputs = graph_of(CASES[0])
    inputs["x"][1, 27, 27, 0], inputs["x"][2, 0, 13, 0] = np.nan, np.inf
    found, _ = run_on_cpu(graph, inputs)
    touched = ~np.isfinite(found["y"]).any(axis=-1)
    expected = np.zeros((3, 28, 28), bool)
    expected[1, 25:, 25:] = expected[2, :3, 11:16] = True
    assert not (touched & ~expected).any() and touched[1, 25:, 25:].all()


def test_operands_are_rounded_as_they_are_packed(run_on_cpu):
    """Numbers from 1 on with a little that bf16 has no bits for."""
    graph, inputs = graph_of(CASES[2], "bf16")
    little = {"x": 2**-9, "kernel": 2**-9, "bias": 0.0}
    inputs = {name: np.abs(array) + np.float32(1 + little[name]) for name, array in inputs.items()}
    found, expected = run_on_cpu(graph, inputs)
    np.testing.assert_array_equal(found["y"], expected["y"])
    np.testing.assert_array_equal(found["y"], np.rint(found["y"]))


def test_tiles_fill_registers_and_hide_what_a_sum_takes():
    tiles = [tile_of(case) for case in CASES]
    assert any(tile.tile_lines > 1 for tile in tiles) and any(tile.parts > 1 for tile in tiles)
    for tile in tiles:
        vectors = len(tile.offsets)
        assert vectors * (tile.columns + 1) + 1 < WIDE.registers
        assert vectors * tile.columns >= 8 or tile.tile_lines == tile.lines


@pytest.mark.parametrize(
    "case, machine",
    [
        (((3, 28, 28), (5, 5), 16, ((2, 2), (2, 2)), 1, 1), WIDE),  # lanes are full
        (((3, 28, 28), (3, 3), 6, ((1, 1), (1, 1)), 1, 1), WIDE),  # turning costs what it saves
        (((3, 20, 10), (5, 5), 8, ((2, 2), (2, 2)), 1, 1), WIDE),
        (CASES[0], HALF),
    ],
)
def test_other_windows_are_multiplied_place_by_place(case, machine):
    assert not isinstance(tile_of(case, machine), PlacesTile)
