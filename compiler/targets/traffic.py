"""Which pieces of work read and write which bytes of the arena in, which of them are in conflict
out."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from netc.compiler.kernels.memory import Buffer


class Traffic:
    """What pieces of work, by number, read and write."""

    def __init__(self) -> None:
        self.read, self.written = Stretches(), Stretches()

    def conflicts(self, reads: Iterable[Buffer], writes: Iterable[Buffer]) -> set[int]:
        """The pieces that write what is read here, or touch what is written here."""
        found: set[int] = set()
        for buffer in reads:
            found |= self.written.pieces(buffer)
        for buffer in writes:
            found |= self.written.pieces(buffer) | self.read.pieces(buffer)
        return found

    def add(self, piece: int, reads: Iterable[Buffer], writes: Iterable[Buffer]) -> None:
        for buffer in reads:
            self.read.add(buffer, piece)
        for buffer in writes:
            self.written.add(buffer, piece)


class Stretches:
    """Stretches of bytes in order, none over another, each with the pieces that touch it."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.touched_by: list[set[int]] = []

    def pieces(self, buffer: Buffer) -> set[int]:
        """All that touch a byte of the buffer."""
        first, last = self._meeting(buffer)
        return set().union(*self.touched_by[first:last])

    def add(self, buffer: Buffer, piece: int) -> None:
        """Stretches that the buffer meets become one with it. That may find too many conflicts,
        never too few; what is alive at the same time shares all its bytes or none."""
        first, last = self._meeting(buffer)
        start, end = buffer.offset, buffer.offset + buffer.bytes
        touched_by = self.touched_by[first] if first < last else set()
        touched_by.update({piece}, *self.touched_by[first + 1 : last])
        if first < last:
            start, end = min(start, self.starts[first]), max(end, self.ends[last - 1])
        self.starts[first:last] = [start]
        self.ends[first:last] = [end]
        self.touched_by[first:last] = [touched_by]

    def _meeting(self, buffer: Buffer) -> tuple[int, int]:
        """The stretches that share a byte with the buffer: from the first up to the last."""
        first = bisect_right(self.ends, buffer.offset)
        return first, max(first, bisect_left(self.starts, buffer.offset + buffer.bytes))
