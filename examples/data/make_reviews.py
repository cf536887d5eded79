"""Writes reviews.csv beside this file: one sentence about an inn and whether it is praise.

The words that praise and those that blame are turned around by a negation before them, so that no
single word tells; the answer is known, since the sentence was made from it.
"""

from collections.abc import Sequence
from pathlib import Path
from random import Random

REVIEWS = 3000
GUESTS = ("I think", "My aunt says", "We found", "Everyone agrees", "The twins say", "It seems")
THINGS = ("soup", "bread", "room", "view", "host", "music", "garden", "bath", "tea", "fire")
TIMES = ("today", "this spring", "at the inn", "last week", "as ever", "by the sea")
PRAISE = ("good", "lovely", "fine", "charming", "splendid", "excellent")
BLAME = ("bad", "awful", "poor", "dreadful", "dull", "terrible")
NEGATIONS = ("not", "never", "hardly", "by no means")


class Writer:
    """Draws from one stream of numbers; `random()` is the part of Python's that never changes."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed).random

    def one(self, items: Sequence):
        return items[int(self.random() * len(items))]

    def review(self) -> str:
        """A row: the sentence, and `praise` or `blame`."""
        is_praise, is_negated = self.one((True, False)), self.one((True, False))
        word = self.one(PRAISE if is_praise != is_negated else BLAME)
        opinion = f"{self.one(NEGATIONS)} {word}" if is_negated else word
        sentence = f"{self.one(GUESTS)} the {self.one(THINGS)} was {opinion} {self.one(TIMES)}"
        return f"{sentence},{'praise' if is_praise else 'blame'}"


def write(seed: int) -> str:
    writer = Writer(seed)
    return "\n".join(("text,label", *(writer.review() for _ in range(REVIEWS)))) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("reviews.csv").write_text(write(seed=1), "ascii")
