"""A deep sum and a target's facts in, into how many parts it is cut out."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SplitFacts:
    """minimum_tasks: as many keep the target busy. minimum_depth: a part that is worth its start.
    tile_rows x tile_columns: the results that one task of a matrix product makes. One task of
    another fold makes tile_columns neighbours, or a single one where it folds whole rows.
    combining: what products could do, in FLOP, while one element is combined, as `winograd` weighs
    it; None where convolutions stay what they are."""

    minimum_tasks: int
    minimum_depth: int
    tile_rows: int
    tile_columns: int
    combining: float | None = None


def parts_of(size: int, tasks: int, depth: int, facts: SplitFacts) -> int:
    """The fewest parts of an axis of `size` that make enough tasks; 1 where it stays whole.

    Parts are equal, so that every task runs the same loop, and none is less deep than the minimum:
    where that rules out enough tasks, as many parts as it allows.
    """
    if tasks >= facts.minimum_tasks:
        return 1
    most = depth // facts.minimum_depth
    possible = [parts for parts in range(1, min(size, most) + 1) if size % parts == 0]
    enough = (parts for parts in possible if parts * tasks >= facts.minimum_tasks)
    return next(enough, possible[-1] if possible else 1)
