"""What the system says of this processor: its instruction sets and its clock."""

import platform
from functools import cache


@cache
def processor() -> str:
    """What tells this processor from others that run other instructions."""
    return f"{platform.machine()} {' '.join(sorted(processor_flags()))}"


@cache
def processor_flags() -> frozenset[str]:
    """The instruction sets that Linux names for this processor; none where it does not say."""
    return frozenset((processor_fact("flags") or processor_fact("Features")).split())


def vector_bytes() -> int:
    """The width of this processor's vector registers, from the names of its instruction sets."""
    flags = processor_flags()
    return 64 if "avx512f" in flags else 32 if "avx2" in flags else 16


def processor_hertz() -> float:
    """The clock that Linux gives for this processor; 0 where it does not say."""
    return float(processor_fact("cpu MHz") or 0) * 1e6


@cache
def processor_fact(name: str) -> str:
    """What /proc/cpuinfo says of the first processor under this name, or nothing."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            lines = (line.partition(":") for line in file)
            return next((text.strip() for key, _, text in lines if key.strip() == name), "")
    except OSError:
        return ""
