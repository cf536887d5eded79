"""A seed and a weight's name, shape and initializer come in; its first values go out.

A pure function: weights do not depend on each other, on their order or on the device. The random
words are Philox4x64-10's, which NumPy promises to keep; what is made of them is written here.
"""

import hashlib
from collections.abc import Callable, Mapping
from math import prod, sqrt
from types import MappingProxyType

import numpy as np

from netc.compiler.program import Initializer

# A normal distribution cut off at two deviations has this deviation left.
TRUNCATED_DEVIATION = 0.87962566103423978


class Words:
    """The random numbers of one weight, in double precision."""

    def __init__(self, seed: int, name: str) -> None:
        digest = hashlib.sha256(f"{seed}\n{name}".encode()).digest()
        self.philox = np.random.Philox(key=int.from_bytes(digest[:16], "little"))

    def uniform(self, count: int) -> np.ndarray:
        """In the open interval (0, 1)."""
        return ((self.philox.random_raw(count) >> np.uint64(11)) + 0.5) * 2.0**-53

    def normal(self, count: int) -> np.ndarray:
        """By Box and Muller's transform."""
        pairs = (count + 1) // 2
        radius = np.sqrt(-2 * np.log(self.uniform(pairs)))
        angle = 2 * np.pi * self.uniform(pairs)
        both = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])
        return both[:count]

    def truncated(self, count: int) -> np.ndarray:
        """Normal, what lies beyond two deviations drawn again."""
        found = self.normal(count)
        while (outside := np.abs(found) > 2).any():
            found[outside] = self.normal(int(outside.sum()))
        return found


def initial(
    initializer: Initializer, shape: tuple[int, ...], dtype: np.dtype, seed: int, name: str
) -> np.ndarray:
    """The values that a persistent tensor starts with; the kinds mean what Keras means by them."""
    make = KINDS[initializer.kind]
    with_numbers = dict(initializer.parameters)
    values = make(Words(seed, name), shape, initializer, **with_numbers)
    return np.asarray(values, np.float64).reshape(shape).astype(dtype)


def filled(value: float) -> Callable[..., np.ndarray]:
    return lambda words, shape, facts: np.full(shape, value)


def constant(words: Words, shape, facts: Initializer, value: float) -> np.ndarray:
    return np.full(shape, value)


def normal(words, shape, facts, deviation: float = 0.05, mean: float = 0.0) -> np.ndarray:
    return mean + deviation * words.normal(prod(shape))


def truncated_normal(words, shape, facts, deviation: float = 0.05, mean: float = 0.0):
    return mean + deviation * words.truncated(prod(shape))


def uniform(words, shape, facts, low: float = -0.05, high: float = 0.05) -> np.ndarray:
    return low + (high - low) * words.uniform(prod(shape))


def glorot_uniform(words: Words, shape, facts: Initializer) -> np.ndarray:
    return scaled_uniform(words, shape, 2 / max(1, facts.fan_in + facts.fan_out))


def glorot_normal(words: Words, shape, facts: Initializer) -> np.ndarray:
    return scaled_normal(words, shape, 2 / max(1, facts.fan_in + facts.fan_out))


def he_uniform(words: Words, shape, facts: Initializer) -> np.ndarray:
    return scaled_uniform(words, shape, 2 / max(1, facts.fan_in))


def he_normal(words: Words, shape, facts: Initializer) -> np.ndarray:
    return scaled_normal(words, shape, 2 / max(1, facts.fan_in))


def scaled_uniform(words: Words, shape, variance: float) -> np.ndarray:
    limit = sqrt(3 * variance)
    return uniform(words, shape, None, -limit, limit)


def scaled_normal(words: Words, shape, variance: float) -> np.ndarray:
    """Of this variance after the cut at two deviations, as in Keras."""
    return truncated_normal(words, shape, None, sqrt(variance) / TRUNCATED_DEVIATION)


def orthogonal(words: Words, shape, facts: Initializer, gain: float = 1.0) -> np.ndarray:
    """Rows or columns at right angles: the last axis against all others together."""
    columns = shape[-1] if shape else 1
    rows = prod(shape) // max(1, columns)
    tall = words.normal(prod(shape)).reshape(max(rows, columns), min(rows, columns))
    basis, triangle = np.linalg.qr(tall)
    basis = basis * np.where(np.diagonal(triangle) < 0, -1.0, 1.0)
    return gain * (basis if rows >= columns else basis.T)


KINDS: Mapping[str, Callable[..., np.ndarray]] = MappingProxyType(
    {
        "zeros": filled(0.0),
        "ones": filled(1.0),
        "constant": constant,
        "normal": normal,
        "uniform": uniform,
        "truncated_normal": truncated_normal,
        "glorot_uniform": glorot_uniform,
        "glorot_normal": glorot_normal,
        "he_uniform": he_uniform,
        "he_normal": he_normal,
        "orthogonal": orthogonal,
    }
)
