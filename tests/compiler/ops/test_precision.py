"""What the operands of a product are rounded to, against arithmetic that knows no bits."""

import numpy as np
import pytest

from netc.compiler.ops.precision import rounded

# bits of the significand, the exponent of the least normal number, the first that is infinite
FORMATS = {
    "tf32": (11, -126, (2 - 2**-11) * 2.0**127),
    "bf16": (8, -126, (2 - 2**-8) * 2.0**127),
    "f16": (11, -14, 65520.0),
}


def by_scaling(x: np.ndarray, precision: str) -> np.ndarray:
    """As many whole steps as x is long, where a step is what neighbours in the format differ by."""
    digits, least, infinite = FORMATS[precision]
    with np.errstate(all="ignore"):
        exponent = np.maximum(np.frexp(x)[1] - 1, least)
        step = np.ldexp(1.0, exponent - digits + 1)
        whole = np.rint(x / step) * step
    return np.where(np.abs(x) >= infinite, np.copysign(np.inf, x), whole)


@pytest.fixture
def numbers() -> np.ndarray:
    """f32 numbers of every size, the middles between neighbours, and the ends of the ranges."""
    random = np.random.default_rng(3)
    bits = random.integers(0, 2**32, 20_000, np.uint64).astype(np.uint32)
    middles = (bits & np.uint32(0xFFFFE000)) | np.uint32(0x1000)
    wide = (bits & np.uint32(0xFFFF0000)) | np.uint32(0x8000)
    found = np.concatenate([b.view(np.float32) for b in (bits, middles, wide)])
    small = random.normal(size=5000) * 2.0 ** random.integers(-30, 18, 5000)
    ends = np.array([0.0, 65504.0, 65519.9, 65520.0, 2.0**-24, 2.0**-25, 3 * 2.0**-25, 3.4e38])
    found = np.concatenate([found[np.isfinite(found)], small, ends]).astype(np.float32)
    return np.concatenate([found, -found]).astype(np.float64)


@pytest.mark.parametrize("precision", FORMATS)
def test_numbers_go_to_the_nearest_and_middles_to_the_even_one(numbers, precision):
    assert len(numbers) > 100_000
    np.testing.assert_array_equal(rounded(numbers, precision), by_scaling(numbers, precision))


@pytest.mark.parametrize("precision", FORMATS)
def test_what_is_rounded_stays_and_what_is_no_number_stays_none(precision):
    special = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 1.0, 1.5])
    result = rounded(special, precision)
    np.testing.assert_array_equal(result, special)
    assert np.signbit(result[4]) and result.dtype == np.float64
    every_bit = np.array([0x7FFFFFFF, 0xFFFFFFFF], np.uint32).view(np.float32)
    assert np.isnan(rounded(every_bit, precision)).all()


def test_f32_is_left_as_it_is():
    x = np.array([1.0 + 2.0**-40])
    assert rounded(x, "f32")[0] == x[0]
