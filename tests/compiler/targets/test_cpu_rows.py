"""Choices that hold for a whole inner loop, as C: rows that are found before it begins."""

import numpy as np
import pytest

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.kernels.lower import lower
from netc.compiler.kernels.plan import MapPlan
from netc.compiler.ops.table import OPS
from netc.compiler.targets.cpu import CPU
from netc.compiler.targets.cpu_cut import cut
from netc.compiler.targets.cpu_rows import read_rows
from netc.compiler.targets.dialect import Speller


def test_rows_of_whole_numbers_stay_in_the_loop(run_on_cpu):
    build = Builder(OPS)
    parts = [build.input(name, TensorType("u8", (3, 4, 32)), Role.FIELD) for name in "ab"]
    both = build.concat(*parts, axis=1)
    total = build.add(build.cast(both, dtype="f32"), 1.0)
    graph = build.graph("bytes", (Output("total", total),))
    inputs = {name: np.arange(384).reshape(3, 4, 32) % 251 for name in "ab"}
    result, expected = run_on_cpu(graph, inputs)
    np.testing.assert_array_equal(result["total"], expected["total"])


def laid_out(channels: int) -> tuple[Graph, dict[str, np.ndarray]]:
    """Pixels beside their neighbours: of one tensor or another by lines, zeros around."""
    build, inputs, random = Builder(OPS), {}, np.random.default_rng(3)
    parts = []
    for name in "ab":
        value = build.input(name, TensorType("f32", (2, 5, 7, channels)), Role.FIELD)
        inputs[name] = random.normal(size=value.type.shape).astype(np.float32)
        inputs[name].flat[::11] = np.nan
        parts.append(value)
    both = build.concat(*parts, axis=1)
    moved = build.slice(
        build.pad(both, low=(0, 1, 0, 0), high=(0, 0, 1, 0), value=0.0),
        starts=(0, 0, 1, 0), stops=(2, 10, 8, channels), steps=(1, 1, 1, 1),
    )  # fmt: skip
    total = build.multiply(build.add(both, moved), 2.0)
    return build.graph("rows", (Output("total", total),)), inputs


@pytest.mark.parametrize("channels, rows", [(24, 2), (3, 0)])
def test_a_row_is_chosen_once_for_all_its_elements(run_on_cpu, channels, rows):
    graph, inputs = laid_out(channels)
    (kernel,) = lower(graph, cut, OPS)
    assert isinstance(kernel.plan, MapPlan)
    found, _ = read_rows(kernel.plan, Speller(CPU, {name: name for name in inputs}))
    assert len(found) == rows
    result, expected = run_on_cpu(graph, inputs)
    np.testing.assert_allclose(result["total"], expected["total"], rtol=1e-6)
