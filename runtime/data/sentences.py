"""A seed comes in; written sums, and texts with their labels, as bytes go out."""

import numpy as np

from netc.runtime.data.dataset import Arrays, DataSet, data_set, words
from netc.runtime.data.generated import check_sizes, test_rows
from netc.runtime.errors import fail

ZERO, PLUS, EQUALS = b"0+="
MOST_DIGITS = 6


def addition(count: int, digits: int = 3, seed: int = 0) -> DataSet:
    """token: i32[N, 3 * digits + 2], a written sum such as 123+456=0579 without its last letter;
    next: the letter that follows each, or 0 as long as the question lasts. Letters are bytes.

    No question is in both parts, or twice in one: a net that answers the test rows can add.
    """
    if not 1 <= digits <= MOST_DIGITS:
        raise fail("E0510", f"addition: `digits` must be from 1 to {MOST_DIGITS}, got {digits}")
    check_sizes("addition", 8 * (3 * digits + 2), count=count)
    limit, wanted = 10**digits, count + test_rows(count)
    if wanted > limit**2 // 2:
        raise fail("E0510", f"addition: there are too few sums of {digits} digits for {count} rows")
    drawn = words(seed, 0, 3 * wanted) % np.uint64(limit**2)
    first = np.sort(np.unique(drawn, return_index=True)[1])
    pairs = drawn[first][:wanted].astype(np.int64)
    parts = (pairs[:count], pairs[count:])
    return data_set("addition", *(write_sums(part, digits, limit) for part in parts))


def write_sums(pairs: np.ndarray, digits: int, limit: int) -> Arrays:
    """The pair `left * limit + right` as text, for each of them."""
    left, right = pairs // limit, pairs % limit
    mark = np.ones((len(pairs), 1), np.int64)
    text = np.concatenate(
        (
            written(left, digits),
            PLUS * mark,
            written(right, digits),
            EQUALS * mark,
            written(left + right, digits + 1),
        ),
        axis=1,
    ).astype(np.int32)
    following = text[:, 1:].copy()
    following[:, : 2 * digits + 1] = 0
    return {"token": text[:, :-1], "next": following}


def written(numbers: np.ndarray, digits: int) -> np.ndarray:
    """The decimal digits of each number as bytes, zeros first."""
    places = 10 ** np.arange(digits - 1, -1, -1)
    return ZERO + numbers[:, None] // places % 10
