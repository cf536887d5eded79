"""A matrix in device memory in, its tensor map out: 128 bytes by which TMA fetches boxes of it."""

import ctypes
from collections.abc import Callable

from netc.compiler.targets.cuda_launches import Matrix
from netc.runtime.cuda_driver import LIBRARY, DriverError

Encode = Callable[[int, Matrix], bytes]  # (address, matrix) -> tensor map
BYTES, ALIGNMENT = 128, 64
# The driver's numbers. A tf32 is a float whose low bits are zero already.
DATA_TYPES = {"f16": 6, "tf32": 7, "bf16": 9}
NO_INTERLEAVING, SWIZZLE_128, PROMOTE_TO_256, ZEROS_OUTSIDE = 0, 3, 3, 0


def encode_by_driver(address: int, matrix: Matrix) -> bytes:
    """The tensor map of a matrix at this address, by the driver; raises DriverError.

    The driver writes at a multiple of 64 bytes, where the objects of cuda-python do not always lie.
    """
    room = (ctypes.c_char * (BYTES + ALIGNMENT))()
    place = -(-ctypes.addressof(room) // ALIGNMENT) * ALIGNMENT
    status = ctypes.CDLL(LIBRARY).cuTensorMapEncodeTiled(*encode_arguments(place, address, matrix))
    if status:
        raise DriverError(f"cuTensorMapEncodeTiled fails with {status} for {matrix}")
    return ctypes.string_at(place, BYTES)


def encode_arguments(place: int, address: int, matrix: Matrix) -> tuple:
    """What cuTensorMapEncodeTiled takes: sizes in elements with the fastest axis first, and the
    bytes from line to line."""
    return (
        ctypes.c_void_p(place),
        ctypes.c_int(DATA_TYPES[matrix.element]),
        ctypes.c_uint32(2),
        ctypes.c_void_p(address),
        (ctypes.c_uint64 * 2)(matrix.line, matrix.lines),
        (ctypes.c_uint64 * 1)(matrix.line_bytes),
        (ctypes.c_uint32 * 2)(matrix.box_line, matrix.box_lines),
        (ctypes.c_uint32 * 2)(1, 1),
        ctypes.c_int(NO_INTERLEAVING),
        ctypes.c_int(SWIZZLE_128),
        ctypes.c_int(PROMOTE_TO_256),
        ctypes.c_int(ZEROS_OUTSIDE),
    )
