"""A count and a seed come in; short reviews, and whether they praise, go out."""

import numpy as np

from netc.runtime.data.dataset import Arrays, DataSet, data_set, words
from netc.runtime.data.generated import check_sizes, test_rows

THINGS = ("film", "plot", "cast", "music", "ending", "script", "picture", "sound")
PRAISE = ("good", "great", "clever", "moving", "fresh", "lovely", "bright", "strong")
BLAME = ("bad", "dull", "weak", "empty", "stale", "ugly", "flat", "poor")
MANNERS = ("", "very", "rather", "quite")
VOCABULARY = ("the", "was", "not", "but", "although", *THINGS, *PRAISE, *BLAME, *MANNERS[1:])
LENGTH = 16  # tokens of the longest review and more


def reviews(count: int, seed: int = 0) -> DataSet:
    """token: i32[N, 16], a review; label: i32[N], 1 where it praises. `not` turns a word around; of
    two opinions the one behind `but`, or before `although`, counts. Token 0 pads."""
    check_sizes("reviews", 4 * (LENGTH + 1), count=count)
    return data_set("reviews", write(count, seed, 0), write(test_rows(count), seed, 1))


def write(count: int, seed: int, stream: int) -> Arrays:
    drawn = words(seed, stream, 2 * count).reshape(count, 2)
    told = [review(int(a), int(b)) for a, b in drawn.tolist()]
    return {
        "token": np.array([tokens(text) for text, _ in told], np.int32),
        "label": np.array([praises for _, praises in told], np.int32),
    }


def review(first: int, second: int) -> tuple[str, bool]:
    """A review by the bits of two words, and whether it praises."""
    (one, praises), (other, is_other) = opinion(first), opinion(second)
    form = (first >> 40) % 3
    if form == 0:
        return one, praises
    if form == 1:
        return f"{one} but {other}", is_other
    return f"{one} although {other}", praises


def opinion(bits: int) -> tuple[str, bool]:
    """`the film was not very good`, and whether that is praise."""
    thing, word, manner = THINGS[bits % 8], (bits >> 8) % 8, MANNERS[(bits >> 16) % 4]
    is_good, is_turned = bool(bits >> 24 & 1), bool(bits >> 25 & 1)
    parts = ("the", thing, "was", "not" * is_turned, manner, (PRAISE if is_good else BLAME)[word])
    return " ".join(part for part in parts if part), is_good != is_turned


def tokens(text: str) -> list[int]:
    row = [VOCABULARY.index(word) + 1 for word in text.split()]
    return row + [0] * (LENGTH - len(row))
