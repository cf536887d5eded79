"""The CUDA C of whole programs: what NVRTC makes of it for every architecture, and how it reads."""

import json
import re
from math import prod
from pathlib import Path

import pytest

from netc.compiler.build.nvrtc import compile_cubin
from netc.compiler.ops.table import OPS
from netc.compiler.passes.pipeline import optimize
from netc.compiler.targets.cuda import render_function
from netc.compiler.targets.cuda_launches import from_json, to_json
from netc.compiler.targets.cuda_step import launches
from netc.compiler.targets.cuda_tiles import ARCHITECTURES, choose_tile, split_facts


@pytest.fixture(autouse=True)
def fresh_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NETC_CACHE", str(tmp_path / "cache"))


def optimized(graph, arch):
    return optimize(graph, OPS, split_facts(ARCHITECTURES[arch]), lambda name, graph: None)


def compiled(function, arch):
    """The function's source compiled, after the checks that hold for every kernel."""
    step, cubin = (
        launches(function, arch, "step"),
        compile_cubin(render_function(function, arch, ()), arch),
    )
    facts, resources = ARCHITECTURES[arch], dict(cubin.resources)
    names = [launch.kernel for launch in (*step.launches, step.last)]
    assert sorted(names) == sorted(resources) and cubin.image[:4] == b"\x7fELF"
    for launch in step.launches:
        used = resources[launch.kernel]
        assert used.spill_stores == used.spill_loads == 0, (launch.kernel, used)
        assert used.shared_bytes <= 48 * 1024  # what a launch may have without asking for more
        assert used.registers * prod(launch.block) <= facts.registers
        assert prod(launch.grid) < 2**31 and prod(launch.block) <= 1024
    return cubin


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_training_step_compiles_for_every_architecture(cuda_on_cpu, graphs, arch):
    graph = optimized(graphs.mnist(batch=64), arch)
    cubin = compiled(cuda_on_cpu.function_of(graph, 64), arch)
    assert "warning" not in cubin.log


@pytest.mark.parametrize("arch", ["sm_75", "sm_90a"])
def test_every_op_compiles(cuda_on_cpu, op_graph, arch):
    compiled(cuda_on_cpu.function_of(op_graph[0]), arch)


@pytest.mark.parametrize("arch", ["sm_80", "sm_120a"])
def test_a_residual_block_compiles(cuda_on_cpu, graphs, arch):
    compiled(cuda_on_cpu.function_of(optimized(graphs.residual(32, 17, 64), arch), 32), arch)


def test_long_rows_huge_products_and_random_numbers_compile(cuda_on_cpu, graphs):
    for graph in (
        graphs.softmax(77, 5000), graphs.layer_norm(4096, 768), graphs.random_numbers(1000),
        graphs.matmul(4096, 768, 3072), graphs.matmul(1000, 333, 777, transposed=True),
        graphs.fold("argmax", (9, 2000), (1,)),
        # more elements than an int counts
        graphs.softmax(70_000, 70_000), graphs.fold("max", (70_000, 70_000), (0,)),
        graphs.matmul(70_000, 16, 70_000),
    ):  # fmt: skip
        compiled(cuda_on_cpu.function_of(graph), "sm_90a")


def test_big_products_use_big_tiles_and_small_ones_fill_the_device(cuda_on_cpu, graphs):
    def tile(*sizes):
        (launch,) = launches(
            cuda_on_cpu.function_of(graphs.matmul(*sizes)), "sm_90a", "step"
        ).launches
        return launch

    big, small = tile(4096, 1024, 4096), tile(256, 1024, 256)
    assert big.grid[0] == 32 * 32
    assert small.grid[0] >= 64


def test_the_source_says_what_it_does_and_includes_nothing(cuda_on_cpu, graphs):
    source = render_function(cuda_on_cpu.function_of(graphs.mnist(32), 32), "sm_90a", ())
    assert "#include" not in source and "\t" not in source
    assert not re.search(r"atomic|__(exp|log|sin|cos|pow)f|__fdiv", source)
    kernels = re.findall(r'extern "C" __global__ .* void (\w+)\(', source)
    assert kernels[0] == "netc_take" and kernels[-1] == "netc_log"
    for name in kernels:
        assert re.search(rf"^// {name}: ", source, re.MULTILINE), name
    assert "at best" in source and "blocks of" in source
    assert not re.search(r"[ \t]\n", source)


def test_a_short_source_reads_as_it_should(cuda_on_cpu, graphs, golden):
    lines = ("net net(x: f32[5, 3]) {", "    logits = x -> dense(4)", "    return softmax(logits)")
    source = render_function(cuda_on_cpu.function_of(graphs.classifier(), 5), "sm_90a", lines)
    golden(Path(__file__).parent / "golden" / "classifier.cu", source)


def test_launches_survive_the_build_folder(cuda_on_cpu, graphs):
    step = launches(cuda_on_cpu.function_of(graphs.mnist(32), 32), "sm_80", "train")
    assert from_json(to_json(step)) == step
    assert step.row_bytes == (784, 4) and step.outputs == 2
    with pytest.raises(ValueError, match="launch format"):
        from_json(json.dumps({"format": 99}))


@pytest.mark.parametrize(
    ("rows", "columns", "lanes"), [(8200, 5, 1), (37, 5, 32), (1030, 70, 32), (3, 1500, 256)]
)
def test_rows_are_shared_by_as_many_threads_as_suit_them(cuda_on_cpu, graphs, rows, columns, lanes):
    (kernel,) = cuda_on_cpu.function_of(graphs.softmax(rows, columns)).kernels
    assert choose_tile(kernel, ARCHITECTURES["sm_90a"]).lanes == lanes
