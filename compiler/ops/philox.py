"""Random words by counting: Philox4x32-10 (Salmon et al., 2011), a counter and a key to four words.

Every word depends on its own counter alone, so that any element of any step can be made anywhere
and in any order, and comes out the same.
"""

import numpy as np

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
KEY_TAG = 0x6E657463  # the letters "netc": the second word of every key
LOW = 0xFFFFFFFF


def philox(counter: tuple, key: tuple) -> tuple[np.ndarray, ...]:
    """Four arrays of random 32-bit words (as uint64) from four counter words and two key words."""
    a, b, c, d = (np.asarray(word, np.uint64) for word in counter)
    for number in range(ROUNDS):
        first, second = (
            (word + number * step) & LOW for word, step in zip(key, KEY_STEPS, strict=True)
        )
        left, right = a * np.uint64(MULTIPLIERS[0]), c * np.uint64(MULTIPLIERS[1])
        a, b, c, d = (
            (right >> np.uint64(32)) ^ b ^ np.uint64(first),
            right & np.uint64(LOW),
            (left >> np.uint64(32)) ^ d ^ np.uint64(second),
            left & np.uint64(LOW),
        )
    return a, b, c, d


def words(seed: int, step: int, stream: int, number) -> tuple[np.ndarray, ...]:
    """The four words of block `number` (an array) of a stream at a step."""
    number = np.asarray(number, np.uint64)
    low, high = number & np.uint64(LOW), number >> np.uint64(32)
    counter = (low, high, int(step) & LOW, int(stream) & LOW)
    return philox(counter, (int(seed) & LOW, KEY_TAG))


def to_unit(word: np.ndarray) -> np.ndarray:
    """The upper 24 bits as a number in [0, 1), exact in f32."""
    return (word >> np.uint64(8)).astype(np.float64) * 2.0**-24


def uniform(seed: int, step: int, stream: int, element) -> np.ndarray:
    """Uniform numbers in [0, 1): word element % 4 of block element // 4."""
    element = np.asarray(element)
    return to_unit(np.choose(element % 4, words(seed, step, stream, element // 4)))


def normal(seed: int, step: int, stream: int, element) -> np.ndarray:
    """Normal numbers by Box and Muller, from the first two words of block `element`."""
    first, second, _, _ = words(seed, step, stream, element)
    # 1 - u is in (0, 1], so that its logarithm is finite
    return np.sqrt(-2.0 * np.log(1.0 - to_unit(first))) * np.cos(2.0 * np.pi * to_unit(second))
