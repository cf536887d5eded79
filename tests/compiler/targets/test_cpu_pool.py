"""Convolutions that pool what they make, as C: windows of any shape beside what NumPy folds."""

import numpy as np
import pytest

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.kernels.fuse import keep_apart
from netc.compiler.ops.table import OPS
from netc.compiler.targets.cpu_cut import cut

PLAIN = {"stride": (1, 1), "pad": ((0, 0), (0, 0)), "dilation": (1, 1)}
PADDED = {"stride": (1, 1), "pad": ((1, 1), (1, 1)), "dilation": (1, 1)}
STRIDED = {"stride": (2, 1), "pad": ((2, 0), (1, 2)), "dilation": (2, 1)}
# the image, the convolution's window and filters, how it slides, the pool's window
CASES = (
    ((3, 28, 28, 1), (3, 3), 32, PLAIN, (2, 2)),
    ((1, 28, 28, 1), (3, 3), 32, PLAIN, (2, 2)),
    ((2, 15, 12, 3), (3, 3), 6, PADDED, (2, 2)),
    ((2, 9, 11, 2), (1, 5), 33, PADDED, (3, 2)),
    ((1, 31, 17, 4), (2, 3), 17, STRIDED, (2, 3)),
    ((2, 40, 9, 1), (5, 1), 1, PLAIN, (4, 4)),
    ((5, 6, 7, 16), (3, 3), 40, PADDED, (1, 3)),
    ((1, 7, 5, 8), (3, 3), 16, PADDED, (7, 1)),
    ((2, 50, 3, 2), (3, 3), 16, PADDED, (2, 3)),
)


def windows_of(build: Builder, x, size):
    """[N, H, W, C] -> [places, taps, C]."""
    geometry = {"stride": size, "pad": ((0, 0), (0, 0)), "dilation": (1, 1)}
    windows = build.windows(x, size=size, fill=-np.inf, **geometry)
    places = np.prod(windows.type.shape[:3])
    return build.reshape(windows, shape=(int(places), size[0] * size[1], x.type.shape[3]))


class Pools:
    """A graph of convolutions with a pool behind each, and inputs whose products are exact."""

    def __init__(self) -> None:
        self.build, self.inputs, self.outputs = Builder(OPS), {}, []
        self.random = np.random.default_rng(8)

    def tensor(self, *shape: int):
        value = self.build.input("x", TensorType("f32", shape), Role.FIELD)
        self.inputs[value.name] = self.random.integers(-3, 4, size=shape).astype(np.float32)
        return value

    def convolution(self, shape, window, filters, geometry):
        kernel = self.tensor(*window, shape[3], filters)
        return self.build.conv2d(self.tensor(*shape), kernel, **geometry)

    def out(self, value) -> None:
        self.outputs.append(Output(f"out{len(self.outputs)}", value))

    @property
    def graph(self) -> Graph:
        return self.build.graph("pools", tuple(self.outputs))


def pooled_convolutions() -> Pools:
    """Every fold, with a bias before and work behind."""
    pools = Pools()
    build = pools.build
    for number, (*sizes, pool) in enumerate(CASES):
        y = pools.convolution(*sizes)
        y = build.add(y, build.broadcast_to(pools.tensor(y.type.shape[3]), y.type.shape))
        windows = windows_of(build, y, pool)
        folds = [("max", "argmax"), ("sum", "min"), ("argmin", "argmax", "min", "max")][number % 3]
        for name in folds:
            pools.out(build.apply(name, windows, axes=(1,)))
        if "max" in folds:
            pools.out(build.relu(build.max(windows, axes=(1,))))
    return pools


def exactly(found, expected) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


@pytest.mark.parametrize("threads", [1, 3])
def test_a_convolution_pools_what_it_makes(run_on_cpu, threads):
    pools = pooled_convolutions()
    groups = cut(pools.graph, OPS)
    assert len(groups) == len(CASES) and all(group.pool for group in groups)
    exactly(*run_on_cpu(pools.graph, pools.inputs, threads=threads))


def test_what_others_read_is_stored_as_well(run_on_cpu):
    """The sums themselves, what was made of them, and a tensor that is added before the pool."""
    pools = Pools()
    build = pools.build
    y = pools.convolution((2, 13, 9, 3), (3, 3), 24, PADDED)
    pools.out(build.multiply(y, 2.0))
    pools.out(build.max(windows_of(build, build.add(y, pools.tensor(*y.type.shape)), (2, 2)),
                        axes=(1,)))  # fmt: skip
    assert len(cut(pools.graph, OPS)) == 1
    exactly(*run_on_cpu(pools.graph, pools.inputs))


def test_the_first_nan_of_a_window_is_its_greatest(run_on_cpu):
    pools = Pools()
    y = pools.convolution((1, 12, 12, 1), (3, 3), 32, PLAIN)
    windows = windows_of(pools.build, y, (2, 2))
    pools.out(pools.build.max(windows, axes=(1,)))
    pools.out(pools.build.argmax(windows, axes=(1,)))
    image = max(pools.inputs.values(), key=np.size)
    image.flat[[3, 40, 90]] = np.nan, np.inf, -np.inf
    found, expected = run_on_cpu(pools.graph, pools.inputs)
    exactly(found, expected)
    assert 0 < np.isnan(found["out0"]).mean() < 1


@pytest.mark.parametrize(
    "geometry",
    [
        {"stride": (1, 1), "pad": ((0, 0), (0, 0)), "dilation": (1, 1)},
        {"stride": (2, 2), "pad": ((1, 0), (1, 0)), "dilation": (1, 1)},
        {"stride": (2, 2), "pad": ((0, 0), (0, 0)), "dilation": (2, 1)},
    ],
)
def test_windows_that_lie_otherwise_are_folded_apart(run_on_cpu, geometry):
    """They overlap, begin outside of the image, or have gaps: as many as lie side by side."""
    pools = Pools()
    y = pools.convolution((2, 7, 7, 2), (2, 2), 16, PLAIN)
    size = (2, 2)
    windows = pools.build.windows(y, size=size, fill=-np.inf, **geometry)
    pools.out(pools.build.max(windows, axes=(3, 4)))
    assert not any(group.pool for group in cut(pools.graph, OPS))
    exactly(*run_on_cpu(pools.graph, pools.inputs))


def test_a_second_pool_of_other_windows_has_a_kernel_of_its_own(run_on_cpu):
    pools = Pools()
    y = pools.convolution((2, 14, 14, 1), (3, 3), 16, PLAIN)
    for size in ((2, 2), (3, 3), (4, 1)):
        pools.out(pools.build.max(windows_of(pools.build, y, size), axes=(1,)))
    groups = cut(pools.graph, OPS)
    assert [group.pool.size if group.pool else None for group in groups] == [(2, 2), None, None]
    exactly(*run_on_cpu(pools.graph, pools.inputs))


def test_pools_change_no_bit(run_on_cpu):
    """Sums that round, folded in the kernel of the convolution and apart."""
    pools = Pools()
    y = pools.convolution((2, 28, 28, 1), (3, 3), 32, PLAIN)
    windows = windows_of(pools.build, y, (2, 2))
    for name in ("sum", "max", "argmax"):
        pools.out(pools.build.apply(name, windows, axes=(1,)))
    for array in pools.inputs.values():
        array += pools.random.normal(size=array.shape).astype(np.float32)
    together, _ = run_on_cpu(pools.graph, pools.inputs, cut=cut)
    apart, _ = run_on_cpu(pools.graph, pools.inputs, cut=keep_apart)
    exactly(together, apart)
