"""Which pieces of work read and write which bytes of the arena in, which of them are in conflict
out."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

from netc.compiler.kernels.memory import Buffer

APART = 64  # bits: no arena reaches from one space of addresses into the next


class Traffic:
    """What pieces of work, by number, read and write."""

    def __init__(self) -> None:
        self.read, self.written = Stretches(), Stretches()

    def conflicts(self, reads: Iterable[Buffer], writes: Iterable[Buffer]) -> set[int]:
        """The pieces that write what is read here, or touch what is written here."""
        found: set[int] = set()
        for buffer in reads:
            for place in places(buffer):
                found |= self.written.pieces(*place)
        for buffer in writes:
            for place in places(buffer):
                found |= self.written.pieces(*place) | self.read.pieces(*place)
        return found

    def add(self, piece: int, reads: Iterable[Buffer], writes: Iterable[Buffer]) -> None:
        for stretches, buffers in ((self.read, reads), (self.written, writes)):
            for buffer in buffers:
                for place in places(buffer):
                    stretches.add(*place, piece)


def places(buffer: Buffer) -> Iterator[tuple[int, int]]:
    """Where the buffer starts and ends in the first step of a scan and in the exception; then, if
    it moves, in a space of all that moves alike, where each keeps its distance to the others in
    every other step. What moves otherwise is of another stack, and no two share bytes while a scan
    runs."""
    yield buffer.first, buffer.first + buffer.bytes
    if buffer.start not in (None, buffer.first):
        yield buffer.start, buffer.start + buffer.bytes
    if buffer.move:
        start = buffer.offset + (buffer.move << APART)
        yield start, start + buffer.bytes


class Stretches:
    """Stretches of bytes in order, none over another, each with the pieces that touch it."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.touched_by: list[set[int]] = []

    def pieces(self, start: int, end: int) -> set[int]:
        """All that touch a byte from `start` up to `end`."""
        first, last = self._meeting(start, end)
        return set().union(*self.touched_by[first:last])

    def add(self, start: int, end: int, piece: int) -> None:
        """Stretches that this one meets become one with it. That may find too many conflicts,
        never too few; what is alive at the same time shares all its bytes or none."""
        first, last = self._meeting(start, end)
        touched_by = self.touched_by[first] if first < last else set()
        touched_by.update({piece}, *self.touched_by[first + 1 : last])
        if first < last:
            start, end = min(start, self.starts[first]), max(end, self.ends[last - 1])
        self.starts[first:last] = [start]
        self.ends[first:last] = [end]
        self.touched_by[first:last] = [touched_by]

    def _meeting(self, start: int, end: int) -> tuple[int, int]:
        """The stretches that share a byte with this one: from the first up to the last."""
        first = bisect_right(self.ends, start)
        return first, max(first, bisect_left(self.starts, end))
