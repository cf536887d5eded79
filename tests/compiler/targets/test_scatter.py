"""Rows that are added to those they name: in the order of the items, to the bit, on any device."""

import numpy as np
import pytest

from netc.compiler.build.nvrtc import compile_cubin
from netc.compiler.targets import cuda_tiles
from netc.compiler.targets.cuda import render_function
from netc.emulator.launch import SCHEDULES

# items, rows, columns
SIZES = ((1, 1, 1), (1, 40, 3), (700, 7, 5), (1100, 130, 33), (40, 1000, 2), (300, 3, 300))
INDICES = {
    "some": lambda random, count, rows: random.integers(0, rows, count),
    "equal": lambda random, count, rows: np.full(count, rows // 2),
    "distinct": lambda random, count, rows: random.permutation(max(count, rows))[:count],
    "of no row too": lambda random, count, rows: random.integers(-2, rows + 3, count),
}


def drawn(kind: str, count: int, rows: int, columns: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(count + rows)
    values = random.normal(size=(count, columns)).astype(np.float32)
    return {"indices": INDICES[kind](random, count, rows).astype(np.int32), "values": values}


def one_by_one(arrays: dict[str, np.ndarray], rows: int) -> np.ndarray:
    """In float32, in the order of the items."""
    indices, values = arrays["indices"], arrays["values"]
    total = np.zeros((rows, values.shape[1]), np.float32)
    there = (indices >= 0) & (indices < rows)
    np.add.at(total, indices[there], values[there])
    return total


@pytest.mark.parametrize("threads", (1, 2))
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_c_adds_in_the_order_of_the_items(graphs, run_on_cpu, size, threads):
    for kind in INDICES:
        arrays = drawn(kind, *size)
        found, _ = run_on_cpu(graphs.scatter(*size), arrays, threads)
        np.testing.assert_array_equal(found["y"], one_by_one(arrays, size[1]), err_msg=kind)


@pytest.mark.parametrize("blocks", (1, 8))
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_cuda_adds_in_the_order_of_the_items(graphs, cuda_on_cpu, monkeypatch, size, blocks):
    """Whether a block owns one row or several, in any order of its threads."""
    monkeypatch.setattr(cuda_tiles, "BLOCKS_EACH", blocks)
    machine = cuda_on_cpu.CudaOnCpu(cuda_on_cpu.function_of(graphs.scatter(*size)))
    for kind, schedule in zip(INDICES, (*SCHEDULES, SCHEDULES[0]), strict=True):
        arrays = drawn(kind, *size)
        found = machine.results(arrays, schedule)["y"]
        np.testing.assert_array_equal(found, one_by_one(arrays, size[1]), err_msg=kind)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_table_moves_by_the_same_sums(graphs, cuda_on_cpu, size):
    count, rows, columns = size
    arrays = drawn("of no row too", *size)
    table = np.random.default_rng(1).normal(size=(rows, columns)).astype(np.float32)
    rate = np.float32(0.25)  # exact: a fused multiply and subtract rounds no less
    inputs = arrays | {"table": table, "room": np.zeros_like(table), "rate": rate}
    machine = cuda_on_cpu.CudaOnCpu(cuda_on_cpu.function_of(graphs.move(*size)), checked=True)
    found = machine.results(inputs, SCHEDULES[-1])["y"]
    np.testing.assert_array_equal(found, table - one_by_one(arrays, rows) * rate)


def test_a_list_in_another_order_changes_bits(graphs, cuda_on_cpu):
    size = (700, 7, 5)
    function, arrays = cuda_on_cpu.function_of(graphs.scatter(*size)), drawn("some", *size)
    source = cuda_on_cpu.source_of(function)
    backward = source.replace("__popc(own & ((1u << lane) - 1))", "__popc(own >> lane >> 1)")
    found = cuda_on_cpu.CudaOnCpu(function, source=backward).results(arrays)["y"]
    expected = one_by_one(arrays, 7)
    assert backward != source and not np.array_equal(found, expected)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("arch", ("sm_75", "sm_90a", "sm_120a"))
def test_it_compiles_without_spills_and_atomics(graphs, cuda_on_cpu, sass, arch):
    function = cuda_on_cpu.function_of(graphs.scatter(4096, 1_000_000, 32))
    cubin = compile_cubin(render_function(function, arch, ()), arch)
    (name, used), *_ = [one for one in cubin.resources if one[0].startswith("k01")]
    assert used.spill_stores == used.spill_loads == 0 and used.registers <= 48
    counts = sass.instructions(cubin.image)[name]
    instructions = {one.partition(".")[0] for one in counts}
    assert instructions & {"VOTE", "VOTEU"} and counts["FADD"] == 8  # eight values at a time
    assert not instructions & {"ATOM", "ATOMG", "ATOMS", "RED", "LDL", "STL"}


def test_the_more_items_the_fewer_blocks_read_them(graphs, cuda_on_cpu):
    arch = cuda_tiles.ARCHITECTURES["sm_80"]
    grids = []
    for items in (1, 4096, 200_000, 5_000_000):
        (kernel,) = cuda_on_cpu.function_of(graphs.scatter(items, 1_000_000, 4)).kernels
        grids.append(cuda_tiles.choose_tile(kernel, arch).grid)
    assert grids[0] == grids[1] > grids[2] > grids[3] == arch.multiprocessors
    assert grids[2] * 200_000 <= cuda_tiles.INDEX_READS
