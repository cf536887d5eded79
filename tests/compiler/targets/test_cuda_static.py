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

from netc.compiler.build.nvrtc import Resources, compile_cubin
from netc.compiler.driver import compile_file
from netc.compiler.program import KernelFacts, Program, Tensor
from netc.compiler.targets.cuda_launches import CudaLaunch, from_json
from netc.compiler.targets.cuda_tiles import ARCHITECTURES

ROOT = Path(__file__).parents[3]
SHARED = {"blocks"}  # holds what others use
BLOCKS = {"recommend": "factors"}  # the train block where there are several
EXAMPLES = sorted({path.stem for path in (ROOT / "examples").glob("*.net")} - SHARED)
ARCHS = tuple(name for name in ARCHITECTURES if name != "sm_90")  # whose chip is that of sm_90a
LAST_READ = "sm_90a"  # whose instructions are counted in the table
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
    """One kernel for one architecture; `used` are its registers and bytes."""

    kernel: KernelFacts
    launch: CudaLaunch
    arch: str
    source: str
    used: Resources
    instructions: Counter[str]


def compile_example(name: str, folder: Path) -> tuple[Program, Path]:
    return compile_file(ROOT / "examples" / f"{name}.net", train=BLOCKS.get(name), out=folder)


def build_all(name: str, folder: Path, kernel_facts, sass) -> dict[str, list[list[Built]]]:
    """The kernels of each function of an example, each for every architecture."""
    program, folder = compile_example(name, folder)
    functions, texts, launches = program.on("cuda").functions, {}, {}
    for function in functions:
        path = folder / "cuda" / f"{function.symbol}.cu"
        texts[function.symbol] = kernel_facts.kernels_of(path.read_text())
        step = from_json(path.with_suffix(".json").read_text())
        launches[function.symbol] = {launch.kernel: launch for launch in step.launches}
    everything = [text for some in texts.values() for text in some.values()]
    with ThreadPoolExecutor(2) as workers:
        look = lambda arch: kernel_facts.look_into(everything, arch, sass.instructions)  # noqa: E731
        found = dict(zip(ARCHS, workers.map(look, ARCHS), strict=True))

    def build(symbol: str, kernel: KernelFacts, arch: str) -> Built:
        text = texts[symbol][kernel.name]
        facts = found[arch][text]
        launch = launches[symbol][kernel.name]
        return Built(kernel, launch, arch, text, facts.resources, facts.instructions)

    return {
        f.symbol: [[build(f.symbol, kernel, arch) for arch in ARCHS] for kernel in f.kernels]
        for f in functions
    }


def wrong_with(built: Built) -> list[str]:
    """What is wrong with one kernel; the stem of an instruction is what precedes its first dot."""
    used, has_angles = built.used, ANGLES.search(built.source) is not None
    allowed = REDUCTION if has_angles else set()
    there = {name.partition(".")[0] for name in built.instructions}
    found = [reason for name, reason in FORBIDDEN.items() if name in there - allowed]
    found += [f"no {name}" for name in required(built.kernel, used) if name not in there]
    if used.spill_loads or used.spill_stores or (used.stack_bytes and not has_angles):
        found.append(f"spills: {used}")
    if used.shared_bytes > SHARED_WITHOUT_ASKING:
        found.append(f"{used.shared_bytes} bytes of shared memory")
    if used.registers * prod(built.launch.block) > ARCHITECTURES[built.arch].registers:
        found.append(f"{used.registers} registers for {built.launch.block} threads")
    return found


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


def table(step: list[list[Built]]) -> str:
    """A row for each kernel of a training step: shared bytes, registers by architecture, and how
    many instructions it has on one of them."""
    width = max(len(first.kernel.name) for first, *_ in step)
    lines = [f"{'kernel':{width}} shared" + "".join(f" {arch:>7}" for arch in ARCHS)]
    lines[0] += "  instructions"
    for row in step:
        registers = "".join(f" {one.used.registers:7}" for one in row)
        shared = max(one.used.shared_bytes for one in row)
        lines.append(f"{row[0].kernel.name:{width}} {shared:6}{registers}")
        counted = row[ARCHS.index(LAST_READ)].instructions.total()
        lines[-1] += f" {counted:13}"
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_kernel_is_as_lean_as_it_was(name, golden, kernel_facts, sass, tmp_path):
    functions = build_all(name, tmp_path / name, kernel_facts, sass)
    checked = 0
    for symbol, kernels in functions.items():
        for built in (one for row in kernels for one in row):
            wrong = wrong_with(built)
            assert not wrong, f"{symbol} {built.kernel.name} on {built.arch}: {wrong}"
            checked += 1
    assert checked >= 18 * len(ARCHS)
    golden(Path(__file__).parent / "golden" / "static" / f"{name}.txt", table(functions["train"]))


def test_a_kernel_alone_is_what_it_is_in_its_function(kernel_facts, sass, tmp_path):
    program, folder = compile_example("feed", tmp_path)
    source = (folder / "cuda" / "train.cu").read_text()
    cubin = compile_cubin(source, LAST_READ)
    instructions = sass.instructions(cubin.image)
    texts = kernel_facts.kernels_of(source)
    found = kernel_facts.look_into(texts.values(), LAST_READ, sass.instructions)
    assert len(set(map(kernel_facts.without_names, texts.values()))) < len(texts) == len(found)
    assert texts.keys() == dict(cubin.resources).keys()
    for name, text in texts.items():
        assert found[text].resources == cubin.kernel(name), name
        assert found[text].instructions == instructions[name], name


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
    instructions = sass.instructions(cubin.image)["k01"]
    built = Built(kernel, launch, "sm_80", SPOILED, cubin.kernel("k01"), instructions)
    found = " ".join(wrong_with(built))
    for reason in ("local memory is read", "an atomic", "double precision", "no FFMA", "spills"):
        assert reason in found


QUADS = """
net rows(x: f32[4096, 512]) { return x -> softmax }
net map(x: f32[4096, 512]) { return tanh(x) * 2 + x }
"""


@pytest.mark.parametrize("arch", ARCHS)
def test_maps_and_rows_load_and_store_by_quads(kernel_facts, sass, tmp_path, arch):
    (tmp_path / "quads.net").write_text(QUADS)
    program, folder = compile_file(tmp_path / "quads.net", out=tmp_path / "build")
    for function in program.on("cuda").functions:
        source = (folder / "cuda" / f"{function.symbol}.cu").read_text()
        (kernel,) = function.kernels
        text = kernel_facts.kernels_of(source)[kernel.name]
        (facts,) = kernel_facts.look_into([text], arch, sass.instructions).values()
        moves = {name for name in facts.instructions if name.startswith(("LDG", "STG"))}
        assert moves and all(".128" in name for name in moves)


MANY = """
net norms(x: f32[N, 256]) {
    repeat 7 { x = x -> layer_norm -> gelu }
    return x -> dense(4)
}
train {
    take x: f32[N, 256], y: i32[N] from feed
    minimize cross_entropy(norms(x), y) with adamw(lr=3e-3, decay=0.01)
    clip 1.0
    batch 128
    steps 10
}
"""


def test_a_kernel_of_many_tensors_spills_nothing(kernel_facts, sass, tmp_path):
    """Left alone, the compiler keeps room for a second block and spills on some of them."""
    (tmp_path / "many.net").write_text(MANY)
    _, folder = compile_file(tmp_path / "many.net", out=tmp_path / "build")
    kernels = kernel_facts.kernels_of((folder / "cuda" / "train.cu").read_text())
    updates = [text for name, text in kernels.items() if name.endswith("_update")]
    update = max(updates, key=lambda text: text.count("__restrict__"))
    alone = update.replace("__launch_bounds__(256, 1)", "__launch_bounds__(256)")
    spilled = {}
    for arch in ("sm_75", "sm_86", "sm_100a"):
        found = kernel_facts.look_into([update, alone], arch, sass.instructions)
        spilled[arch] = [found[text].resources.spill_stores for text in (update, alone)]
    assert {held for held, _ in spilled.values()} == {0}
    assert any(stored for _, stored in spilled.values())


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
