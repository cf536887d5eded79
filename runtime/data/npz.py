"""An .npy or .npz file comes in; its arrays by name go out, without running anything in it."""

import math
import os
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy

from netc.runtime.data.dataset import MOST_BYTES, Arrays, DataSet, data_set
from netc.runtime.data.reading import MOST_EXPANSION, reading

HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
MOST_ARRAYS = 1000


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
    """The arrays of a file as they are there."""
    path = Path(path)
    with reading(path), path.open("rb") as file:
        if file.read(4) == b"PK\x03\x04":
            return read_members(file)
        size = os.fstat(file.fileno()).st_size
        file.seek(0)
        check_size(file, size)
        file.seek(0)
        return {path.stem: npy.read_array(file, allow_pickle=False)}


def read_members(file: BinaryIO) -> Arrays:
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len(members) > MOST_ARRAYS:
            raise ValueError(f"it holds {len(members)} arrays, more than {MOST_ARRAYS}")
        return {member.filename.removesuffix(".npy"): read_member(archive, member)
                for member in members}  # fmt: skip


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    if member.file_size > member.compress_size * MOST_EXPANSION:
        raise ValueError(f"`{member.filename}` states a size that its bytes cannot come to")
    with archive.open(member) as stream:
        check_size(stream, member.file_size)
    with archive.open(member) as stream:
        return npy.read_array(stream, allow_pickle=False)  # to the end: zip checks its checksum


def check_size(stream: BinaryIO, size: int) -> None:
    """Hold what a header declares against the `size` of all, before memory is taken for it."""
    version = npy.read_magic(stream)
    if version not in HEADERS:
        raise ValueError(f"version {version[0]}.{version[1]} of the .npy format is not known")
    shape, _, dtype = HEADERS[version](stream)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which netc does not load")
    declared = math.prod(shape) * dtype.itemsize
    if declared > MOST_BYTES:
        raise ValueError(f"its header declares {declared} bytes, the limit is {MOST_BYTES}")
    held = size - stream.tell()
    if declared != held:
        raise ValueError(f"its header declares {declared} bytes of values, it holds {held}")
