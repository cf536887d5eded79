"""Attention in blocks: lengths beyond a block, ragged ones, and no memory for the scores."""

import numpy as np
import pytest

from netc.compiler.build.nvrtc import compile_cubin
from netc.compiler.interpret import interpret
from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.table import OPS
from netc.compiler.targets.cuda import render_function

# queries, keys, channels of a key and of a value: less than a block, one, several and a rest
SIZES = ((3, 70, 5, 3), (64, 64, 16, 16), (70, 131, 20, 33), (130, 33, 40, 8), (70, 128, 40, 33))


def forward_and_back(batch: int, sizes, causal: bool, masked: bool) -> Graph:
    """The mean of the values and the gradients of a given slope by query, key and value."""
    (queries, keys, depth, width), build = sizes, Builder(OPS)
    shapes = (batch, queries, depth), (batch, keys, depth), (batch, keys, width)
    operands = [
        build.input(name, TensorType("f32", shape), Role.FIELD)
        for name, shape in zip(("query", "key", "value"), shapes, strict=True)
    ]
    if masked:
        kind = TensorType("bool", (batch, queries, keys))
        operands.append(build.input("mask", kind, Role.FIELD))
    both = build.attention(*operands, causal=causal)
    slope = build.input("slope", both.type, Role.FIELD)
    parts = OPS["attention"].gradient(build, build.nodes[-1], slope)[:3]
    named = (Output("both", both), *(Output(f"d{i}", part) for i, part in enumerate(parts)))
    return build.graph("attention", named)


def drawn(graph: Graph) -> dict[str, np.ndarray]:
    random = np.random.default_rng(4)
    arrays = {
        entry.value.name: random.normal(size=entry.value.type.shape).astype(np.float32)
        for entry in graph.inputs
    }
    if "mask" in arrays:
        arrays["mask"] = (arrays["mask"] > 0).astype(np.uint8)
        arrays["mask"][0, 1] = 0  # a query that may look at nothing
    return arrays


CASES = [(sizes, i % 2 == 0, i > 1) for i, sizes in enumerate(SIZES)]
CASES += [(SIZES[2], False, True), (SIZES[3], True, False)]


@pytest.mark.parametrize("sizes, causal, masked", CASES)
def test_blocks_give_what_numpy_does(run_on_cpu, marches, sizes, causal, masked):
    graph = forward_and_back(2, sizes, causal, masked)
    for march in marches:
        found, expected = run_on_cpu(graph, drawn(graph), threads=3, march=march)
        assert len(expected) == 4
        for name, array in expected.items():
            told = f"{name} on {march}"
            np.testing.assert_allclose(found[name], array, rtol=2e-5, atol=2e-5, err_msg=told)


@pytest.mark.parametrize("sizes, causal, masked", (CASES[0], CASES[3]))
def test_the_cuda_source_gives_it_too(cuda_on_cpu, sizes, causal, masked):
    graph = forward_and_back(1, sizes, causal, masked)
    arrays = drawn(graph)
    found = cuda_on_cpu.CudaOnCpu(cuda_on_cpu.function_of(graph)).results(arrays)
    for name, array in interpret(graph, arrays).items():
        np.testing.assert_allclose(found[name], array, rtol=2e-5, atol=2e-5, err_msg=name)


@pytest.mark.parametrize("arch", ("sm_75", "sm_90a", "sm_120a"))
@pytest.mark.parametrize("channels", (16, 128))
def test_it_compiles_without_spills(cuda_on_cpu, arch, channels):
    graph = forward_and_back(2, (70, 131, channels, channels), True, True)
    cubin = compile_cubin(render_function(cuda_on_cpu.function_of(graph), arch, ()), arch)
    assert len(cubin.resources) > 3
    for name, used in cubin.resources:
        assert used.spill_stores == used.spill_loads == 0, (name, used)
        assert used.shared_bytes <= 48 * 1024


def test_the_memory_grows_with_the_length_alone(cuda_on_cpu):
    """Twice the places take twice the bytes, where the scores would take four times as many."""
    short, long = (
        cuda_on_cpu.function_of(forward_and_back(1, (n, n, 16, 16), True, False)).memory.arena_bytes
        for n in (512, 1024)
    )
    assert long <= 2 * short + 4096
