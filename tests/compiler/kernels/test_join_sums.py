"""The gradients of a convolution's kernel and of its bias, in one kernel."""

import numpy as np
import pytest

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.kernels.fuse import keep_apart
from netc.compiler.kernels.group import Kind
from netc.compiler.ops.table import OPS
from netc.compiler.targets.cpu import choose_tile
from netc.compiler.targets.cpu_cut import cut
from netc.compiler.targets.cpu_tiles import CpuMachine, MatmulTile
from netc.compiler.targets.function import make_function

WIDE = CpuMachine("avx512", 64, 32)
# images, window, filters, padding, parts
CASES = {
    "beside": ((4, 14, 14, 1), (5, 5), 6, 2, 2),
    "panels": ((3, 13, 12, 4), (5, 1), 8, 0, 0),  # a single tap across
    "blocks": ((2, 20, 14, 1), (3, 3), 3, 0, 8),  # a part begins in the middle of a line
}


class Slopes:
    """The gradient of a kernel, and the sum of the same slopes in as many parts."""

    def __init__(self, images, window, filters, pad, parts, *, first: str = "sum") -> None:
        build, random = Builder(OPS), np.random.default_rng(5)
        count, height, width, channels = images
        size = (count, height + 2 * pad - window[0] + 1, width + 2 * pad - window[1] + 1, filters)
        image = build.input("image", TensorType("f32", images), Role.FIELD)
        upstream = build.input("upstream", TensorType("f32", size), Role.FIELD)
        slopes = build.multiply(upstream, build.add(1.0, upstream))
        whole = (max(parts, 1), size[0] * size[1] * size[2] // max(parts, 1), filters)
        add_up = lambda: build.sum(build.reshape(slopes, shape=whole), axes=(1,))  # noqa: E731
        total = add_up() if first == "sum" else None
        geometry = {"stride": (1, 1), "pad": ((pad, pad), (pad, pad)), "dilation": (1, 1)}
        kernel = (*window, channels, filters)
        gradient = build.conv2d_kernel_gradient(
            image, slopes, shape=kernel, parts=parts, **geometry
        )
        self.build, self.outputs = build, {"kernel": gradient, "bias": total or add_up()}
        self.inputs = {
            one.name: random.integers(-3, 4, size=one.type.shape).astype(np.float32)
            for one in (image, upstream)
        }

    @property
    def graph(self) -> Graph:
        outputs = tuple(Output(name, value) for name, value in self.outputs.items())
        return self.build.graph("slopes", outputs)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("first", ["sum", "product"])
def test_both_gradients_are_what_numpy_says(case, first, run_on_cpu):
    slopes = Slopes(*CASES[case], first=first)
    (group,) = cut(slopes.graph, OPS)
    assert group.kind is Kind.MATMUL and group.sums.op == "sum"
    for threads in (1, 3):
        found, expected = run_on_cpu(slopes.graph, slopes.inputs, threads=threads)
        for name, array in expected.items():
            np.testing.assert_array_equal(found[name], array, err_msg=name)
    apart, _ = run_on_cpu(slopes.graph, slopes.inputs, cut=keep_apart)
    np.testing.assert_array_equal(apart["bias"], found["bias"])


def test_the_cases_run_in_every_way_there_is():
    tiles = {}
    for name, case in CASES.items():
        (kernel,) = make_function(Slopes(*case).graph, 1, OPS, (), cut).kernels
        tiles[name] = choose_tile(kernel, WIDE)
    assert tiles["beside"].beside and tiles["panels"].beside is None
    assert isinstance(tiles["blocks"], MatmulTile)


def test_a_sum_that_the_product_waits_for_stays_apart(run_on_cpu):
    slopes = Slopes(*CASES["beside"])
    total = slopes.build.sum(slopes.outputs["bias"], axes=(0,))
    kernel = slopes.outputs["kernel"]
    scaled = slopes.build.multiply(kernel, slopes.build.broadcast_to(total, kernel.type.shape))
    slopes.outputs["kernel"] = scaled
    groups = cut(slopes.graph, OPS)
    assert not any(group.sums for group in groups)
    found, expected = run_on_cpu(slopes.graph, slopes.inputs)
    np.testing.assert_array_equal(found["kernel"], expected["kernel"])


def test_other_sums_stay_apart():
    """Of many filters, of other parts, of what is loaded as it is."""
    many = Slopes((4, 14, 14, 1), (5, 5), 16, 2, 2)
    other = Slopes(*CASES["beside"])
    bias = other.outputs["bias"].type
    other.outputs["bias"] = other.build.sum(
        other.build.input(
            "more", TensorType("f32", (bias.shape[0], 40, bias.shape[1])), Role.FIELD
        ),
        axes=(1,),
    )
    for slopes in (many, other):
        assert not any(group.sums for group in cut(slopes.graph, OPS))
