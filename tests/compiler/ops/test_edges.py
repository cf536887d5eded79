"""What ops do where mathematics leaves a choice: ties, zeros, NaN, overflow and rounding."""

import numpy as np
import pytest

from netc.compiler.interpret import interpret
from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Output, Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.table import OPS
from netc.compiler.scalar.index import Index, loop

NAN = np.nan


def run(name: str, *arrays, **attributes) -> list:
    return OPS[name].reference(*(np.asarray(array) for array in arrays), **attributes).tolist()


def gradients(name: str, *arrays: list[float], **attributes) -> list[list[float]]:
    """The gradient of the sum of the output by each operand."""
    build = Builder(OPS)
    operands = [
        build.input(f"a{i}", TensorType("f32", np.shape(array)), Role.FIELD)
        for i, array in enumerate(arrays)
    ]
    build.apply(name, *operands, **attributes)
    node = build.nodes[-1]
    parts = OPS[name].gradient(build, node, build.number(1.0, node.output.type))
    outputs = tuple(Output(str(i), part) for i, part in enumerate(parts))
    values = {f"a{i}": np.asarray(array) for i, array in enumerate(arrays)}
    return [array.tolist() for array in interpret(build.graph("g", outputs), values).values()]


@pytest.mark.parametrize("name, expected", [("argmax", 1), ("argmin", 2)])
def test_the_first_of_equal_extremes_is_chosen(name, expected):
    assert run(name, [3.0, 7.0, 1.0, 7.0, 1.0], axes=(0,)) == expected


@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_the_first_nan_counts_as_the_extreme(name):
    assert run(name, [3.0, 9.0, NAN, -9.0, NAN], axes=(0,)) == 2


def test_only_the_first_of_equal_extremes_takes_the_gradient():
    assert gradients("max", [3.0, 7.0, 7.0], axes=(0,)) == [[0, 1, 0]]
    assert gradients("min", [[3.0, 1.0], [1.0, 1.0]], axes=(0, 1)) == [[[0, 1], [0, 0]]]


def test_max_and_maximum_hand_on_nan():
    assert np.isnan(run("max", [1.0, NAN, 3.0], axes=(0,)))
    assert np.isnan(run("maximum", [1.0, NAN], [NAN, 1.0])).all()
    assert np.isnan(run("relu", [NAN])).all()


def test_equal_pairs_send_their_gradient_to_the_first():
    assert gradients("maximum", [2.0, 5.0], [2.0, 7.0]) == [[1, 0], [0, 1]]
    assert gradients("minimum", [2.0, 5.0], [2.0, 7.0]) == [[1, 1], [0, 0]]


def test_the_gradient_of_a_product_is_right_with_none_one_and_two_zeros():
    assert gradients("product", [2.0, 3.0, 4.0], axes=(0,)) == [[12, 8, 6]]
    assert gradients("product", [2.0, 0.0, 4.0], axes=(0,)) == [[0, 8, 0]]
    assert gradients("product", [0.0, 0.0, 4.0], axes=(0,)) == [[0, 0, 0]]


def test_kinks_have_the_gradient_zero():
    assert gradients("relu", [-1.0, 0.0, 2.0]) == [[0, 0, 1]]
    assert gradients("absolute", [-1.0, 0.0, 2.0]) == [[-1, 0, 1]]


def test_powers_with_a_zero_have_a_finite_gradient():
    by_base, by_exponent = gradients("power", [0.0, 0.0, 3.0], [2.0, 0.0, 0.0])
    assert by_base == [0, 0, 0]
    assert by_exponent == [0, pytest.approx(-np.inf), pytest.approx(np.log(3.0))]


def test_division_floors_as_python_does():
    a, b = np.array([7, -7, 7, -7], np.int32), np.array([2, 2, -2, -2], np.int32)
    assert run("floor_divide", a, b) == [3, -4, -4, 3]
    assert run("remainder", a, b) == [1, 1, -1, -1]
    assert run("remainder", [-0.5], [2.0]) == [1.5]


def test_a_whole_number_over_zero_is_zero():
    with np.errstate(all="ignore"):
        for name in ("floor_divide", "remainder"):
            assert run(name, np.array([7, -7], np.int32), np.array([0, 0], np.int32)) == [0, 0]


def test_halves_round_to_the_even_number():
    assert run("round", [0.5, 1.5, -0.5, -2.5, 2.6]) == [0, 2, 0, -2, 3]


def test_casting_to_a_whole_number_drops_the_fraction():
    assert run("cast", [1.9, -1.9], dtype="i32") == [1, -1]
    assert run("cast", [0.0, 0.5, -1.0], dtype="bool") == [False, True, True]


def test_sigmoid_overflows_nowhere():
    with np.errstate(all="raise", under="ignore"):
        assert run("sigmoid", [-1000.0, 0.0, 1000.0]) == [0, 0.5, 1]


def test_comparisons_with_nan_are_false_but_for_not_equal():
    for name in ("equal", "less", "less_equal", "greater", "greater_equal"):
        assert run(name, [NAN, 1.0], [1.0, NAN]) == [False, False]
    assert run("not_equal", [NAN], [NAN]) == [True]


def test_a_maximum_over_windows_ignores_what_is_outside():
    image = -np.ones((1, 3, 3, 1))
    geometry = {"stride": (2, 2), "pad": ((1, 1), (1, 1)), "dilation": (1, 1)}
    seen = OPS["windows"].reference(image, size=(3, 3), fill=-np.inf, **geometry)
    assert (seen.max(axis=(3, 4)) == -1).all()


def test_an_axis_that_a_reshape_keeps_keeps_its_index_even_outside_of_a_guard():
    build = Builder(OPS)
    x = build.input("x", TensorType("f32", (4, 3, 5, 2)), Role.FIELD)
    build.reshape(x, shape=(4, 1, 3, 10))
    place = loop("p", 9) - 4
    inner = loop("c", 10)
    seen = OPS["reshape"].element(
        build.nodes[-1], lambda value, index: index, (place, Index(), place, inner)
    )
    assert seen == (place, place, inner // 2, inner % 2)
