"""Whole numbers at their limits: they wrap around and never stop the program."""

import numpy as np
import pytest

from netc.compiler.ir.text import parse_graph

LIMITS = np.array([-(2**31), 1 - 2**31, -16777217, -3, -1, 0, 1, 2, 16777216, 2**31 - 1], np.int32)
PAIRS = np.stack([each.reshape(-1) for each in np.meshgrid(LIMITS, LIMITS)])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_whole_numbers_wrap_around_and_divide_by_zero(run_on_cpu):
    pairs = [
        "add",
        "subtract",
        "multiply",
        "floor_divide",
        "remainder",
        "maximum",
        "minimum",
        "less",
        "equal",
    ]
    lines = [
        f"%{op}: {'bool' if op in ('less', 'equal') else 'i32'}[100] = {op}(%a, %b)" for op in pairs
    ]
    lines += [f"%{op}: i32[100] = {op}(%a)" for op in ("negate", "absolute", "sign")]
    lines += [f"%{op}_all: i32[] = {op}(%a) axes=(0,)" for op in ("sum", "product", "max", "min")]
    lines += [f"%{op}_all: i32[] = {op}(%a) axes=(0,)" for op in ("argmax", "argmin")]
    lines += ['%byte: u8[100] = cast(%a) dtype="u8"', '%wide: i32[100] = cast(%byte) dtype="i32"']
    names = [line[1:].partition(":")[0] for line in lines]
    outputs = [f'output "{name}" = %{name}' for name in names]
    inputs = ["input %a: i32[100] field", "input %b: i32[100] field"]
    graph = parse_graph("\n".join(['graph "whole"', *inputs, *lines, *outputs]))
    found, expected = run_on_cpu(graph, {"a": PAIRS[0], "b": PAIRS[1]})
    for name in names:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def test_neighbours_that_no_float_tells_apart_are_told_apart(run_on_cpu):
    graph = parse_graph(
        'graph "whole"\ninput %a: i32[3, 2] field\n'
        "%row: i32[3] = argmax(%a) axes=(1,)\n%column: i32[2] = argmin(%a) axes=(0,)\n"
        'output "row" = %row\noutput "column" = %column'
    )
    numbers = np.array([[16777216, 16777217], [-16777216, -16777217], [2**31 - 1, 2**31 - 2]])
    found, expected = run_on_cpu(graph, {"a": numbers.astype(np.int32)})
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_a_negative_constant_can_be_negated(run_on_cpu):
    graph = parse_graph(
        'graph "whole"\n%a: i32[] = constant() dtype="i32" shape=() value=-5\n'
        '%b: i32[] = negate(%a)\noutput "b" = %b'
    )
    assert run_on_cpu(graph, {})[0]["b"] == 5


def test_columns_of_whole_numbers_add_up_whatever_their_number(run_on_cpu):
    sizes = [(rows, columns) for rows in (4, 15, 16, 37) for columns in (1, 2, 3, 4, 5, 7, 8, 16)]
    lines, inputs, outputs, given = [], [], [], {}
    random = np.random.default_rng(4)
    for rows, columns in sizes:
        name = f"{rows}_{columns}"
        inputs.append(f"input %x_{name}: i32[{rows}, {columns}] field")
        inputs.append(f"input %before_{name}: i32[{columns}] field")
        lines.append(f"%sum_{name}: i32[{columns}] = sum(%x_{name}) axes=(0,)")
        lines.append(f"%new_{name}: i32[{columns}] = add(%before_{name}, %sum_{name})")
        lines.append(f'%float_{name}: f32[{columns}] = cast(%new_{name}) dtype="f32"')
        outputs += [f'output "{kind}_{name}" = %{kind}_{name}' for kind in ("new", "float")]
        given[f"x_{name}"] = random.integers(0, 9, (rows, columns), np.int32)
        given[f"before_{name}"] = random.integers(0, 9, columns, np.int32)
    graph = parse_graph("\n".join(['graph "columns"', *inputs, *lines, *outputs]))
    found, _ = run_on_cpu(graph, given)
    for rows, columns in sizes:
        name = f"{rows}_{columns}"
        expected = given[f"before_{name}"] + given[f"x_{name}"].sum(axis=0)
        for kind in ("new", "float"):
            np.testing.assert_array_equal(found[f"{kind}_{name}"], expected, err_msg=name)
