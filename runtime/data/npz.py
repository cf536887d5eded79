"""An .npy or .npz file comes in; its arrays by name go out, without running anything in it."""

import math
import os
import struct
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy

from netc.runtime.data.dataset import MOST_BYTES, Arrays, DataSet, data_set
from netc.runtime.data.idx import fill
from netc.runtime.data.reading import MOST_EXPANSION, reading
from netc.runtime.data.spool import most_in_memory

HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
MOST_ARRAYS = 1000
ENCRYPTED = 1  # a flag of a zip member
LOCAL_HEADER = struct.Struct("<4s22xHH")  # of a zip member: signature, lengths of name and extra


def read_npz(path: Path) -> DataSet:
    """The arrays of a file, a field each, in their order; an .npy is one field named for the file.

    Where every name ends in `_train` or `_test` these are the two parts of the set.
    """
    return as_parts(f"`{path}`", read_arrays(path))


def as_parts(origin: str, arrays: Arrays) -> DataSet:
    parts = {part: ending_in(part, arrays) for part in ("_train", "_test")}
    if arrays and len(parts["_train"]) + len(parts["_test"]) == len(arrays):
        return data_set(origin, parts["_train"], parts["_test"] or None)
    return data_set(origin, arrays)


def ending_in(part: str, arrays: Arrays) -> Arrays:
    return {name.removesuffix(part): a for name, a in arrays.items() if name.endswith(part)}


def read_arrays(path: Path) -> Arrays:
    """The arrays of a file as they are there; what memory should not hold stays in the file."""
    path = Path(path)
    with reading(path), path.open("rb") as file:
        if file.read(4) == b"PK\x03\x04":
            return read_members(path, file)
        size = os.fstat(file.fileno()).st_size
        file.seek(0)
        return {path.stem: read_array(path, file, file, size)}


def read_members(path: Path, file: BinaryIO) -> Arrays:
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len(members) > MOST_ARRAYS:
            raise ValueError(f"it holds {len(members)} arrays, more than {MOST_ARRAYS}")
        return {member.filename.removesuffix(".npy"): read_member(path, file, archive, member)
                for member in members}  # fmt: skip


def read_member(
    path: Path, file: BinaryIO, archive: zipfile.ZipFile, member: zipfile.ZipInfo
) -> np.ndarray:
    if member.file_size > member.compress_size * MOST_EXPANSION:
        raise ValueError(f"`{member.filename}` states a size that its bytes cannot come to")
    is_plain = member.compress_type == zipfile.ZIP_STORED and not member.flag_bits & ENCRYPTED
    if is_plain and member.file_size > most_in_memory():
        file.seek(start_of(file, member))
        return read_array(path, file, file, member.file_size)
    with archive.open(member) as stream:
        return read_array(path, stream, None, member.file_size)  # to the end: zip checks its sum


def start_of(file: BinaryIO, member: zipfile.ZipInfo) -> int:
    """Where the bytes of a member begin: after its header in the file, of which a part varies."""
    file.seek(member.header_offset)
    header = file.read(LOCAL_HEADER.size)
    signature, name, extra = LOCAL_HEADER.unpack(header)
    if signature != b"PK\x03\x04":
        raise ValueError(f"`{member.filename}` is not where the file says")
    return member.header_offset + LOCAL_HEADER.size + name + extra


def read_array(path: Path, stream: BinaryIO, file: BinaryIO | None, size: int) -> np.ndarray:
    """The array that takes the next `size` bytes of a stream, which is the file itself or is not.

    Its header is held against the size before memory is taken.
    """
    start = stream.tell()
    version = npy.read_magic(stream)
    if version not in HEADERS:
        raise ValueError(f"version {version[0]}.{version[1]} of the .npy format is not known")
    shape, in_columns, dtype = HEADERS[version](stream)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which netc does not load")
    declared = math.prod(shape) * dtype.itemsize
    held = size - (stream.tell() - start)
    is_mapped = file is not None and declared > most_in_memory() and not in_columns
    if declared > MOST_BYTES and not is_mapped:
        raise ValueError(f"its header declares {declared} bytes, the limit is {MOST_BYTES}")
    if declared != held:
        raise ValueError(f"its header declares {declared} bytes of values, it holds {held}")
    if is_mapped:
        return np.memmap(path, dtype, "r", stream.tell(), shape)
    values = np.empty(declared, np.uint8)
    fill(stream, memoryview(values))
    if stream.read(1) and stream is not file:
        raise ValueError("there are bytes after the values that its header declares")
    return values.view(dtype).reshape(shape, order="F" if in_columns else "C")
