"""The processor that C is written for: its vectors and its cores."""

import os

from netc.compiler.build.cc import NATIVE, instruction_sets
from netc.compiler.targets.cpu_tiles import CpuMachine

USUAL_HERTZ = 3.0e9  # where the system does not say


def this_machine() -> CpuMachine:
    return machine_of(NATIVE)


def machine_of(march: str) -> CpuMachine:
    """The facts that tiles depend on, of this processor or of another one by the C compiler's name
    for it, with as many cores as there are here. Raises NetError for a name that it does not know.
    """
    sets, cores = instruction_sets(march), os.cpu_count() or 1
    if "avx512f" in sets:
        return CpuMachine("avx512", vector_bytes=64, registers=32, cores=cores, march=march)
    if "avx2" in sets:
        return CpuMachine("avx2", vector_bytes=32, registers=16, cores=cores, march=march)
    if "asimd" in sets:
        return CpuMachine("neon", vector_bytes=16, registers=32, cores=cores, march=march)
    return CpuMachine("sse2", vector_bytes=16, registers=16, cores=cores, march=march)
