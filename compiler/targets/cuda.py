"""Target `cuda`: a function in, one CUDA C source out, and its launches as data.

The source needs no header and no library: NVRTC turns it into a cubin as it stands.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from netc.compiler.kernels.lower import identifier
from netc.compiler.targets.cuda_kernel import cuda_kernel, render_kernel
from netc.compiler.targets.cuda_launches import to_json
from netc.compiler.targets.cuda_step import CudaField, CudaOutput, fields, launches, outputs
from netc.compiler.targets.cuda_tiles import ARCHITECTURES, THREADS, CudaArchitecture
from netc.compiler.targets.function import Function
from netc.compiler.targets.templates import render

# Device code beside the templates, and the calls that need it.
PARTS = {
    "math": "",
    "round": r"netc_to_(tf32|bf16|f16)\(|netc_w?g?mma_",
    "ptx": r"netc_w?g?mma_",
    "ptx_sm90": r"netc_wgmma_",
    "pieces": r"netc_piece_",
    "tensor": r"netc_mma_",
    "wide": r"netc_(load|store)[14]\(",
    "random": r"netc_(uniform|normal)\(",
}


@dataclass(frozen=True)
class CudaFunction:
    """A function as its template wants it; device code and kernels are finished text."""

    name: str
    header: tuple[str, ...]
    batch: int
    take_threads: int
    device_code: tuple[str, ...]
    fields: tuple[CudaField, ...]
    kernels: tuple[str, ...]
    outputs: tuple[CudaOutput, ...]


def render_function(function: Function, arch: str, source_lines: tuple[str, ...]) -> str:
    """The CUDA C of a function; `source_lines` are those of the user's file, for comments."""
    facts = ARCHITECTURES[arch]
    kernels = tuple(
        render_kernel(cuda_kernel(kernel, function, facts, source_lines))
        for kernel in function.kernels
    )
    return render(
        "cuda/function.cu.j2",
        function=CudaFunction(
            name=identifier(function.name),
            header=function_header(function, facts),
            batch=function.batch,
            take_threads=THREADS,
            device_code=tuple(device_code(part) for part in parts_of(kernels)),
            fields=fields(function),
            kernels=kernels,
            outputs=outputs(function),
        ),
    )


def build_files(
    function: Function,
    arch: str,
    symbol: str,
    source_lines: tuple[str, ...],
    place: str = "cuda",
) -> dict[str, str]:
    """What the build folder holds of a function for this target: texts by their paths in it."""
    return {
        f"{place}/{symbol}.cu": render_function(function, arch, source_lines),
        f"{place}/{symbol}.json": to_json(launches(function, arch, symbol)),
    }


def parts_of(kernels: tuple[str, ...]) -> tuple[str, ...]:
    """The parts of device code that these kernels need, those first that others call."""
    text = "".join(kernels)
    return tuple(name for name, call in PARTS.items() if re.search(call, text))


@cache
def device_code(name: str) -> str:
    """A part of the source that is the same in every program: `math`, `random` ..."""
    return (files("netc.templates") / "cuda" / f"netc_{name}.cuh").read_text(encoding="utf-8")


def function_header(function: Function, arch: CudaArchitecture) -> tuple[str, ...]:
    return (
        f"{function.name}: {len(function.kernels)} kernels for a batch of {function.batch}, "
        f"in an arena of {function.memory.arena_bytes:,} bytes.",
        f"Written by netc for {arch.name}, for the likes of {arch.device}. "
        "Kernels run in the order of this file.",
    )
