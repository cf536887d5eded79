"""A number of bytes comes in; aligned zeroed memory in which tensors have places goes out."""

import os
from pathlib import Path

import numpy as np

from netc.compiler.program import Tensor
from netc.runtime.errors import ENVIRONMENT, fail

ALIGNMENT = 256
DTYPES = {
    "f32": np.dtype(np.float32), "f16": np.dtype(np.float16), "i32": np.dtype(np.int32),
    "u8": np.dtype(np.uint8), "bool": np.dtype(np.bool_),
}  # fmt: skip


def allocate(size: int) -> np.ndarray:
    """Zeroed bytes that start at a multiple of ALIGNMENT; NetError E0710 where they do not fit.

    The system hands out more than it has and kills who uses it: the plan is compared first.
    """
    free = free_memory()
    if free is not None and size > free:
        raise too_large(size, f"{free:,} are free")
    try:
        room = np.zeros(size + ALIGNMENT, np.uint8)
    except (MemoryError, ValueError) as error:
        raise too_large(size, "the system does not give them") from error
    start = -room.ctypes.data % ALIGNMENT
    return room[start : start + size]


def too_large(size: int, reason: str):
    return fail(
        "E0710",
        f"the program needs {size:,} bytes of memory, {reason}",
        help="a smaller batch needs less",
        exit_code=ENVIRONMENT,
    )


def free_memory() -> int | None:
    """Bytes that can be taken without swapping; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        kilobytes = next(line.split()[1] for line in lines if line.startswith("MemAvailable:"))
        return min(int(kilobytes) * 1024, container_memory())
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def container_memory() -> int:
    """What the container that this runs in may still take."""
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
        used = Path("/sys/fs/cgroup/memory.current").read_text(encoding="ascii")
        return 1 << 62 if limit == "max" else max(0, int(limit) - int(used))
    except (OSError, ValueError):
        return 1 << 62


def view(arena: np.ndarray, tensor: Tensor) -> np.ndarray:
    """The tensor itself, not a copy."""
    return np.ndarray(tensor.shape, DTYPES[tensor.dtype], arena, tensor.offset)


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
