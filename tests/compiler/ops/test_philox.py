"""Random numbers against the published answers of Philox4x32-10 and against their distributions."""

import numpy as np
import pytest

from netc.compiler.ops.philox import KEY_TAG, normal, philox, to_unit, uniform

ALL = 0xFFFFFFFF
# counter, key, words: the known answers that come with Random123
ANSWERS = (
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((ALL,) * 4, (ALL,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
)


@pytest.mark.parametrize("counter, key, words", ANSWERS)
def test_philox_gives_the_published_words(counter, key, words):
    assert tuple(int(word) for word in philox(counter, key)) == words


def test_uniform_takes_the_words_of_a_block_in_turn():
    numbers = uniform(5, 9, 2, np.arange(10))
    for element, number in enumerate(numbers):
        word = philox((element // 4, 0, 9, 2), (5, KEY_TAG))[element % 4]
        assert number == (int(word) >> 8) / 2**24


def test_an_element_beyond_32_bits_counts_on_in_the_second_word():
    block = 2**32 + 3
    words = philox((3, 1, 9, 2), (5, KEY_TAG))
    assert uniform(5, 9, 2, block * 4 + 1) == to_unit(words[1])


def test_negative_seeds_and_steps_are_their_32_bits():
    assert uniform(np.int32(-1), np.int32(-2), 0, 3) == uniform(ALL, ALL - 1, 0, 3)


def test_any_part_of_a_tensor_can_be_made_alone():
    whole = normal(1, 2, 3, np.arange(20))
    np.testing.assert_array_equal(normal(1, 2, 3, np.arange(7, 12)), whole[7:12])


@pytest.mark.parametrize("other", [(2, 7, 0), (1, 8, 0), (1, 7, 1)])
def test_seed_step_and_stream_each_change_every_number(other):
    places = np.arange(100)
    assert np.mean(uniform(1, 7, 0, places) == uniform(*other, places)) < 0.05


def test_uniform_numbers_are_spread_evenly():
    numbers = uniform(3, 0, 0, np.arange(40_000))
    counts, _ = np.histogram(numbers, bins=20, range=(0.0, 1.0))
    assert numbers.min() >= 0.0 and numbers.max() < 1.0
    assert np.sum((counts - 2000) ** 2 / 2000) < 43.8  # chi squared, 19 degrees, one in a thousand


def test_normal_numbers_have_the_moments_of_a_normal_distribution():
    numbers = normal(3, 0, 0, np.arange(40_000))
    moments = [np.mean(numbers**power) for power in (1, 2, 3, 4)]
    # four standard errors each: sqrt of the variances 1, 2, 15, 96 over 200
    for moment, expected, spread in zip(moments, (0, 1, 0, 3), (1, 2, 15, 96), strict=True):
        assert abs(moment - expected) < 4 * np.sqrt(spread) / 200
