"""The CUDA C of products on tensor cores: what NVRTC makes of it, and the instructions in it."""

import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from netc.compiler.build.nvrtc import compile_cubin
from netc.compiler.ops.table import OPS
from netc.compiler.passes.lower_precision import lower_precision
from netc.compiler.passes.pipeline import optimize
from netc.compiler.targets import cuda_tensor, cuda_tiles, cuda_wgmma
from netc.compiler.targets.cuda import render_function
from netc.compiler.targets.cuda_step import launches
from netc.compiler.targets.cuda_tensor import FORMATS, TENSOR_SHAPES
from netc.compiler.targets.cuda_tiles import ARCHITECTURES, choose_tile, split_facts
from netc.compiler.targets.cuda_wgmma import WARPGROUP_SHAPES


@pytest.fixture(autouse=True)
def fresh_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NETC_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def cubin(cuda_on_cpu):
    """cubin(graph, precision, arch): nothing is spilled, and the fixed shared memory suffices."""

    def compiled(graph, precision: str, arch: str):
        facts = split_facts(ARCHITECTURES[arch])
        graph = optimize(graph, OPS, facts, lambda name, graph: None, precision)
        function = cuda_on_cpu.function_of(graph)
        found = compile_cubin(render_function(function, arch, ()), arch)
        used = dict(found.resources)
        for launch in launches(function, arch, "step").launches:
            resources = used[launch.kernel]
            assert resources.spill_stores == resources.spill_loads == 0, (launch.kernel, resources)
            assert resources.shared_bytes <= 48 * 1024
            assert launch.shared_bytes <= ARCHITECTURES[arch].shared_bytes
        assert not re.search("warning|C75", found.log)  # as where wgmma is made to wait
        return found

    return compiled


def instructions(image: bytes, folder: Path) -> set[str]:
    """The instructions in a cubin, without what follows the first dot of their names."""
    (folder / "step.cubin").write_bytes(image)
    places = find_spec("nvidia").submodule_search_locations
    tool = next(tool for place in places for tool in Path(place).glob("*/bin/nvdisasm"))
    text = subprocess.run(
        [tool, "-c", folder / "step.cubin"], capture_output=True, text=True, check=True
    ).stdout
    return set(re.findall(r"/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+ )?([A-Z][A-Z0-9]*)", text))


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_convolutional_net_compiles_in_bf16_for_every_architecture(cubin, graphs, arch):
    cubin(graphs.mnist(batch=64), "bf16", arch)


@pytest.mark.parametrize("shape", TENSOR_SHAPES, ids=lambda s: f"{s.rows}x{s.columns}")
@pytest.mark.parametrize("precision", FORMATS)
def test_no_tile_spills(cubin, graphs, precision, shape, monkeypatch):
    monkeypatch.setattr(cuda_tensor, "TENSOR_SHAPES", (shape,))
    cubin(graphs.matmul(1000, 333, 777), precision, "sm_80")
    cubin(graphs.matmul(1024, 512, 2048, transposed=True), precision, "sm_80")


@pytest.mark.parametrize(
    ("precision", "arch", "expected"),
    [
        ("bf16", "sm_80", {"HMMA", "LDSM"}), ("f16", "sm_89", {"HMMA", "LDSM"}),
        ("tf32", "sm_80", {"HMMA", "LDSM", "LDGSTS"}), ("bf16", "sm_90a", {"HMMA", "LDSM"}),
        ("tf32", "sm_120a", {"HMMA", "LDSM", "LDGSTS"}),
    ],
)  # fmt: skip
def test_the_machine_code_has_the_instructions_of_tensor_cores(
    cubin, graphs, tmp_path, precision, arch, expected
):
    graph = graphs.matmul(512, 256, 512)
    found = instructions(cubin(graph, precision, arch).image, tmp_path)
    assert expected <= found
    plain = instructions(cubin(graph, "f32", arch).image, tmp_path)
    assert "FFMA" in plain and not expected & plain


# What ptxas makes of wgmma, of its fences and waits, of a TMA copy, of mbarriers.
OF_WARPGROUPS = {"HGMMA", "WARPGROUP", "UTMALDG", "SYNCS"}


@pytest.mark.parametrize(
    ("precision", "shape"),
    [*(("bf16", shape) for shape in WARPGROUP_SHAPES),
     ("f16", WARPGROUP_SHAPES[1]), ("tf32", WARPGROUP_SHAPES[0])],
    ids=str,
)  # fmt: skip
def test_warpgroups_have_instructions_of_their_own(
    cubin, graphs, sass, precision, shape, monkeypatch
):
    monkeypatch.setattr(cuda_tiles, "pays", lambda *_: True)
    monkeypatch.setattr(cuda_wgmma, "WARPGROUP_SHAPES", (shape,))
    found = sass.instructions(cubin(graphs.matmul(300, 333, 270), precision, "sm_90a").image)
    product = found["k01_matmul_forward"]
    stems = {name.partition(".")[0] for name in product}
    assert stems >= OF_WARPGROUPS and not stems & {"HMMA", "LDSM", "LDGSTS", "LDL", "STL"}
    kinds = {"bf16": ".BF16", "f16": "", "tf32": ".TF32"}
    depth = 8 if precision == "tf32" else 16
    form = f"HGMMA.64x{shape.columns}x{depth}.F32{kinds[precision]}"
    assert form in product and any(name.startswith("UTMALDG.2D") for name in product)
    assert not any(stems & OF_WARPGROUPS for stems in stems_of_others(found))


def stems_of_others(found: dict[str, set[str]]) -> list[set[str]]:
    others = (names for kernel, names in found.items() if kernel != "k01_matmul_forward")
    return [{name.partition(".")[0] for name in names} for names in others]


def test_big_products_use_big_tiles_and_small_ones_fill_the_device(cuda_on_cpu, graphs):
    def tile(*sizes):
        graph = lower_precision(graphs.matmul(*sizes), OPS, "bf16")
        (kernel,) = cuda_on_cpu.function_of(graph).kernels
        return choose_tile(kernel, ARCHITECTURES["sm_80"])

    big, small = tile(4096, 1024, 4096), tile(256, 1024, 256)
    assert (big.shape.rows, big.shape.columns) == (128, 128) and big.left.width == 4
    assert small.grid >= 64
