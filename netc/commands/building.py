"""A build folder and a target in, compiled modules beside the sources and a report of them out."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from pathlib import Path

from netc.api import ENDINGS
from netc.compiler.build.cc import build_library
from netc.compiler.diagnostics import NetError
from netc.compiler.program import FunctionFacts, Program
from netc.runtime.files import write_atomically

AT_ONCE = 2  # compilers that run side by side
NO_COMPILER = "E0711"


def build_cpu(program: Program, folder: Path, everything: bool) -> tuple[str, ...]:
    """Build the C libraries that training needs, or all; the rest is built at its first use.

    Says so, and does no more, where there is no C compiler: the sources are complete.
    """
    wanted = [
        source_of(folder, one, "cpu")
        for one in program.functions
        if everything or one.name in ("train", "evaluate")
    ]
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(partial(build_library, march=program.march), wanted))
    except NetError as error:
        if everything or error.diagnostics[0].code != NO_COMPILER:
            raise
        return ("cpu library  not built: there is no C compiler here (netc explain E0711)",)
    return ()


def build_cuda(program: Program, folder: Path, arch: str) -> tuple[str, ...]:
    """Build a cubin of every function; a line for each kernel says what it takes of the GPU."""
    nvrtc = import_module("netc.compiler.build.nvrtc")  # loads NVRTC: only where it is wanted
    sources = [source_of(folder, one, "cuda") for one in program.on("cuda").functions]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        cubins = list(pool.map(lambda path: nvrtc.compile_cubin(path.read_text(), arch), sources))
    lines = [f"\n{arch + ' kernels':48}registers  shared bytes  spilled bytes"]
    for path, cubin in zip(sources, cubins, strict=True):
        write_atomically(path.with_suffix(f".{arch}.cubin"), cubin.image)
        lines.append(path.stem)
        lines += [
            f"  {name:46}{one.registers:9}{one.shared_bytes:14,}"
            f"{one.spill_stores + one.spill_loads:15,}"
            for name, one in sorted(cubin.resources)
        ]
    return tuple(lines)


def source_of(folder: Path, function: FunctionFacts, target: str) -> Path:
    where, ending = ENDINGS[target]
    return folder / where / f"{function.symbol}.{ending}"
