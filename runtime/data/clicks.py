"""A count and a seed come in; what was shown to whom, and whether they clicked, goes out."""

import numpy as np

from netc.runtime.data.dataset import Arrays, DataSet, data_set
from netc.runtime.data.generated import check_sizes, test_rows, uniform

NUMBERS, CODES, VALUES = 13, 26, 1000  # the sizes of the advertisements that Criteo published
MOST = 1000  # of a number
CROSSES = ((0, 1), (2, 3), (4, 5), (6, 7))  # columns of codes whose values go together, or do not
GATES = ((0, 8), (1, 9))  # numbers that count for some values of a code, and against others
ALONE = (10, 11)  # columns of codes whose values matter by themselves
SHARP = 1.6  # a larger factor leaves less to chance


def clicks(count: int, seed: int = 0) -> DataSet:
    """numbers: f32[N, 13], counts of which most are small; codes: i32[N, 26], categories of 10,000
    values of which a few are frequent; click: f32[N, 1], 1 with the probability that `score` gives.
    """
    check_sizes("clicks", 4 * (NUMBERS + CODES + 1), count=count)
    traits = 2 * uniform(seed, 0, (CODES, VALUES)) - 1
    train, test = (show(rows, seed, stream, traits)
                   for rows, stream in ((count, 1), (test_rows(count), 4)))  # fmt: skip
    return data_set("clicks", train, test)


def show(count: int, seed: int, stream: int, traits: np.ndarray) -> Arrays:
    """Rows, by the traits of the values of each code."""
    numbers = np.minimum(1 / (1 - uniform(seed, stream, (count, NUMBERS))), MOST).astype(int) - 1
    skewed = uniform(seed, stream + 1, (count, CODES))
    for _ in range(2):  # to the power of 4 by products, which are the same on every machine
        skewed = skewed * skewed
    codes = (VALUES * skewed).astype(int)
    chance = 1 / (1 + np.exp(-score(numbers, codes, traits)))
    click = uniform(seed, stream + 2, (count,)) < chance
    return {
        "numbers": numbers.astype(np.float32),
        "codes": codes.astype(np.int32),
        "click": click[:, None].astype(np.float32),
    }


def score(numbers: np.ndarray, codes: np.ndarray, traits: np.ndarray) -> np.ndarray:
    """f64[N]: the logit of a click, from crosses of codes with codes and with numbers."""
    trait = traits[np.arange(CODES), codes]
    size = np.log(1 + numbers)
    crosses = sum(3 * trait[:, one] * trait[:, other] for one, other in CROSSES)
    gates = sum((size[:, number] - 1) * trait[:, code] for number, code in GATES)
    return SHARP * (crosses + gates + sum(trait[:, code] for code in ALONE))
