"""Sums of slopes that a pool spreads out: what they become, and what has to stay as it is."""

import numpy as np
import pytest

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.reduction import spread_to_first
from netc.compiler.ops.table import OPS
from netc.compiler.passes.remove_dead import remove_dead
from netc.compiler.passes.sum_before_spread import sum_before_spread

BESIDE = {"stride": (2, 3), "pad": ((0, 0), (0, 0)), "dilation": (1, 1)}
TYPES = {"image": (2, 5, 7, 3), "slopes": (2, 2, 2, 3), "other": (2, 2, 2, 2, 3, 3)}


def field(build: Builder, name: str):
    return build.input(name, TensorType("f32", TYPES[name]), Role.FIELD)


def chosen(build: Builder, step: int = 3, axes: tuple[int, ...] = (3, 4)):
    """The slopes at the greatest of each window of the image, 0 elsewhere."""
    windows = build.windows(field(build, "image"), size=(2, 3), fill=-np.inf, **BESIDE)
    shape = windows.type.shape
    wide = lambda x: build.broadcast_to(build.reshape(x, shape=(2, 2, 2, 1, 1, 3)), shape)  # noqa: E731
    places = [build.iota(axis=axis, shape=shape) for axis in axes]
    place = build.add(build.multiply(places[0], step), places[1])
    here = build.equal(place, wide(build.argmax(windows, axes=(3, 4))))
    return build.where(here, wide(field(build, "slopes")), 0)


def spread(build: Builder, x, pad=((0, 0), (0, 0)), shape=TYPES["image"]):
    return build.spread_windows(x, shape=shape, stride=(2, 3), pad=pad)


def summed(make, axes) -> Graph:
    build = Builder(OPS)
    return build.graph("sums", (Output("sum", build.sum(make(build), axes=axes)),))


def shorter(graph: Graph) -> Graph:
    return remove_dead(sum_before_spread(graph, OPS))


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 2), (1, 2, 3), (0, 1, 2, 3)])
def test_slopes_are_added_up_before_they_are_spread(same_results, axes):
    graph = summed(lambda build: spread(build, chosen(build)), axes)
    found = shorter(graph)
    assert [node.op for node in found.nodes] == ["reshape", "sum"]
    same_results(graph, found)


def test_windows_alone_are_added_up_as_they_are(same_results):
    graph = summed(lambda build: spread(build, field(build, "other")), (0, 1, 2))
    assert [node.op for node in shorter(graph).nodes] == ["sum"]
    same_results(graph, shorter(graph))


@pytest.mark.parametrize(
    "make, axes",
    [
        (lambda build: spread(build, chosen(build)), (0, 1)),
        (lambda build: spread(build, field(build, "other")), (1, 3)),
        (lambda build: spread(build, field(build, "other"), ((1, 0), (1, 0)), (2, 3, 5, 3)),
         (0, 1, 2)),
        (lambda build: chosen(build), (0, 3)),
        (lambda build: chosen(build, step=2), (3, 4)),
        (lambda build: chosen(build, step=1), (3, 4)),
        (lambda build: chosen(build, axes=(4, 3)), (3, 4)),
        (lambda build: chosen(build, axes=(4, 4)), (3, 4)),
    ],
)  # fmt: skip
def test_what_is_not_whole_or_not_chosen_once_stays(same_results, make, axes):
    """Part of a window, windows cut off at the edge, and places that no count goes through."""
    graph = summed(make, axes)
    assert shorter(graph).nodes == graph.nodes
    same_results(graph, shorter(graph))


def test_what_another_fold_goes_through_as_well_stays():
    build = Builder(OPS)
    wide = spread(build, chosen(build))
    sums = [build.sum(one, axes=(0, 1, 2)) for one in (wide, build.multiply(wide, wide))]
    outputs = tuple(Output(f"sum{number}", one) for number, one in enumerate(sums))
    graph = build.graph("sums", outputs)
    assert shorter(graph).nodes == graph.nodes


@pytest.mark.parametrize("size", [(2, 3), (2, 130)])
def test_the_gradient_of_a_max_is_a_choice_that_is_seen_through(same_results, size):
    """Its places are bytes where a byte names them all."""
    build = Builder(OPS)
    x = build.input("x", TensorType("f32", (3, *size, 4)), Role.FIELD)
    slopes = build.input("slopes", TensorType("f32", (3, 4)), Role.FIELD)
    chosen = build.argmax(x, axes=(1, 2))
    wide = spread_to_first(build, slopes, chosen, x.type, (1, 2))
    has_bytes = any(node.output.type.dtype == "u8" for node in build.nodes)
    assert has_bytes == (size[0] * size[1] <= 256)
    graph = build.graph("sums", (Output("sum", build.sum(wide, axes=(0, 1, 2))),))
    assert [node.op for node in shorter(graph).nodes] == ["reshape", "sum"]
    same_results(graph, shorter(graph))
