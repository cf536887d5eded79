"""What each thing needs and wishes to come before it in, an order of all of them out."""

from collections.abc import Collection, Iterator, Sequence
from heapq import heapify, heappop, heappush

Before = Sequence[Collection[int]]  # by number: the numbers that should come before it


def order(needs: Before, wishes: Before) -> tuple[int, ...]:
    """Every number after all that it needs. Of those that can be next it is the first whose wishes
    are fulfilled as well, or else the first: numbers go in their order, but one that an earlier
    number needs stands as early as that. `needs` must have no circle."""
    needed_by, wished_by = inverse(needs), inverse(wishes)
    missing, wishing = [len(some) for some in needs], [len(some) for some in wishes]
    turns = [(turn, number) for number, turn in enumerate(first_use(needs, needed_by))]
    ready = [turns[number] for number, count in enumerate(missing) if not count]
    content = [turn for turn in ready if not wishing[turn[1]]]
    heapify(ready)
    heapify(content)
    found: dict[int, None] = {}
    while len(found) < len(needs):
        _, number = heappop(content or ready)
        if number in found:
            continue  # it stood in both heaps
        found[number] = None
        for other in fulfilled(needed_by[number], missing):
            heappush(ready, turns[other])
            if not wishing[other]:
                heappush(content, turns[other])
        for other in fulfilled(wished_by[number], wishing):
            if not missing[other]:
                heappush(content, turns[other])
    return tuple(found)


def first_use(needs: Before, needed_by: Before) -> list[int]:
    """By number: the least of it and of all that wait for it."""
    waiting = [len(some) for some in needed_by]
    free = [number for number, count in enumerate(waiting) if not count]
    turns = list(range(len(needs)))
    while free:
        number = free.pop()
        for earlier in needs[number]:
            turns[earlier] = min(turns[earlier], turns[number])
        free += fulfilled(needs[number], waiting)
    return turns


def inverse(before: Before) -> list[list[int]]:
    """By number: those that it should come before."""
    after: list[list[int]] = [[] for _ in before]
    for number, earlier in enumerate(before):
        for other in earlier:
            after[other].append(number)
    return after


def fulfilled(numbers: Collection[int], counts: list[int]) -> Iterator[int]:
    """Counts one thing less for each of the numbers; those for which none is left."""
    for number in numbers:
        counts[number] -= 1
        if not counts[number]:
            yield number
