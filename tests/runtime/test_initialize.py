"""First values have the moments that their kinds promise, and depend on nothing but their names."""

import math

import numpy as np
import pytest

from netc.compiler.program import Initializer
from netc.runtime.initialize import KINDS, initial

SHAPE, IN, OUT = (300, 200), 300, 200
# kind -> (parameters, mean, deviation, most that a value may be)
EXPECTED = {
    "zeros": ((), 0, 0, 0),
    "ones": ((), 1, 0, 1),
    "constant": ((("value", 0.5),), 0.5, 0, 0.5),
    "normal": ((("deviation", 0.2), ("mean", 1.0)), 1, 0.2, 2.5),
    "uniform": ((("low", -1.0), ("high", 3.0)), 1, 4 / math.sqrt(12), 3),
    "truncated_normal": ((("deviation", 0.5),), 0, 0.5 * 0.87963, 1.0),
    "glorot_uniform": ((), 0, math.sqrt(2 / 500), math.sqrt(6 / 500)),
    "glorot_normal": ((), 0, math.sqrt(2 / 500), 2 * math.sqrt(2 / 500) / 0.87962),
    "he_uniform": ((), 0, math.sqrt(2 / 300), math.sqrt(6 / 300)),
    "he_normal": ((), 0, math.sqrt(2 / 300), 2 * math.sqrt(2 / 300) / 0.87962),
    "orthogonal": ((), 0, math.sqrt(1 / 300), 1),
}


def values(kind, seed=0, name="net.dense_1.kernel", shape=SHAPE, parameters=None):
    parameters = EXPECTED[kind][0] if parameters is None else parameters
    return initial(Initializer(kind, parameters, IN, OUT), shape, np.dtype("f4"), seed, name)


def test_every_kind_is_expected_here():
    assert set(EXPECTED) == set(KINDS)


@pytest.mark.parametrize("kind", EXPECTED)
def test_moments_are_those_of_the_kind(kind):
    _, mean, deviation, most = EXPECTED[kind]
    found = values(kind).astype(np.float64)
    assert found.shape == SHAPE
    assert abs(found.mean() - mean) <= 0.02 * deviation + 1e-12  # 5 standard errors of 60,000
    assert found.std() == pytest.approx(deviation, rel=0.02, abs=1e-12)
    assert np.abs(found).max() <= most * 1.000001


@pytest.mark.parametrize("kind", ["normal", "glorot_uniform", "truncated_normal", "orthogonal"])
def test_values_depend_on_seed_and_name_only(kind):
    assert np.array_equal(values(kind), values(kind))
    assert not np.array_equal(values(kind), values(kind, seed=1))
    assert not np.array_equal(values(kind), values(kind, name="net.dense_2.kernel"))


@pytest.mark.parametrize("shape", [(20, 8), (8, 20), (3, 3, 2, 5)])
def test_orthogonal_is_at_right_angles(shape):
    matrix = values("orthogonal", shape=shape).astype(np.float64).reshape(-1, shape[-1])
    small = min(matrix.shape)
    product = matrix.T @ matrix if matrix.shape[1] == small else matrix @ matrix.T
    assert np.allclose(product, np.eye(small), atol=1e-6)


def test_values_stay_the_same_from_version_to_version():
    found = values("glorot_uniform", seed=3, name="a", shape=(3,))
    assert [float(value).hex() for value in found] == [
        "-0x1.c4853c0000000p-6",
        "-0x1.66eae40000000p-5",
        "-0x1.4dc6e80000000p-6",
    ]


def test_scalars_and_empty_shapes_are_no_exception():
    assert values("ones", shape=()).shape == ()
    assert values("normal", shape=(0, 4)).shape == (0, 4)
