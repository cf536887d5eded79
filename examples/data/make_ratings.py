"""Writes ratings.csv beside this file: how made-up people rate made-up films, from one seed.

A rating is 3, what the person adds to every film, what the film gets from everybody, and how well
their two tastes fit, in noise of 0.3: no model can have a smaller error than that.
"""

from pathlib import Path
from random import Random

USERS, ITEMS, RATINGS, TASTES = 300, 200, 20_000, 3
NOISE = 0.3


def bell(random: Random, deviation: float) -> float:
    """A sum of twelve uniform numbers: near to a normal one, and the same on every machine."""
    return deviation * (sum(random.random() for _ in range(12)) - 6)


def write(seed: int) -> str:
    """The rows, a header first; no pair of user and item comes twice."""
    random = Random(seed)
    people, films = (
        [[bell(random, 0.4)] + [bell(random, 0.6) for _ in range(TASTES)] for _ in range(count)]
        for count in (USERS, ITEMS)
    )
    lines, seen = ["user,item,rating"], set()
    while len(seen) < RATINGS:
        pair = int(random.random() * USERS), int(random.random() * ITEMS)
        if pair in seen:
            continue
        seen.add(pair)
        (mine, *taste), (its, *style) = people[pair[0]], films[pair[1]]
        fit = sum(a * b for a, b in zip(taste, style, strict=True))
        lines.append(f"{pair[0]},{pair[1]},{3 + mine + its + fit + bell(random, NOISE):.2f}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("ratings.csv").write_text(write(seed=1), "ascii")
