"""Index against plain whole-number arithmetic: values, bounds, substitution and C text."""

import itertools
import random
import re
from dataclasses import dataclass

import pytest

from netc.compiler.scalar.expression import Constant, Select, Within, select
from netc.compiler.scalar.index import (
    Index,
    Variable,
    as_index,
    linear,
    loop,
    unravel,
    variable_index,
)

EXTENTS = {"i": 3, "j": 4, "k": 1, "m": 6}
PLACES = tuple(
    dict(zip(EXTENTS, place, strict=True))
    for place in itertools.product(*map(range, EXTENTS.values()))
)


@dataclass(frozen=True)
class Pair:
    """An Index beside the same arithmetic as Python text, which floors."""

    index: Index
    text: str

    def plain(self, place: dict[str, int]) -> int:
        return eval(self.text, {}, dict(place))


def grow(source: random.Random, depth: int) -> Pair:
    """A random expression of sums, products, quotients and remainders."""
    if depth == 0:
        name = source.choice(list(EXTENTS))
        return Pair(loop(name, EXTENTS[name]), name)
    a, number = grow(source, depth - 1), source.randint(1, 7)
    match source.choice(("add", "subtract", "shift", "scale", "divide", "divide", "rest", "rest")):
        case "add":
            b = grow(source, depth - 1)
            return Pair(a.index + b.index, f"({a.text} + {b.text})")
        case "subtract":
            b = grow(source, depth - 1)
            return Pair(a.index - b.index, f"({a.text} - {b.text})")
        case "shift":
            shift = source.randint(-9, 9)
            return Pair(a.index + shift, f"({a.text} + {shift})")
        case "scale":
            factor = source.choice((-3, -1, 0, 2, 4, 6))
            return Pair(a.index * factor, f"({a.text} * {factor})")
        case "divide":
            return Pair(a.index // number, f"({a.text} // {number})")
        case _:
            return Pair(a.index % number, f"({a.text} % {number})")


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    source = random.Random(7)
    return [grow(source, source.randint(1, 6)) for _ in range(400)]


class CInt:
    """A whole number whose / and % round towards zero, as in C."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __add__(self, other):
        return CInt(self.value + other.value)

    def __sub__(self, other):
        return CInt(self.value - other.value)

    def __mul__(self, other):
        return CInt(self.value * other.value)

    def __truediv__(self, other):
        size = abs(self.value) // abs(other.value)
        return CInt(size if (self.value < 0) == (other.value < 0) else -size)

    def __mod__(self, other):
        return self - self / other * other

    def __neg__(self):
        return CInt(-self.value)


def run_as_c(text: str, place: dict[str, int]) -> int:
    numbered = re.sub(r"\b\d+\b", lambda number: f"CInt({number.group()})", text)
    return eval(
        numbered, {"CInt": CInt}, {name: CInt(value) for name, value in place.items()}
    ).value


def test_c_division_rounds_towards_zero_in_this_test():
    assert run_as_c("(i - 7) / 2", {"i": 0}) == -3
    assert run_as_c("(i - 7) % 2", {"i": 0}) == -1


def test_values_are_those_of_plain_arithmetic(pairs):
    for pair in pairs:
        for place in PLACES:
            assert pair.index.evaluate(place) == pair.plain(place), pair


def test_bounds_hold_every_value(pairs):
    for pair in pairs:
        low, high = pair.index.bounds
        assert all(low <= pair.plain(place) <= high for place in PLACES), pair


def test_c_text_computes_the_same_with_c_division(pairs):
    for pair in pairs:
        text = pair.index.text
        assert all(run_as_c(text, place) == pair.plain(place) for place in PLACES), (pair, text)


def test_substituting_a_variable_is_computing_with_its_value(pairs):
    i = Variable("i", EXTENTS["i"])
    for pair in pairs:
        replaced = pair.index.substitute({i: loop("n", 2) * -2 + 2})
        for place in PLACES[:8]:
            for n in (0, 1):
                expected = pair.plain(place | {"i": n * -2 + 2})
                assert replaced.evaluate(place | {"n": n}) == expected, pair


def test_a_coefficient_is_the_step_in_value(pairs):
    known = 0
    for pair in pairs:
        step = pair.index.coefficient(Variable("i", EXTENTS["i"]))
        for place in PLACES:
            if step is None or place["i"] == EXTENTS["i"] - 1:
                continue
            after = pair.plain(place | {"i": place["i"] + 1})
            assert after - pair.plain(place) == step, pair
            known += 1
    assert known > 1000


def test_equal_sums_are_equal_however_they_were_built():
    i, j = loop("i", 3), loop("j", 4)
    assert i + j * 2 + 1 == 1 + j + i + j
    assert (i - i).is_constant


def test_unravel_undoes_linear():
    shape = (3, 4, 1, 6)
    index = tuple(loop(name, size) for name, size in zip("ijkm", shape, strict=True))
    assert unravel(linear(index, shape), shape) == index


def test_linear_undoes_unravel():
    position = loop("p", 72)
    assert linear(unravel(position, (3, 4, 6)), (3, 4, 6)) == position


def test_a_reshape_there_and_back_leaves_no_division():
    position = loop("p", 24)
    through = linear(unravel(position, (4, 6)), (4, 6))
    assert linear(unravel(through, (2, 12)), (2, 12)) == position
    assert not linear(unravel(position, (2, 3, 4)), (2, 3, 4)).has_division


def test_division_of_what_divides_evenly_leaves_no_division():
    i, j = loop("i", 3), loop("j", 4)
    assert (i * 4 + j) // 4 == i
    assert (i * 4 + j) % 4 == j
    assert (i * 8 + j) // 4 == i * 2
    assert (i * 2 + 6) // 4 == Index() + (i + 3) // 2
    assert loop("p", 100) // 5 // 4 == loop("p", 100) // 20


def test_a_chain_of_remainders_joins_into_one():
    position = loop("p", 1000)
    inner = position % 24
    assert linear(unravel(inner, (2, 3, 4)), (2, 3, 4)) == inner
    assert unravel(inner, (2, 12)) == (position // 12 % 2, position % 12)


def test_a_variable_with_one_value_is_a_constant():
    assert variable_index(Variable("k", 1)) == as_index(0)


def test_select_drops_conditions_that_always_hold():
    i, one, two = loop("i", 5), Constant(1.0, "f32"), Constant(2.0, "f32")
    assert select((Within(i, 0, 5),), one, two) == one
    assert select((Within(i, 5, 9),), one, two) == two
    assert select((Within(i, 0, 5), Within(i, 1, 5)), one, two) == Select(
        (Within(i, 1, 5),), one, two
    )
