"""Sizes around the tiles: one below, one above, one element, one long axis, as C."""

import numpy as np
import pytest

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.table import OPS

PRODUCTS = (
    (1, 1, 1), (1, 1000, 1), (1, 7, 500), (500, 7, 1), (3, 257, 129), (97, 256, 33), (13, 31, 17),
    (14, 512, 16), (200, 3, 200), (129, 300, 143), (64, 64, 64), (96, 1, 128),
)  # fmt: skip
FOLDS = (
    ((3, 31), (1,)), ((3, 33), (1,)), ((1, 5000), (1,)), ((5000, 1), (1,)), ((2, 3, 517), (1, 2)),
    ((31, 300), (0,)), ((4097, 3), (0,)), ((7, 33, 257), (1,)), ((5, 6, 7, 8), (0, 2)),
    ((9000,), (0,)), ((1, 1, 1), (1,)), ((2, 1, 600), (0, 1)),
)  # fmt: skip
IMAGES = (
    ((2, 28, 28, 1), (3, 3), 32, {"stride": (1, 1), "pad": ((0, 0), (0, 0)), "dilation": (1, 1)}),
    ((1, 9, 33, 17), (5, 2), 9, {"stride": (2, 1), "pad": ((2, 2), (0, 1)), "dilation": (1, 1)}),
    ((3, 7, 7, 64), (1, 1), 40, {"stride": (1, 1), "pad": ((0, 0), (0, 0)), "dilation": (1, 1)}),
    ((1, 20, 20, 3), (3, 3), 16, {"stride": (2, 2), "pad": ((1, 1), (1, 1)), "dilation": (2, 2)}),
    ((2, 28, 28, 1), (5, 5), 6, {"stride": (1, 1), "pad": ((2, 2), (2, 2)), "dilation": (1, 1)}),
    ((1, 23, 18, 16), (3, 3), 40, {"stride": (2, 2), "pad": ((1, 0), (1, 0)), "dilation": (1, 1)}),
    ((3, 8, 5, 6), (2, 3), 3, {"stride": (1, 1), "pad": ((0, 1), (1, 1)), "dilation": (3, 1)}),
    ((2, 16, 4, 32), (3, 3), 96, {"stride": (1, 1), "pad": ((1, 1), (1, 1)), "dilation": (1, 1)}),
    ((2, 9, 30, 5), (3, 1), 33, {"stride": (1, 1), "pad": ((4, 4), (0, 0)), "dilation": (2, 2)}),
    ((1, 12, 64, 2), (1, 4), 17, {"stride": (1, 3), "pad": ((0, 0), (2, 0)), "dilation": (1, 1)}),
)


class Sizes:
    """A graph of many shapes side by side, with its inputs."""

    def __init__(self) -> None:
        self.build, self.inputs, self.outputs = Builder(OPS), {}, []
        self.random = np.random.default_rng(6)

    def tensor(self, *shape: int):
        value = self.build.input("x", TensorType("f32", shape), Role.FIELD)
        self.inputs[value.name] = self.random.normal(size=shape).astype(np.float32)
        return value

    def out(self, name: str, value) -> None:
        self.outputs.append(Output(name, value))

    def graph(self) -> Graph:
        return self.build.graph("sizes", tuple(self.outputs))


def products() -> Sizes:
    """Each product plain, transposed on both sides, in a batch, and with work before and after."""
    sizes = Sizes()
    build = sizes.build
    for m, k, n in PRODUCTS:
        a, b, bias = sizes.tensor(m, k), sizes.tensor(k, n), sizes.tensor(n)
        name = f"{m} x {k} x {n}"
        sizes.out(name, build.relu(build.add(build.matmul(a, b), bias)))
        turned = build.matmul(build.transpose(b, axes=(1, 0)), build.transpose(a, axes=(1, 0)))
        sizes.out(f"{name} turned", turned)
        if m * k * n < 10**6:
            batch = build.reshape(build.concat(a, a, a, axis=0), shape=(3, m, k))
            wide = build.broadcast_to(b, (3, k, n))
            sizes.out(f"{name} in a batch", build.matmul(build.multiply(batch, 0.5), wide))
    return sizes


def folds() -> Sizes:
    sizes = Sizes()
    build = sizes.build
    for shape, axes in FOLDS:
        x = sizes.tensor(*shape)
        kept = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
        for name in ("sum", "max", "argmax"):
            sizes.out(f"{name} {shape} {axes}", build.apply(name, x, axes=axes))
        top = build.broadcast_to(build.reshape(build.max(x, axes=axes), shape=kept), shape)
        raised = build.exp(build.subtract(x, top))
        total = build.reshape(build.sum(raised, axes=axes), shape=kept)
        sizes.out(f"softmax {shape} {axes}", build.divide(raised, total))
    return sizes


def images() -> Sizes:
    sizes = Sizes()
    build = sizes.build
    for shape, window, filters, geometry in IMAGES:
        x, kernel = sizes.tensor(*shape), sizes.tensor(*window, shape[3], filters)
        y = build.conv2d(x, kernel, **geometry)
        sizes.out(f"conv {shape}", build.relu(y))
        upstream = sizes.tensor(*y.type.shape)
        back = {"shape": shape, **geometry}
        sizes.out(f"image gradient {shape}", build.conv2d_image_gradient(upstream, kernel, **back))
        back = {"shape": kernel.type.shape, **geometry}
        sizes.out(f"kernel gradient {shape}", build.conv2d_kernel_gradient(x, upstream, **back))
        for parts in parts_of(y.type.shape):
            parted = build.conv2d_kernel_gradient(x, upstream, parts=parts, **back)
            sizes.out(f"kernel gradient {shape} in {parts}", parted)
        halves = {"stride": (2, 2), "pad": ((0, 0), (0, 0)), "dilation": (1, 1)}
        pooled = build.windows(y, size=(2, 2), fill=-np.inf, **halves)
        sizes.out(f"pool {shape}", build.max(pooled, axes=(3, 4)))
    return sizes


def parts_of(shape: tuple[int, ...]) -> set[int]:
    """Ways to cut all pixels: by images, by halves of images, and in the middle of a line."""
    images, height, width, _ = shape
    pixels = images * height * width
    return {n for n in (images, 2 * images, pixels) if n > 1 and pixels % n == 0}


def maps() -> Sizes:
    sizes = Sizes()
    build = sizes.build
    for shape in ((4095,), (4097,), (12289,), (3, 4099), (70, 65), (1, 1), ()):
        x = sizes.tensor(*shape)
        sizes.out(f"map {shape}", build.multiply(build.tanh(x), x))
        if len(shape) == 2:
            sizes.out(f"turned {shape}", build.exp(build.transpose(x, axes=(1, 0))))
    return sizes


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("make", [products, folds, images, maps])
def test_every_size_gives_what_numpy_does(run_on_cpu, within_rounding, make, threads):
    sizes = make()
    found, _ = run_on_cpu(sizes.graph(), sizes.inputs, threads=threads)
    within_rounding(sizes.graph(), sizes.inputs, found)
