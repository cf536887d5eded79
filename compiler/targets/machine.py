"""The processor that C is written for: its vectors and its cores."""

import os

from netc.compiler.build.cc import processor_flags
from netc.compiler.targets.cpu_tiles import CpuMachine

USUAL_HERTZ = 3.0e9  # where the system does not say


def this_machine() -> CpuMachine:
    """The facts that tiles depend on, as the processor names its instruction sets."""
    flags, cores = processor_flags(), os.cpu_count() or 1
    if "avx512f" in flags:
        return CpuMachine("avx512", vector_bytes=64, registers=32, cores=cores)
    if "avx2" in flags:
        return CpuMachine("avx2", vector_bytes=32, registers=16, cores=cores)
    if "asimd" in flags:
        return CpuMachine("neon", vector_bytes=16, registers=32, cores=cores)
    return CpuMachine("sse2", vector_bytes=16, registers=16, cores=cores)
