"""Every rule of simplify: text in, text out, and the same results for NaN and infinities too."""

import pytest

from netc.compiler.ir.graph import Graph
from netc.compiler.ir.text import parse_graph
from netc.compiler.ops.table import OPS
from netc.compiler.passes.remove_dead import remove_dead
from netc.compiler.passes.simplify import RULES, simplify


def simpler(graph: Graph) -> Graph:
    return remove_dead(simplify(graph, OPS))


X = "input %x: f32[2, 3] field"
HALF = '%half: f32[2, 3] = constant() dtype="f32" shape=(2, 3) value=0.5'


def constant(value: float | bool, dtype: str = "f32", name: str = "c") -> str:
    return f'%{name}: {dtype}[2, 3] = constant() dtype="{dtype}" shape=(2, 3) value={value}'


# nodes between the input x: f32[2, 3] and the value y that are not needed at all
NOTHING_LEFT = {
    "x + 0": f"{constant(0.0)}\n%y: f32[2, 3] = add(%x, %c)",
    "0 + x": f"{constant(0)}\n%y: f32[2, 3] = add(%c, %x)",
    "x - 0": f"{constant(0.0)}\n%y: f32[2, 3] = subtract(%x, %c)",
    "x * 1": f"{constant(1.0)}\n%y: f32[2, 3] = multiply(%x, %c)",
    "1 * x": f"{constant(1.0)}\n%y: f32[2, 3] = multiply(%c, %x)",
    "x / 1": f"{constant(1.0)}\n%y: f32[2, 3] = divide(%x, %c)",
    "x ** 1": f"{constant(1.0)}\n%y: f32[2, 3] = power(%x, %c)",
    "-(-x)": "%n: f32[2, 3] = negate(%x)\n%y: f32[2, 3] = negate(%n)",
    "stop_gradient": "%y: f32[2, 3] = stop_gradient(%x)",
    "cast": '%y: f32[2, 3] = cast(%x) dtype="f32"',
    "reshape": "%y: f32[2, 3] = reshape(%x) shape=(2, 3)",
    "reshape back": "%r: f32[6] = reshape(%x) shape=(6,)\n%y: f32[2, 3] = reshape(%r) shape=(2, 3)",
    "broadcast": "%y: f32[2, 3] = broadcast(%x) shape=(2, 3)",
    "slice": "%y: f32[2, 3] = slice(%x) starts=(0, 0) steps=(1, 1) stops=(2, 3)",
    "pad": "%y: f32[2, 3] = pad(%x) high=(0, 0) low=(0, 0) value=7.0",
    "concat": "%y: f32[2, 3] = concat(%x) axis=1",
    "transpose": "%y: f32[2, 3] = transpose(%x) axes=(0, 1)",
    "transpose back": (
        "%t: f32[3, 2] = transpose(%x) axes=(1, 0)\n%y: f32[2, 3] = transpose(%t) axes=(1, 0)"
    ),
    "sum over nothing": "%y: f32[2, 3] = sum(%x) axes=()",
    "where true": (
        f"{constant(True, 'bool')}\n{HALF}\n%y: f32[2, 3] = where(%c, %x, %half)"
    ),
    "where false": (
        f"{constant(False, 'bool')}\n{HALF}\n%y: f32[2, 3] = where(%c, %half, %x)"
    ),
    "where equal": "%c: bool[2, 3] = less(%x, %x)\n%y: f32[2, 3] = where(%c, %x, %x)",
    "a constant behind a broadcast": (
        '%one: f32[] = constant() dtype="f32" shape=() value=1.0\n'
        "%c: f32[2, 3] = broadcast(%one) shape=(2, 3)\n%y: f32[2, 3] = multiply(%x, %c)"
    ),
}  # fmt: skip


@pytest.mark.parametrize("nodes", NOTHING_LEFT.values(), ids=NOTHING_LEFT)
def test_what_changes_nothing_is_dropped(rewrites, nodes):
    rewrites(simpler, f"{X}\n{nodes}", f'{X}\noutput "y" = %x')


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("%y: f32[2, 3] = multiply(%x, %c)", "%y: f32[2, 3] = multiply(%x, %c)"),
        ("%y: f32[2, 3] = subtract(%c, %x)", "%y: f32[2, 3] = subtract(%c, %x)"),
        ("%y: f32[2, 3] = power(%c, %x)", "%y: f32[2, 3] = power(%c, %x)"),
    ],
)
def test_nothing_that_can_be_nan_disappears(rewrites, before, after):
    """0 * x is NaN for an infinite x, and 0 - x is no x."""
    rewrites(simpler, f"{X}\n{constant(0.0)}\n{before}",
             f'{X}\n{constant(0.0)}\n{after}\noutput "y" = %y')  # fmt: skip


@pytest.mark.parametrize("product", ["multiply(%x, %c)", "multiply(%c, %x)"])
def test_whole_numbers_times_zero_are_zero(rewrites, product):
    zero = constant(0, "i32")
    rewrites(simpler, f"input %x: i32[2, 3] field\n{zero}\n%y: i32[2, 3] = {product}",
             f'input %x: i32[2, 3] field\n{zero}\noutput "y" = %c')  # fmt: skip


def test_a_division_by_a_power_of_two_becomes_a_product(rewrites):
    rewrites(simpler, f"{X}\n{constant(4.0)}\n%y: f32[2, 3] = divide(%x, %c)",
             f"{X}\n{constant(0.25, name='constant')}\n"
             '%multiply: f32[2, 3] = multiply(%x, %constant)\noutput "y" = %multiply')  # fmt: skip


@pytest.mark.parametrize("divisor", ["3.0", "0.0", "inf", "nan", "1e-45", "1.7014118346046923e+38"])
def test_no_other_division_does(rewrites, divisor):
    text = f"{X}\n{constant(divisor)}\n%y: f32[2, 3] = divide(%x, %c)"
    rewrites(simpler, text, f'{text}\noutput "y" = %y')


def test_a_square_becomes_a_product(rewrites):
    rewrites(simpler, f"{X}\n{constant(2.0)}\n%y: f32[2, 3] = power(%x, %c)",
             f'{X}\n%multiply: f32[2, 3] = multiply(%x, %x)\noutput "y" = %multiply')  # fmt: skip


def test_reshapes_broadcasts_and_transposes_merge(rewrites):
    rewrites(
        simpler,
        f"{X}\n%a: f32[3, 2] = reshape(%x) shape=(3, 2)\n%b: f32[6, 1] = reshape(%a) shape=(6, 1)\n"
        "%c: f32[6, 4] = broadcast(%b) shape=(6, 4)\n"
        "%y: f32[5, 6, 4] = broadcast(%c) shape=(5, 6, 4)",
        f"{X}\n%reshape: f32[6, 1] = reshape(%x) shape=(6, 1)\n"
        '%broadcast: f32[5, 6, 4] = broadcast(%reshape) shape=(5, 6, 4)\noutput "y" = %broadcast',
    )
    rewrites(
        simpler,
        "input %x: f32[2, 3, 4] field\n%a: f32[3, 4, 2] = transpose(%x) axes=(1, 2, 0)\n"
        "%y: f32[4, 3, 2] = transpose(%a) axes=(1, 0, 2)",
        "input %x: f32[2, 3, 4] field\n"
        '%transpose: f32[4, 3, 2] = transpose(%x) axes=(2, 1, 0)\noutput "y" = %transpose',
    )


def test_a_transpose_that_moves_only_an_axis_of_one_is_a_reshape(rewrites):
    rewrites(
        simpler,
        "input %x: f32[2, 1, 3] field\n%y: f32[2, 3, 1] = transpose(%x) axes=(0, 2, 1)",
        "input %x: f32[2, 1, 3] field\n"
        '%reshape: f32[2, 3, 1] = reshape(%x) shape=(2, 3, 1)\noutput "y" = %reshape',
    )


PADS = """%a: f32[2, 5] = pad(%x) high=(0, 0) low=(0, 2) value=0.0
%b: f32[2, 5] = pad(%z) high=(0, 3) low=(0, 0) value=0.0
%y: f32[2, 5] = add(%a, %b)"""


def test_zeros_beside_two_parts_that_are_added_make_them_stand_together(rewrites):
    inputs = f"{X}\ninput %z: f32[2, 2] field"
    rewrites(simpler, f"{inputs}\n{PADS}",
             f'{inputs}\n%concat: f32[2, 5] = concat(%z, %x) axis=1\noutput "y" = %concat',
             special=False)  # fmt: skip


@pytest.mark.parametrize(
    "old, new", [("low=(0, 2) value=0.0", "low=(0, 2) value=1.0"), ("high=(0, 3)", "high=(1, 3)")]
)
def test_other_paddings_are_added(old, new):
    text = PADS.replace(old, new)
    if "high=(1" in new:
        text = text.replace("[2, 5]", "[3, 5]").replace("high=(0, 0)", "high=(1, 0)")
    lines = f'{X}\ninput %z: f32[2, 2] field\n{text}\noutput "y" = %y'
    graph = parse_graph(f'graph "test"\n{lines}\n')
    assert [node.op for node in simpler(graph).nodes] == ["pad", "pad", "add"]


@pytest.mark.parametrize("op", ["sum", "max", "min", "product"])
def test_folding_axes_of_one_is_a_reshape(rewrites, op):
    rewrites(
        simpler,
        f"input %x: f32[2, 1, 3, 1] field\n%y: f32[2, 3] = {op}(%x) axes=(1, 3)",
        "input %x: f32[2, 1, 3, 1] field\n"
        '%reshape: f32[2, 3] = reshape(%x) shape=(2, 3)\noutput "y" = %reshape',
    )


@pytest.mark.parametrize(
    ("nodes", "result"),
    [
        (f"{constant(3.0)}\n{HALF}\n%y: f32[2, 3] = subtract(%c, %half)", "f32[2, 3] 2.5"),
        (f"{constant(3.0)}\n%y: f32[] = sum(%c) axes=(0, 1)", "f32[] 18.0"),
        (f"{constant(3.0)}\n%y: bool[2, 3] = equal(%c, %c)", "bool[2, 3] True"),
        (f'{constant(7.9)}\n%y: i32[2, 3] = cast(%c) dtype="i32"', "i32[2, 3] 7"),
        (f"{constant(-1.0)}\n%y: f32[2, 3] = log(%c)", "f32[2, 3] nan"),
        (f"{constant(0.0)}\n%y: f32[2, 3] = divide(%c, %c)", "f32[2, 3] nan"),
        (f"{constant(1e30)}\n%y: f32[2, 3] = multiply(%c, %c)", "f32[2, 3] inf"),
        (f"{constant(2147483647, 'i32')}\n%y: i32[2, 3] = add(%c, %c)", "i32[2, 3] -2"),
        (f"{constant(3)}\n%y: f32[9000] = slice(%w) starts=(0,) steps=(1,) stops=(9000,)"
         .replace("%y", '%w: f32[9999] = constant() dtype="f32" shape=(9999,) value=2.5\n%y'),
         "f32[9000] 2.5"),
        ("%y: i32[1] = iota() axis=0 shape=(1,)", "i32[1] 0"),
    ],
)  # fmt: skip
def test_known_numbers_are_computed_while_compiling(nodes, result):
    after = simpler(parse_graph(f'graph "g"\n{nodes}\noutput "y" = %y'))
    (node,) = after.nodes
    assert node.op == "constant"
    assert f"{node.output.type} {node.named['value']}" == result


def test_folded_floats_are_rounded_as_if_they_had_been_computed_while_running():
    nodes = f"{constant(0.1)}\n{constant(0.2, name='d')}\n%y: f32[2, 3] = add(%c, %d)"
    (node,) = simpler(parse_graph(f'graph "g"\n{nodes}\noutput "y" = %y')).nodes
    assert node.named["value"] == 0.30000001192092896  # 0x3e99999a, the f32 sum of the f32 numbers


@pytest.mark.parametrize(
    "nodes",
    [
        "%y: i32[3] = iota() axis=0 shape=(3,)",
        '%c: f32[2] = constant() dtype="f32" shape=(2,) value=1.0\n'
        "%y: f32[4] = pad(%c) high=(1,) low=(1,) value=0.0",
        '%c: bf16[2] = constant() dtype="bf16" shape=(2,) value=0.1\n%y: bf16[2] = add(%c, %c)',
    ],
)
def test_what_is_not_one_exactly_known_number_stays(nodes):
    graph = parse_graph(f'graph "g"\n{nodes}\noutput "y" = %y')
    assert simpler(graph) == graph


def test_a_new_node_comes_from_the_line_of_the_old_one():
    text = f"{X}\n{constant(2.0)}\n%y: f32[2, 3] = power(%x, %c)  # line 9 net.square forward"
    (node,) = simpler(parse_graph(f'graph "g"\n{text}\noutput "y" = %y')).nodes
    assert (node.origin.line, node.origin.path) == (9, "net.square")


def test_the_rules_are_for_ops_that_exist():
    assert RULES.keys() <= OPS.keys()
