"""The processor that C is written for: its vectors, and what it can do in a second."""

import os
from dataclasses import dataclass

from netc.compiler.build.cc import processor_flags
from netc.compiler.kernels.plan import Kernel, MatmulPlan
from netc.compiler.targets.cpu_tiles import CpuMachine


@dataclass(frozen=True)
class Speed:
    """Limits of a processor with all its threads: FLOP/s of products, FLOP/s of other arithmetic,
    bytes/s, and the seconds that a kernel takes to start and to meet at its barrier."""

    product_flops: float
    other_flops: float
    bytes: float
    start: float


# What generated code reaches of the processor's peak, measured on two cores of a Zen 3 and a Zen 5:
# products six tenths, other arithmetic a quarter; bytes come from the L2 and L3 caches.
PRODUCT_SHARE, OTHER_SHARE, BYTES_PER_CORE, START = 0.6, 0.25, 2.5e10, 1.0e-6
USUAL_HERTZ = 3.0e9  # where the system does not say


def speed_of(machine: CpuMachine, hertz: float) -> Speed:
    """The limits of a machine with a clock of `hertz`: two vector units that multiply and add."""
    peak = machine.cores * hertz * machine.lanes * 2 * 2
    return Speed(
        PRODUCT_SHARE * peak, OTHER_SHARE * peak / 4, BYTES_PER_CORE * machine.cores, START
    )


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


def predicted_seconds(kernel: Kernel, speed: Speed) -> float:
    """The greater of the time for its arithmetic and for its bytes, and the start."""
    is_product = isinstance(kernel.plan, MatmulPlan)
    flops = kernel.flops / (speed.product_flops if is_product else speed.other_flops)
    return speed.start + max(flops, kernel.bytes / speed.bytes)
