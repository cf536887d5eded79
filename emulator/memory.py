"""Arrays in, memory for kernels out: bytes, and for each of them whether it has a value."""

import ctypes
import mmap
import weakref
from dataclasses import dataclass

import numpy as np

PAGE = mmap.PAGESIZE
ALIGNMENT = 256
GUARD = 1 << 20  # bytes that cannot be used, before and after
NO_ACCESS, PRIVATE_ANONYMOUS_UNRESERVED = 0, 0x4022


@dataclass(frozen=True)
class Buffer:
    """Memory that a kernel is given: `bytes` and `written` are contiguous uint8 of one length."""

    name: str
    bytes: np.ndarray
    written: np.ndarray


@dataclass(frozen=True)
class TensorMap:
    """A matrix for TMA: `sizes` and `box` in elements, fastest axis first; `stride` in bytes.

    Lines of a box are swizzled by 32, 64 or 128 bytes where `swizzle` is 1, 2 or 3.
    """

    buffer: Buffer
    sizes: tuple[int, int]
    stride: int
    box: tuple[int, int]
    element_bytes: int
    swizzle: int = 0

    def pack(self, address: int) -> np.ndarray:
        """The 128 bytes that the machine reads, for a buffer that lies at this address.

        Raises ValueError for what the driver refuses to encode.
        """
        wrong = self.why_not(address)
        if wrong:
            raise ValueError(f"a tensor map of {self.buffer.name}: {wrong}")
        words = np.zeros(16, np.uint64)
        words[0] = address
        words[1] = 2 | self.element_bytes << 32
        words[2:4], words[6] = self.sizes, self.stride
        halves = words.view(np.uint32)
        halves[16:18], halves[19] = self.box, self.swizzle
        return words

    def why_not(self, address: int) -> str | None:
        """What is wrong with it, by the limits of the driver."""
        line, span = self.box[0] * self.element_bytes, 16 << self.swizzle
        limits = {
            "it begins at no multiple of 16 bytes": address % 16,
            "its lines begin at no multiples of 16 bytes": self.stride % 16,
            "a box has more than 256 elements along an axis": max(self.box) > 256,
            "a line of a box is no multiple of 16 bytes": line % 16,
            "a line of a box is longer than its swizzle": span > 16 and line > span,
        }
        return next((words for words, is_broken in limits.items() if is_broken), None)


def buffer(name: str, array: np.ndarray, has_values: bool = True) -> Buffer:
    """A contiguous array as a buffer, which shares its memory."""
    assert array.flags.c_contiguous
    size = array.nbytes
    written = np.full(size, has_values, np.uint8)
    return Buffer(name, array.reshape(-1).view(np.uint8), written)


def guarded(size: int) -> np.ndarray:
    """Aligned zeroed bytes that end, but for less than ALIGNMENT, where memory ends.

    An access that runs over the end is stopped by the processor. Raises MemoryError.
    """
    system = ctypes.CDLL(None, use_errno=True)
    system.mmap.restype = ctypes.c_void_p
    room = -(-max(size, 1) // PAGE) * PAGE
    total = ctypes.c_size_t(room + 2 * GUARD)
    start = system.mmap(None, total, NO_ACCESS, PRIVATE_ANONYMOUS_UNRESERVED, -1, ctypes.c_long(0))
    if start in (None, ctypes.c_void_p(-1).value):
        raise MemoryError(f"{size} bytes")
    first = start + GUARD
    system.mprotect(ctypes.c_void_p(first), ctypes.c_size_t(room), mmap.PROT_READ | mmap.PROT_WRITE)
    used = -(-size // ALIGNMENT) * ALIGNMENT
    block = (ctypes.c_uint8 * size).from_address(first + room - used)
    weakref.finalize(block, system.munmap, ctypes.c_void_p(start), total)
    return np.ctypeslib.as_array(block) if size else np.zeros(0, np.uint8)
