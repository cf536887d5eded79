"""Writes text.txt beside this file: plain sentences of a small made-up country, from one seed.

The sentences follow a grammar with agreement (a person keeps a name and a pronoun, sums are right),
so that a model that looks further back reads on better than one that knows only frequencies.
"""

from collections.abc import Sequence
from pathlib import Path
from random import Random

BYTES = 200_000
PEOPLE = (("Ada", "she"), ("Bruno", "he"), ("Cleo", "she"), ("Dario", "he"), ("Edda", "she"),
          ("Felix", "he"), ("Greta", "she"), ("Hugo", "he"))  # fmt: skip
PLACES = ("the harbour", "the mill", "the old bridge", "the market", "the library", "the orchard",
          "the station", "the lighthouse")  # fmt: skip
THINGS = ("apple", "lantern", "letter", "basket", "map", "kettle", "violin", "stone", "ladder")
DEEDS = ("carried", "painted", "repaired", "borrowed", "found", "sold", "counted", "hid")
WEATHER = ("It rained", "The wind rose", "The sun came out", "Snow fell", "The fog lifted")
TIMES = ("in the morning", "at noon", "in the evening", "before dawn", "after supper")
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


class Writer:
    """Draws from one stream of numbers; `random()` is the part of Python's that never changes."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed).random

    def below(self, count: int) -> int:
        return int(self.random() * count)

    def one(self, items: Sequence):
        return items[self.below(len(items))]

    def paragraph(self) -> str:
        name, pronoun = self.one(PEOPLE)
        place, thing = self.one(PLACES), self.one(THINGS)
        sentences = [
            f"{self.one(WEATHER)} {self.one(TIMES)}, and {name} went to {place}.",
            self.trade(pronoun, thing),
            f"{pronoun.capitalize()} {self.one(DEEDS)} the {self.one(THINGS)} and left {place} "
            f"{self.one(TIMES)}.",
        ]
        if self.below(2):
            sentences.append(self.answer(name, thing))
        return " ".join(sentences)

    def trade(self, pronoun: str, thing: str) -> str:
        had, found = 1 + self.below(5), 1 + self.below(5)
        return (
            f"There {pronoun} had {counted(had, thing)}, found {NUMBERS[found]} more, "
            f"and so had {counted(had + found, thing)}."
        )

    def answer(self, name: str, thing: str) -> str:
        other, _ = self.one(PEOPLE)
        return f'"Where is the {thing}?" asked {other}. "At {self.one(PLACES)}," said {name}.'


def counted(number: int, thing: str) -> str:
    return f"{NUMBERS[number]} {thing}{'s' if number > 1 else ''}"


def write(size: int, seed: int) -> str:
    """Whole paragraphs, a line each, up to `size` bytes."""
    writer, lines, length = Writer(seed), [], 0
    while length < size:
        lines.append(writer.paragraph() + "\n")
        length += len(lines[-1])
    return "".join(lines[:-1])


if __name__ == "__main__":
    Path(__file__).with_name("text.txt").write_text(write(BYTES, seed=1), "ascii")
