"""The processor comes in; what its threads reach at their best goes out, measured once and kept.

Half a second the first time on a machine; then a file of the cache that is read.
"""

import ctypes
import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from netc.compiler.build.cc import build_library
from netc.compiler.build.processor import processor, vector_bytes
from netc.compiler.cache import keep, key_of, look_up

SUMS = 12  # independent vectors of netc_peaks.c
TRIES = 9  # the best of so many: what a machine can do, not what else it did
REPEATS = 50_000
# Floats in the part of one thread: it fits into the L2 cache, into the L3 cache, into neither.
NEAR, MIDDLE, FAR = 1 << 16, 1 << 20, 1 << 24
# What surely lies in the L2 cache of a core, and in the L3 cache.
NEAR_BYTES, MIDDLE_BYTES = 1 << 19, 1 << 24


@dataclass(frozen=True)
class Peaks:
    """With all `threads`: FLOP/s of products, and bytes/s, read and written, from the L2 caches,
    from the L3 cache and from memory."""

    threads: int
    flops: float
    near_bytes: float
    middle_bytes: float
    memory_bytes: float

    def bytes_rate(self, footprint: float) -> float:
        """Bytes/s of what touches so many bytes: from the nearest memory that holds them."""
        if footprint <= NEAR_BYTES * self.threads:
            return self.near_bytes
        return self.middle_bytes if footprint <= MIDDLE_BYTES else self.memory_bytes

    def __str__(self) -> str:
        return (
            f"{self.flops / 1e9:.0f} GFLOP/s; {self.near_bytes / 1e9:.0f} GB/s from the L2 caches, "
            f"{self.middle_bytes / 1e9:.0f} from the L3, {self.memory_bytes / 1e9:.0f} from memory"
        )


def known_peaks(threads: int) -> Peaks | None:
    """What was measured here before, if it was."""
    kept = look_up(peaks_key(threads))
    try:
        return None if kept is None else Peaks(**json.loads(kept))
    except (TypeError, ValueError):
        return None


def measured_peaks(threads: int) -> Peaks:
    """What was measured here before, or is measured now. Raises NetError without a C compiler."""
    peaks = known_peaks(threads)
    if peaks is None:
        peaks = measure(threads)
        keep(peaks_key(threads), json.dumps(asdict(peaks)).encode())
    return peaks


def peaks_key(threads: int) -> str:
    return key_of("peaks 1", processor(), str(threads))


def measure(threads: int) -> Peaks:
    """Build the probe, run each of its loops a few times, take the best."""
    with tempfile.TemporaryDirectory(prefix="netc-") as folder:
        for name in ("netc_peaks.c", "netc_threads.h"):
            text = (files("netc.templates") / "cpu" / name).read_text()
            text = text.replace("NETC_VECTOR_BYTES", str(vector_bytes()))
            (Path(folder) / name).write_text(text)
        library = ctypes.CDLL(str(build_library(Path(folder) / "netc_peaks.c")))
    library.netc_product_rate.restype = library.netc_copy_rate.restype = ctypes.c_double
    threads = library.netc_start(threads)
    products = best(lambda: library.netc_product_rate(ctypes.c_int64(REPEATS)))
    data = np.zeros(FAR * threads, np.float32)
    rates = [copy_rate(library, data, count) for count in (NEAR, MIDDLE, FAR)]
    library.netc_start(1)
    return Peaks(threads, 2.0 * SUMS * (vector_bytes() // 4) * products, *rates)


def copy_rate(library: ctypes.CDLL, data: np.ndarray, count: int) -> float:
    """Bytes/s of copying parts of so many floats."""
    call = (ctypes.c_void_p(data.ctypes.data), ctypes.c_int64(count), ctypes.c_int64(FAR // count))
    return 4.0 * count * best(lambda: library.netc_copy_rate(*call))


def best(measure: Callable[[], float]) -> float:
    return max(measure() for _ in range(TRIES))
