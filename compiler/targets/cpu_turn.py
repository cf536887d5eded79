"""How rows of a square of floats become its columns, in registers: the lanes of a vector in, the
steps that swap parts of two rows out."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Swap:
    """Rows `first` and `second` become vectors of which each lane is picked from both: a number
    below the count of lanes is a lane of the first row, one above it a lane of the second."""

    first: int
    second: int
    first_lanes: tuple[int, ...]
    second_lanes: tuple[int, ...]


def swaps(lanes: int) -> tuple[Swap, ...]:
    """Halves trade places, then halves of halves, and so on: a square of `lanes` rows, turned."""
    found = []
    half = lanes // 2
    while half:
        low = tuple(lanes + i - half if i & half else i for i in range(lanes))
        high = tuple(lanes + i if i & half else i + half for i in range(lanes))
        firsts = (row for row in range(lanes) if not row & half)
        found += [Swap(row, row + half, low, high) for row in firsts]
        half //= 2
    return tuple(found)
