"""How a builder names what it makes: names that differ, and one spelling of a float constant."""

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.table import OPS


def test_names_count_up_around_those_that_are_taken():
    build = Builder(OPS)
    names = [build.fresh(hint) for hint in ("x", "x_3", "x", "x", "x_3", "x")]
    assert names == ["x", "x_3", "x_2", "x_4", "x_3_2", "x_5"]


def test_an_extending_builder_uses_no_name_of_its_graph():
    build = Builder(OPS)
    x = build.input("x", TensorType("f32", (2,)), Role.FIELD)
    build.add(x, x)
    again = Builder.extending(OPS, build.graph("g", ()))
    assert again.add(x, x).name == "add_2"


def test_a_float_constant_is_a_float():
    build = Builder(OPS)
    for dtype, value in (("f32", "0.0"), ("i32", "0")):
        build.number(0, TensorType(dtype, ()))
        assert repr(build.nodes[-1].named["value"]) == value
