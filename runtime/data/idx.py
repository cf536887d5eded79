"""An IDX file, plain or gzip-compressed, comes in; its array goes out.

Exactly the bytes that the header declares are read, and then the file must end.
"""

import gzip
import math
import os
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

from netc.runtime.data.dataset import MOST_BYTES
from netc.runtime.data.reading import MOST_EXPANSION, reading
from netc.runtime.data.spool import most_in_memory

CODES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MOST_AXES = 8


def read_idx(path: Path, limit: int = MOST_BYTES) -> np.ndarray:
    """The array in a file, in the type that the file has. One that is not compressed and that
    memory should not hold stays in the file."""
    with reading(path), open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size <= most_in_memory() or file.read(2) == b"\x1f\x8b":
            file.seek(0)
            return decode_idx(file, size, limit)
        file.seek(0)
        dtype, shape = read_header(file)
        declared, held = math.prod(shape) * dtype.itemsize, size - file.tell()
        if declared != held:
            raise ValueError(f"the header declares {declared} bytes, the file holds {held}")
        return np.memmap(path, dtype, "r", file.tell(), shape)


def decode_idx(file: BinaryIO, size: int, limit: int = MOST_BYTES) -> np.ndarray:
    """The array in a file of `size` bytes; ValueError, EOFError or zlib's error if it has none."""
    is_compressed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    if not is_compressed:
        return decode_stream(file, size, limit)
    with gzip.open(file) as stream:
        return decode_stream(stream, size * MOST_EXPANSION, limit)


def decode_stream(stream: BinaryIO, most: int, limit: int) -> np.ndarray:
    """Read header and values; `most` is how many bytes there can be."""
    dtype, shape = read_header(stream)
    size = math.prod(shape) * dtype.itemsize  # Python's integers: no overflow
    if size > limit:
        raise ValueError(f"the header declares {size} bytes, more than the limit of {limit}")
    if size > most:
        raise ValueError(f"the header declares {size} bytes, more than the file can hold")
    values = np.empty(size, np.uint8)
    fill(stream, memoryview(values))
    if stream.read(1):
        raise ValueError("there are bytes after the values that the header declares")
    return values.view(dtype).reshape(shape)


def read_header(stream: BinaryIO) -> tuple[np.dtype, tuple[int, ...]]:
    zeros, code, axes = struct.unpack(">HBB", exactly(stream, 4))
    if zeros or code not in CODES:
        raise ValueError("this is not an IDX file")
    if not 1 <= axes <= MOST_AXES:
        raise ValueError(f"the header declares {axes} axes, 1 to {MOST_AXES} are known")
    return np.dtype(CODES[code]), struct.unpack(f">{axes}I", exactly(stream, 4 * axes))


def exactly(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if len(data) != count:
        raise EOFError("the file ends within its header")
    return data


def fill(stream: BinaryIO, space: memoryview) -> None:
    """Read until the space is full."""
    read = 0
    while read < len(space):
        count = stream.readinto(space[read:])
        if not count:
            raise EOFError(f"the file ends after {read} of {len(space)} bytes of values")
        read += count
