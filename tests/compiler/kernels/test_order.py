"""Orders: the numbers that may come before others, as sets, against a search that tries all."""

from random import Random

import pytest

from netc.compiler.kernels.order import order


def slowly_ordered(needs: list[set[int]], wishes: list[set[int]]) -> tuple[int, ...]:
    """The rule as it is said, word for word."""
    done: list[int] = []
    turns = [min(waiting_for(needs, n)) for n in range(len(needs))]
    while len(done) < len(needs):
        ready = [n for n in range(len(needs)) if n not in done and needs[n] <= set(done)]
        content = [n for n in ready if wishes[n] <= set(done)]
        done.append(min(content or ready, key=lambda n: (turns[n], n)))
    return tuple(done)


def waiting_for(needs: list[set[int]], number: int) -> set[int]:
    """The number, what needs it, what needs that ..."""
    found = {number}
    while more := {n for n, some in enumerate(needs) if some & found} - found:
        found |= more
    return found


def random_case(seed: int) -> tuple[list[set[int]], list[set[int]]]:
    """Needs without a circle, in no order that the numbers show, and any wishes."""
    random = Random(seed)
    size = random.randrange(1, 12)
    places = random.sample(range(size), size)
    needs: list[set[int]] = [set() for _ in range(size)]
    wishes: list[set[int]] = [set() for _ in range(size)]
    for _ in range(random.randrange(2 * size)):
        a, b = random.randrange(size), random.randrange(size)
        if places[a] > places[b]:
            needs[a].add(b)
        if random.random() < 0.5 and a != b:
            wishes[b].add(a)
    return needs, wishes


@pytest.mark.parametrize("seed", range(200))
def test_the_order_is_the_one_that_the_rule_says(seed):
    needs, wishes = random_case(seed)
    assert order(needs, wishes) == slowly_ordered(needs, wishes)


def test_wishes_that_cannot_all_be_fulfilled_hold_nothing_up():
    assert order([set(), set()], [{1}, {0}]) == (0, 1)
