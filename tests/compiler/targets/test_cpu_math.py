"""netc_math.h and netc_random.h as this machine builds them, against NumPy in doubles."""

import ctypes
import math
from importlib.resources import files

import numpy as np
import pytest

from netc.compiler.build.cc import build_library
from netc.compiler.ops import philox

STRIDE = 977  # of the 2^32 floats: a prime, so that every exponent meets every end of the bits
BOUNDS = {"exp": 2, "log": 2, "tanh": 3, "sigmoid": 3, "erf": 2}  # ulp, as netc_math.h states them
EXACT = {
    "exp": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "sigmoid": lambda x: np.exp(-np.logaddexp(0, -x)),
    "erf": np.vectorize(math.erf, otypes=[np.float64]),
}
SOURCE = """
#include "netc_math.h"
#include "netc_random.h"
#define EACH(name) void each_##name(const float *x, float *y, int64_t n) \\
    { for (int64_t i = 0; i < n; i++) y[i] = netc_##name(x[i]); }
EACH(exp) EACH(log) EACH(tanh) EACH(sigmoid) EACH(erf) EACH(relu) EACH(sign)
void uniform(int seed, int step, int stream, int64_t first, int64_t n, float *y)
{ for (int64_t i = 0; i < n; i++) y[i] = netc_uniform(seed, step, stream, first + i); }
void normal(int seed, int step, int stream, int64_t first, int64_t n, float *y)
{ for (int64_t i = 0; i < n; i++) y[i] = netc_normal(seed, step, stream, first + i); }
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> ctypes.CDLL:
    folder = tmp_path_factory.mktemp("math")
    for name in ("netc_math.h", "netc_random.h"):
        (folder / name).write_text((files("netc.templates") / "cpu" / name).read_text())
    (folder / "sweep.c").write_text(SOURCE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NETC_CACHE", str(folder / "cache"))
        return ctypes.CDLL(str(build_library(folder / "sweep.c")))


def each(library: ctypes.CDLL, name: str, x: np.ndarray) -> np.ndarray:
    y = np.empty_like(x)
    places = ctypes.c_void_p(x.ctypes.data), ctypes.c_void_p(y.ctypes.data)
    getattr(library, f"each_{name}")(*places, ctypes.c_int64(x.size))
    return y


def floats() -> np.ndarray:
    """Every STRIDE-th float, with the finite ones only."""
    x = np.arange(0, 2**32, STRIDE, dtype=np.uint64).astype(np.uint32).view(np.float32)
    return np.ascontiguousarray(x[np.isfinite(x)])


@pytest.mark.parametrize("name", BOUNDS)
def test_errors_stay_below_the_bounds_that_the_header_states(library, name):
    x = floats()
    if name == "log":
        x = np.ascontiguousarray(x[x > 0])
    with np.errstate(all="ignore"):
        exact = EXACT[name](x.astype(np.float64))
        nearest = exact.astype(np.float32)
        found = each(library, name, x)
        unit = np.spacing(np.minimum(np.abs(nearest), np.float32(3.4028235e38))).astype(np.float64)
        error = np.abs(found - exact) / unit
    error[found == nearest] = 0  # an overflow to infinity that is right
    worst = int(np.argmax(error))
    assert error[worst] <= BOUNDS[name], f"{name}({x[worst]!r}) is off by {error[worst]} ulp"


LARGEST, TINY = np.float32(3.4028235e38), np.float32(1e-45)
SPECIAL = {
    "exp": (
        [0.0, -0.0, np.inf, -np.inf, np.nan, LARGEST, -LARGEST, TINY],
        [1, 1, np.inf, 0, np.nan, np.inf, 0, 1],
    ),
    "log": (
        [1.0, 0.0, -0.0, np.inf, -np.inf, np.nan, -1.0, -TINY],
        [0, -np.inf, -np.inf, np.inf, np.nan, np.nan, np.nan, np.nan],
    ),
    "tanh": (
        [0.0, -0.0, np.inf, -np.inf, np.nan, LARGEST, -TINY, TINY],
        [0.0, -0.0, 1, -1, np.nan, 1, -TINY, TINY],
    ),
    "sigmoid": (
        [0.0, -0.0, np.inf, -np.inf, np.nan, LARGEST, -LARGEST, TINY],
        [0.5, 0.5, 1, 0, np.nan, 1, 0, 0.5],
    ),
    "erf": (
        [0.0, -0.0, np.inf, -np.inf, np.nan, LARGEST, -TINY, TINY],
        [0.0, -0.0, 1, -1, np.nan, 1, -TINY, TINY],
    ),
    "relu": (
        [0.0, -0.0, np.inf, -np.inf, np.nan, -1.0, 2.0, -TINY],
        [0.0, -0.0, np.inf, 0, np.nan, 0, 2, 0],
    ),
    "sign": (
        [0.0, -0.0, np.inf, -np.inf, np.nan, -1.0, 2.0, -TINY],
        [0.0, -0.0, 1, -1, np.nan, -1, 1, -1],
    ),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_special_values_are_as_ieee_has_them(library, name):
    given, expected = (np.array(numbers, np.float32) for numbers in SPECIAL[name])
    repeated = np.tile(given, 5)  # long enough for vectors, and for what is left over behind them
    found = each(library, name, repeated)[:-3]
    np.testing.assert_array_equal(found, np.tile(expected, 5)[:-3])
    zeros = expected == 0
    np.testing.assert_array_equal(np.signbit(found[:8])[zeros], np.signbit(expected)[zeros])


def drawn(library: ctypes.CDLL, name: str, key: tuple[int, int, int], first: int, count: int):
    y = np.empty(count, np.float32)
    sizes = ctypes.c_int64(first), ctypes.c_int64(count)
    getattr(library, name)(
        *map(ctypes.c_int, key), *sizes, ctypes.c_void_p(y.ctypes.data)
    )  # fmt: skip
    return y


KEYS = ((0, 0, 0), (1, 2, 3), (-1, 2**31 - 1, 77), (123456789, 5, 2**31 - 1))


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("first", [0, 5, 2**32 - 3, 2**34 + 1])
def test_random_numbers_are_those_of_the_reference(library, key, first):
    places = first + np.arange(1001)
    uniform = drawn(library, "uniform", key, first, 1001)
    np.testing.assert_array_equal(uniform, philox.uniform(*key, places))
    exact = philox.normal(*key, places)
    # the angle, below 2 pi, is rounded to a float; the radius is below 6
    np.testing.assert_allclose(
        drawn(library, "normal", key, first, 1001), exact, rtol=1e-6, atol=3e-6
    )
