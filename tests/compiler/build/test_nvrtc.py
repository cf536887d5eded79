"""NVRTC: cubins, their cache, and what happens where it is missing or refuses a source."""

import pytest

from netc.compiler.build import nvrtc
from netc.compiler.build.nvrtc import Resources, compile_cubin, parse_log
from netc.compiler.diagnostics import NetError, render
from netc.compiler.ir.verify import InternalError

KERNEL = """
extern "C" __global__ void double_it(float *x)
{
    __shared__ float kept[64];
    kept[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    x[threadIdx.x] = 2.0f * kept[63 - threadIdx.x];
}
"""


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NETC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_cubin_comes_with_what_its_kernels_use():
    cubin = compile_cubin(KERNEL, "sm_80")
    used = cubin.kernel("double_it")
    assert cubin.image[:4] == b"\x7fELF"
    assert used.shared_bytes == 256 and 4 < used.registers < 32
    assert used.stack_bytes == used.spill_stores == used.spill_loads == 0


def test_the_same_source_is_compiled_once_for_each_architecture(cache_folder, monkeypatch):
    first, other = compile_cubin(KERNEL, "sm_80"), compile_cubin(KERNEL, "sm_90a")
    assert first.image != other.image
    assert len(list(cache_folder.iterdir())) == 2
    monkeypatch.setattr(nvrtc, "run_nvrtc", None)
    assert compile_cubin(KERNEL, "sm_80") == first


def test_a_damaged_entry_of_the_cache_is_made_anew(cache_folder):
    first = compile_cubin(KERNEL, "sm_80")
    (entry,) = cache_folder.iterdir()
    whole = entry.read_bytes()
    for damaged in (whole[:-1], whole[:40], b"", whole[:60] + b"\0" + whole[61:]):
        entry.write_bytes(damaged)
        assert compile_cubin(KERNEL, "sm_80") == first
        assert entry.read_bytes() == whole


def test_a_source_that_is_refused_is_our_fault_and_is_kept(cache_folder):
    with pytest.raises(InternalError, match="(?s)NVRTC rejects .*undefined") as caught:
        compile_cubin(KERNEL.replace("x[threadIdx.x] = 2", "y = 2"), "sm_80")
    (kept,) = cache_folder.glob("rejected-*.cu")
    assert str(kept) in str(caught.value) and "y = 2" in kept.read_text()


def test_without_nvrtc_the_error_names_the_line_that_installs_it(monkeypatch):
    monkeypatch.setattr(nvrtc, "find_spec", lambda name: None)
    nvrtc.load_nvrtc.cache_clear()
    with pytest.raises(NetError) as caught:
        compile_cubin(KERNEL, "sm_80")
    nvrtc.load_nvrtc.cache_clear()
    assert caught.value.exit_code == 4
    assert 'pip install "netc[cuda]"' in render(caught.value.diagnostics[0])


def test_the_log_is_read_whatever_the_order_of_its_kernels():
    log = """ptxas info    : Compiling entry function 'b' for 'sm_90a'
ptxas info    : Function properties for b
ptxas         .     16 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 40 registers, used 1 barriers, 4224 bytes smem
ptxas info    : Compiling entry function 'a' for 'sm_90a'
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 8 registers"""
    expected = (("a", Resources(8, 0, 0, 0, 0)), ("b", Resources(40, 4224, 16, 8, 12)))
    assert parse_log(log) == expected
