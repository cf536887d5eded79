"""What is known of every kernel of every example without a GPU: a table for each architecture.

Registers are compared with a table whose diff is read; spills, local memory, atomics and the
instructions that a kernel must have are checked outright.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from pathlib import Path

import pytest

from netc.compiler.build.nvrtc import Cubin, Resources, compile_cubin
from netc.compiler.driver import compile_file
from netc.compiler.program import FunctionFacts, KernelFacts, Program
from netc.compiler.targets.cuda_launches import CudaLaunch, from_json
from netc.compiler.targets.cuda_tiles import ARCHITECTURES

ROOT = Path(__file__).parents[3]
SHARED = {"blocks"}  # holds what others use
KIN = {"addition", "bert", "classify_text"}  # made of the blocks of gpt, in other sizes
KIN |= {"gru", "rnn", "sentiment", "seq2seq"}  # and of those of lstm
BLOCKS = {"recommend": "factors"}  # the train block where there are several
EXAMPLES = sorted({path.stem for path in (ROOT / "examples").glob("*.net")} - SHARED - KIN)
ARCHS = tuple(name for name in ARCHITECTURES if name != "sm_90")  # whose chip is that of sm_90a
FUNCTIONS = ("train", "evaluate")  # whose instructions are read
# Known, and to be mended: one kernel stacks 27 tensors by a ladder of conditions.
SPILLING = {"recommend": {"k30_deep_forward on sm_100a", "k30_deep_forward on sm_120a"}}
# They bring angles of any size into range, by a table on the stack and a product in double.
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
    instructions: dict[str, set[str]]


def compile_example(name: str, folder: Path) -> tuple[Program, Path]:
    return compile_file(ROOT / "examples" / f"{name}.net", train=BLOCKS.get(name), out=folder)


def build_all(name: str, folder: Path, sass) -> tuple[Built, ...]:
    """The functions of an example for every architecture, two at a time."""
    program, folder = compile_example(name, folder)
    program = program.on("cuda")

    def build(job: tuple[FunctionFacts, str]) -> Built:
        function, arch = job
        path = folder / "cuda" / f"{function.symbol}.cu"
        step, source = from_json(path.with_suffix(".json").read_text()), path.read_text()
        cubin = compile_cubin(source, arch)
        return Built(function, step.launches, arch, source, cubin, sass.instructions(cubin.image))

    chosen = [one for one in program.functions if one.name in FUNCTIONS and one.batch > 1]
    jobs = [(function, arch) for function in chosen for arch in ARCHS]
    with ThreadPoolExecutor(2) as workers:
        return tuple(workers.map(build, jobs))


def wrong_with(kernel: KernelFacts, used: Resources, launch: CudaLaunch, built: Built) -> list[str]:
    """What is wrong with one kernel; the stem of an instruction is what precedes its first dot."""
    there = {name.partition(".")[0] for name in built.instructions[kernel.name]}
    has_angles = ANGLES.search(source_of(kernel.name, built.source)) is not None
    allowed = REDUCTION if has_angles else set()
    found = [reason for name, reason in FORBIDDEN.items() if name in there - allowed]
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
    wanted = ["STG", *(["LDG"] if kernel.reads else []), *(["BAR"] if used.shared_bytes else [])]
    return wanted + (["FFMA"] if kernel.kind == "matmul" else [])


def table(everything: tuple[Built, ...]) -> str:
    """A row for each kernel of the training step: shared bytes, and registers by architecture."""
    step = [built for built in everything if built.function.symbol == "train"]
    kernels = step[0].function.kernels
    width = max(len(kernel.name) for kernel in kernels)
    lines = [f"{'kernel':{width}} shared" + "".join(f" {arch:>7}" for arch in ARCHS)]
    for kernel in kernels:
        used = [built.cubin.kernel(kernel.name) for built in step]
        registers = "".join(f" {one.registers:7}" for one in used)
        lines.append(f"{kernel.name:{width}} {max(one.shared_bytes for one in used):6}{registers}")
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
    assert checked >= 12 * len(ARCHS)
    golden(Path(__file__).parent / "golden" / "static" / f"{name}.txt", table(everything))


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_kernel_of_the_other_functions_spills(name, tmp_path):
    program, folder = compile_example(name, tmp_path / name)
    functions = program.on("cuda").functions
    others = [one for one in functions if one.name not in FUNCTIONS or one.batch == 1]

    def spilling(job: tuple[FunctionFacts, str]) -> tuple[int, list[str]]:
        function, arch = job
        source = (folder / "cuda" / f"{function.symbol}.cu").read_text()
        resources = compile_cubin(source, arch).resources
        spills = [f"{one} on {arch}" for one, r in resources if r.spill_loads or r.spill_stores]
        return len(resources), spills

    with ThreadPoolExecutor(2) as workers:
        found = list(workers.map(spilling, [(one, arch) for one in others for arch in ARCHS]))
    assert sum(count for count, _ in found) >= 6 * len(ARCHS)
    assert {spill for _, spills in found for spill in spills} == SPILLING.get(name, set())


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
    kernel = KernelFacts("k01", "matmul", "", "forward", (), 1, 1, 0.0, reads=(None,))
    launch = CudaLaunch("k01", (1, 1, 1), (256, 1, 1), 0, ())
    built = Built(None, (), "sm_80", SPOILED, cubin, sass.instructions(cubin.image))
    found = " ".join(wrong_with(kernel, cubin.kernel("k01"), launch, built))
    for reason in ("local memory is read", "an atomic", "double precision", "no FFMA", "spills"):
        assert reason in found
