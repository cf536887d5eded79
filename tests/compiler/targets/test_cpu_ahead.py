"""Gradients of kernels from more than the caches hold: the next lines are asked for early."""

import numpy as np
import pytest

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.table import OPS
from netc.compiler.targets import cpu_window
from netc.compiler.targets.cpu import choose_tile
from netc.compiler.targets.cpu_tiles import CpuMachine
from netc.compiler.targets.function import make_function

WIDE = CpuMachine("avx512", 64, 32)


def graph_of(images: int, parts: int) -> tuple[Graph, dict[str, np.ndarray]]:
    """The gradient of a kernel of 20 filters from slopes that are computed as they are read."""
    build, random = Builder(OPS), np.random.default_rng(7)
    shapes = {"image": (images, 14, 14, 1), "upstream": (images, 12, 12, 20)}
    image, upstream = (
        build.input(name, TensorType("f32", shape), Role.FIELD) for name, shape in shapes.items()
    )
    geometry = {"stride": (1, 1), "pad": ((0, 0), (0, 0)), "dilation": (1, 1)}
    slopes = build.multiply(upstream, build.add(1.0, upstream))
    kernel = (3, 3, 1, 20)
    y = build.conv2d_kernel_gradient(image, slopes, shape=kernel, parts=parts, **geometry)
    inputs = {n: random.integers(-3, 4, size=s).astype(np.float32) for n, s in shapes.items()}
    return build.graph("ahead", (Output("y", y),)), inputs


def ahead(images: int) -> tuple:
    (kernel,) = make_function(graph_of(images, 2)[0], 1, OPS, ()).kernels
    return choose_tile(kernel, WIDE).ahead


def test_only_what_is_far_is_asked_for():
    assert ahead(4) == ()
    (load,) = ahead(4096)
    assert load.value.name == "upstream"
    assert load.position.text.endswith(f"+ {12 * 12 * 20}")  # an image later


@pytest.mark.parametrize("threads", [1, 3])
def test_asking_changes_nothing(threads, run_on_cpu, monkeypatch):
    monkeypatch.setattr(cpu_window, "STREAM_BYTES", 0)
    graph, inputs = graph_of(6, 2)
    assert len(ahead(6)) == 1
    found, expected = run_on_cpu(graph, inputs, threads=threads)
    np.testing.assert_array_equal(found["y"], expected["y"])
