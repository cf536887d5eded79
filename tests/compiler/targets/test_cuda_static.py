"""What is known of every kernel of every example without a GPU: a table for each architecture.

Registers are compared with a table whose diff is read; spills, local memory, atomics and the
instructions that a kernel must have are checked outright.
"""

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from pathlib import Path

import pytest

from netc.compiler.build.nvrtc import Cubin, Resources, compile_cubin
from netc.compiler.driver import compile_file
from netc.compiler.program import FunctionFacts, KernelFacts, Program, Tensor
from netc.compiler.targets.cuda_launches import CudaLaunch, from_json
from netc.compiler.targets.cuda_tiles import ARCHITECTURES

ROOT = Path(__file__).parents[3]
SHARED = {"blocks"}  # holds what others use
KIN = {"addition", "bert", "classify_text"}  # made of the blocks of gpt, in other sizes
KIN |= {"gru", "rnn", "sentiment", "seq2seq"}  # and of those of lstm
KIN |= {"vae"}  # its kernels are those of autoencoder and gan
BLOCKS = {"recommend": "factors"}  # the train block where there are several
EXAMPLES = sorted({path.stem for path in (ROOT / "examples").glob("*.net")} - SHARED - KIN)
ARCHS = tuple(name for name in ARCHITECTURES if name != "sm_90")  # whose chip is that of sm_90a
FUNCTIONS = ("train", "evaluate")  # whose instructions are read for every architecture
READ = ("sm_75", "sm_90a")  # and those of the others: nvdisasm takes as long as the compiler
# sinf and cosf are right to 2 ulp for every float, which no shorter reduction is: angles of any
# size come into range by a table on the stack and a product in double.
ANGLES = re.compile(r"\b(cosf|sinf|netc_normal)\(")
REDUCTION = {"LDL", "STL", "DMUL"}
SHARED_WITHOUT_ASKING = 48 * 1024
FORBIDDEN = {
    "LDL": "local memory is read", "STL": "local memory is written",
    "ATOM": "an atomic", "ATOMG": "an atomic", "ATOMS": "an atomic", "RED": "an atomic",
    "DADD": "double precision", "DMUL": "double precision", "DFMA": "double precision",
}  # fmt: skip


@dataclass(frozen=True)
class Built:
    """One function for one architecture."""

    function: FunctionFacts
    launches: tuple[CudaLaunch, ...]
    arch: str
    source: str
    cubin: Cubin
    instructions: dict[str, Counter[str]]


def compile_example(name: str, folder: Path) -> tuple[Program, Path]:
    return compile_file(ROOT / "examples" / f"{name}.net", train=BLOCKS.get(name), out=folder)


def build_all(name: str, folder: Path, sass) -> tuple[Built, ...]:
    """The functions of an example for every architecture, two at a time."""
    program, folder = compile_example(name, folder)
    functions = program.on("cuda").functions

    def build(job: tuple[FunctionFacts, str]) -> Built:
        function, arch = job
        path = folder / "cuda" / f"{function.symbol}.cu"
        step, source = from_json(path.with_suffix(".json").read_text()), path.read_text()
        cubin = compile_cubin(source, arch)
        is_read = arch in READ or (function.name in FUNCTIONS and function.batch > 1)
        found = sass.instructions(cubin.image) if is_read else {}
        return Built(function, step.launches, arch, source, cubin, found)

    jobs = [(function, arch) for function in functions for arch in ARCHS]
    with ThreadPoolExecutor(2) as workers:
        return tuple(workers.map(build, jobs))


def wrong_with(kernel: KernelFacts, used: Resources, launch: CudaLaunch, built: Built) -> list[str]:
    """What is wrong with one kernel; the stem of an instruction is what precedes its first dot."""
    has_angles = ANGLES.search(source_of(kernel.name, built.source)) is not None
    allowed = REDUCTION if has_angles else set()
    found = []
    if built.instructions:
        there = {name.partition(".")[0] for name in built.instructions[kernel.name]}
        found += [reason for name, reason in FORBIDDEN.items() if name in there - allowed]
        found += [f"no {name}" for name in required(kernel, used) if name not in there]
    if used.spill_loads or used.spill_stores or (used.stack_bytes and not has_angles):
        found.append(f"spills: {used}")
    if used.shared_bytes > SHARED_WITHOUT_ASKING:
        found.append(f"{used.shared_bytes} bytes of shared memory")
    if used.registers * prod(launch.block) > ARCHITECTURES[built.arch].registers:
        found.append(f"{used.registers} registers for {launch.block} threads")
    return found


def source_of(kernel: str, source: str) -> str:
    """The kernel's function, without the device functions that precede it."""
    return source.partition(f"{kernel}(\n")[2].partition("\n}")[0]


def required(kernel: KernelFacts, used: Resources) -> list[str]:
    """Global memory is read and written as such, shared memory waited for, a product fused."""
    if is_nothing(kernel):
        return []
    wanted = ["STG", *(["LDG"] if kernel.reads else []), *(["BAR"] if used.shared_bytes else [])]
    return wanted + (["FFMA"] if kernel.kind == "matmul" else [])


def is_nothing(kernel: KernelFacts) -> bool:
    """Whether it stores what it reads where it reads it: the compiler leaves nothing of it. A
    result in another shape is such a kernel, and a mean over a batch of one."""
    places = {(one.offset, prod(one.shape)) for one in (*kernel.reads, *kernel.writes)}
    counts = {count for _, count in places}
    return kernel.terms == 1 and len(places) == 1 and (kernel.flops == 0 or counts == {1})


def table(everything: tuple[Built, ...]) -> str:
    """A row for each kernel of the training step: shared bytes, registers by architecture, and the
    instructions of the last one that is read."""
    step = [built for built in everything if built.function.symbol == "train"]
    kernels = step[0].function.kernels
    width = max(len(kernel.name) for kernel in kernels)
    lines = [f"{'kernel':{width}} shared" + "".join(f" {arch:>7}" for arch in ARCHS)]
    lines[0] += "  instructions"
    (last,) = (built for built in step if built.arch == READ[-1])
    for kernel in kernels:
        used = [built.cubin.kernel(kernel.name) for built in step]
        registers = "".join(f" {one.registers:7}" for one in used)
        lines.append(f"{kernel.name:{width}} {max(one.shared_bytes for one in used):6}{registers}")
        lines[-1] += f" {last.instructions[kernel.name].total():13}"
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_kernel_is_as_lean_as_it_was(name, golden, sass, tmp_path):
    everything = build_all(name, tmp_path / name, sass)
    checked = 0
    for built in everything:
        launches = {launch.kernel: launch for launch in built.launches}
        for kernel in built.function.kernels:
            used = built.cubin.kernel(kernel.name)
            wrong = wrong_with(kernel, used, launches[kernel.name], built)
            assert not wrong, f"{built.function.symbol} {kernel.name} on {built.arch}: {wrong}"
            checked += 1
    assert checked >= 18 * len(ARCHS)
    golden(Path(__file__).parent / "golden" / "static" / f"{name}.txt", table(everything))


SPOILED = """
extern "C" __global__ void k01(float *out, const float *in)
{
    volatile float many[64];
    for (int i = 0; i < 64; i++) many[i] = in[i];
    atomicAdd(out, many[(int)in[64] & 63]);
    out[1] = (float)((double)in[2] * 0.1 + in[3]);
}
"""


def test_what_is_forbidden_is_seen(sass):
    cubin = compile_cubin(SPOILED, "sm_80")
    reads = (Tensor("in", "f32", (65,), 0),)
    kernel = KernelFacts("k01", "matmul", "", "forward", (), 1, 1, 0.0, reads)
    launch = CudaLaunch("k01", (1, 1, 1), (256, 1, 1), 0, ())
    built = Built(None, (), "sm_80", SPOILED, cubin, sass.instructions(cubin.image))
    found = " ".join(wrong_with(kernel, cubin.kernel("k01"), launch, built))
    for reason in ("local memory is read", "an atomic", "double precision", "no FFMA", "spills"):
        assert reason in found


WIDE = "net only(x: f32[4096, 512]) { return x -> dense(4096) -> relu }"


@pytest.mark.parametrize("arch", ARCHS)
def test_a_product_loads_multiplies_and_stores_by_quads(sass, tmp_path, arch):
    (tmp_path / "wide.net").write_text(WIDE)
    program, folder = compile_file(tmp_path / "wide.net", out=tmp_path / "build")
    function = program.on("cuda").functions[0]
    cubin = compile_cubin((folder / "cuda" / f"{function.symbol}.cu").read_text(), arch)
    (product,) = (one.name for one in function.kernels if one.kind == "matmul")
    found = sass.instructions(cubin.image)[product]
    assert any(name.startswith("LDG.E.128") for name in found)
    assert any(name.startswith("STG.E.128") for name in found)
    quads = sum(n for name, n in found.items() if name.startswith("LDS.") and "128" in name)
    assert found["FFMA"] >= 16 * quads > 0
