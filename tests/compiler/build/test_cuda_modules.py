"""Modules of some kernels each hold what the whole source does."""

import pytest

from netc.compiler.build.cuda_modules import TOGETHER, compile_modules, in_parts, kernel_names
from netc.compiler.build.nvrtc import compile_cubin

HEAD = "__device__ float twice(float x) { return 2.0f * x; }\n\n"
KERNEL = """\
// {name}: element by element
extern "C" __global__ __launch_bounds__(32) void {name}(
    float *__restrict__ y)
{{
    if (threadIdx.x > 3) {{
        return;
    }}
    y[threadIdx.x] = twice({number}.0f);
}}
"""


def source(count: int) -> str:
    return HEAD + "\n".join(KERNEL.format(name=f"k{i}", number=i) for i in range(count))


@pytest.mark.parametrize("count", [1, TOGETHER, TOGETHER + 1, 3 * TOGETHER])
def test_every_kernel_is_in_one_part_with_the_head(count):
    parts = in_parts(source(count))
    assert len(parts) == -(-count // TOGETHER)
    assert all(part.startswith(HEAD) for part in parts)
    names = [name for part in parts for name in kernel_names(part)]
    assert names == [f"k{i}" for i in range(count)]
    assert all(part.count("twice(") == 1 + len(kernel_names(part)) for part in parts)


def test_a_kernel_may_be_one_line():
    text = source(TOGETHER) + 'extern "C" __global__ void nothing() {}\n'
    assert [kernel_names(part) for part in in_parts(text)][1:] == [("nothing",)]
    assert all(part.startswith(HEAD) for part in in_parts(text))


def test_parts_have_the_kernels_of_a_program_to_the_letter(small):
    _, folder = small
    text = (folder / "cuda" / "train.cu").read_text()
    parts = in_parts(text)
    assert len(parts) > 1
    for name in kernel_names(text):
        start = text.rindex("\nextern", 0, text.index(f"void {name}(")) + 1
        kernel = text[start : text.index("\n}\n", start)]
        assert sum(kernel in part for part in parts) == 1


def test_modules_are_compiled_and_found_again(monkeypatch, tmp_path):
    monkeypatch.setenv("NETC_CACHE", str(tmp_path))
    text = source(TOGETHER + 2)
    modules = compile_modules(text, "sm_80")
    assert [module.kernels for module in modules] == [
        tuple(f"k{i}" for i in range(TOGETHER)), (f"k{TOGETHER}", f"k{TOGETHER + 1}"),
    ]  # fmt: skip
    assert all(module.image[1:4] == b"ELF" for module in modules)
    assert compile_modules(text, "sm_80") == modules


def test_a_module_that_is_kept_whole_is_taken(monkeypatch, tmp_path):
    monkeypatch.setenv("NETC_CACHE", str(tmp_path))
    text = source(TOGETHER + 2)
    whole = compile_cubin(text, "sm_80")
    (module,) = compile_modules(text, "sm_80")
    assert module.image == whole.image and module.kernels == kernel_names(text)
