"""Rows come in piece by piece; one array goes out: in memory while it is small, else in a file.

The file has no name any more and goes with the last array that looks into it. Its pages come and
go as they are read: data may be larger than memory, and its rows are shuffled all the same.
"""

import tempfile
from collections.abc import Iterator
from math import prod
from typing import BinaryIO

import numpy as np

from netc.runtime.arena import free_memory
from netc.runtime.errors import ENVIRONMENT, fail
from netc.runtime.files import cause_of

SMALL = 256 << 20  # bytes of an array that memory holds on any machine
SHARE = 8  # of free memory that one array may take
PIECE = 16 << 20  # bytes of an array that are converted at a time


def most_in_memory() -> int:
    """The bytes of an array from which it goes to a file."""
    return max(SMALL, (free_memory() or 0) // SHARE)


class Spool:
    """An array that grows along its first axis."""

    def __init__(self, dtype: np.dtype, row: tuple[int, ...] = (), limit: int | None = None):
        self.dtype, self.row = np.dtype(dtype), row
        self.limit = most_in_memory() if limit is None else limit
        self.pieces: list[np.ndarray] = []
        self.file: BinaryIO | None = None
        self.bytes = 0

    def append(self, rows: np.ndarray) -> None:
        """More rows, of the spool's own dtype and shape."""
        assert rows.dtype == self.dtype and rows.shape[1:] == self.row
        self.pieces.append(rows)
        self.bytes += rows.nbytes
        if self.file is not None or self.bytes > self.limit:
            self.write()

    def write(self) -> None:
        """What is in memory goes to the file."""
        try:
            if self.file is None:
                self.file = tempfile.TemporaryFile(prefix="netc-")  # noqa: SIM115
            for piece in self.pieces:
                self.file.write(np.ascontiguousarray(piece).reshape(-1).view(np.uint8).data)
        except OSError as error:
            raise fail(
                "E0701",
                f"cannot keep {self.bytes:,} bytes of data in `{tempfile.gettempdir()}`: "
                f"{cause_of(error)}",
                help="name a folder with room for them in the environment as TMPDIR",
                exit_code=ENVIRONMENT,
            ) from error
        self.pieces.clear()

    def array(self) -> np.ndarray:
        """All rows, in C order."""
        if self.file is None:
            empty = np.empty((0, *self.row), self.dtype)
            return np.concatenate([empty, *self.pieces])
        self.file.flush()
        count = self.bytes // (prod(self.row) * self.dtype.itemsize)
        return np.memmap(self.file, self.dtype, "r", 0, (count, *self.row))


def is_in_file(array: np.ndarray) -> bool:
    """Whether an array, or what it looks into, lies in a file."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return False


def pieces(array: np.ndarray) -> Iterator[np.ndarray]:
    """The array, some rows at a time where it lies in a file, so that no copy of all is made."""
    if not is_in_file(array) or not len(array):
        yield array
        return
    rows = max(1, PIECE // max(1, array.nbytes // len(array)))
    for start in range(0, len(array), rows):
        yield array[start : start + rows]

