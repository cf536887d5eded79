"""A source of CUDA kernels in, cubins out: in several modules, which are compiled side by side.

NVRTC takes seconds for hundreds of kernels, one after the other. Each module has what stands before
the first kernel and some of the kernels; together they have them all.
"""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

from netc.compiler.build.nvrtc import compile_cubin, is_kept

OPENING = re.compile(r'^extern "C" __global__ .*?\bvoid (\w+)\(', re.MULTILINE)
TOGETHER = 8  # kernels in a module: each module costs as much again as one or two of them


@dataclass(frozen=True)
class CudaModule:
    """A text with these kernels, and what was made of it."""

    kernels: tuple[str, ...]
    image: bytes


def compile_modules(source: str, arch: str) -> tuple[CudaModule, ...]:
    """The modules of a source for an architecture such as `sm_90a`, from the cache where they are
    there. Raises what `compile_cubin` does."""
    texts = (source,) if is_kept(source, arch) else in_parts(source)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        cubins = list(pool.map(lambda text: compile_cubin(text, arch), texts))
    return tuple(
        CudaModule(kernel_names(text), cubin.image)
        for text, cubin in zip(texts, cubins, strict=True)
    )


def in_parts(source: str) -> tuple[str, ...]:
    """Sources with a few neighbouring kernels each, all with the head of this one."""
    openings = list(OPENING.finditer(source))
    if len(openings) <= TOGETHER:
        return (source,)
    starts = [one.start() for one in openings]
    head, bounds = source[: starts[0]], (*starts[::TOGETHER], len(source))
    return tuple(head + source[start:end] for start, end in pairwise(bounds))


def kernel_names(source: str) -> tuple[str, ...]:
    return tuple(one[1] for one in OPENING.finditer(source))
