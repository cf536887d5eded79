"""Conflicts in the arena: stretches of bytes that some pieces touch, against each single byte."""

from random import Random

import pytest

from netc.compiler.kernels.memory import Buffer
from netc.compiler.targets.traffic import Traffic


def buffers(random: Random, places: list[Buffer]) -> list[Buffer]:
    return random.sample(places, random.randrange(3))


def bytes_of(some: list[Buffer]) -> set[int]:
    return {byte for one in some for byte in range(one.offset, one.offset + one.bytes)}


@pytest.mark.parametrize("seed", range(50))
def test_pieces_are_in_conflict_where_one_writes_bytes_that_the_other_touches(seed):
    """Places that share no byte, as those do that are alive at the same time."""
    random, traffic = Random(seed), Traffic()
    places = [Buffer("", 10 * n, random.randrange(1, 10)) for n in range(8)]
    known: list[tuple[set[int], set[int]]] = []
    for piece in range(12):
        reads, writes = buffers(random, places), buffers(random, places)
        read, written = bytes_of(reads), bytes_of(writes)
        expected = {n for n, (r, w) in enumerate(known) if read & w or written & (r | w)}
        assert traffic.conflicts(reads, writes) == expected
        traffic.add(piece, reads, writes)
        known.append((read, written))


@pytest.mark.parametrize("seed", range(50))
def test_no_conflict_is_missed_where_places_share_some_of_their_bytes(seed):
    random, traffic = Random(seed), Traffic()
    places = [Buffer("", random.randrange(60), random.randrange(1, 15)) for _ in range(8)]
    known: list[tuple[set[int], set[int]]] = []
    for piece in range(12):
        reads, writes = buffers(random, places), buffers(random, places)
        read, written = bytes_of(reads), bytes_of(writes)
        expected = {n for n, (r, w) in enumerate(known) if read & w or written & (r | w)}
        assert traffic.conflicts(reads, writes) >= expected
        traffic.add(piece, reads, writes)
        known.append((read, written))
