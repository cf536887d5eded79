"""What the builder makes of operands, names and origins."""

import pytest

from netc.compiler.ir.builder import Builder, broadcast_shape, is_pointwise
from netc.compiler.ir.graph import Origin, Output, Role, Value
from netc.compiler.ir.operation import OpError
from netc.compiler.ir.tensor import TensorType, strides
from netc.compiler.ops.table import OPS


@pytest.fixture
def build() -> Builder:
    return Builder(OPS)


def given(build: Builder, name: str, dtype: str, *shape: int) -> Value:
    return build.input(name, TensorType(dtype, shape), Role.FIELD)


def test_operands_are_broadcast_to_their_common_shape(build):
    total = build.add(given(build, "a", "f32", 3, 1), given(build, "b", "f32", 4))
    assert total.type == TensorType("f32", (3, 4))
    assert [node.op for node in build.nodes] == ["broadcast", "broadcast", "add"]


def test_operands_of_one_shape_are_taken_as_they_are(build):
    build.add(given(build, "a", "f32", 3), given(build, "b", "f32", 3))
    assert [node.op for node in build.nodes] == ["add"]


@pytest.mark.parametrize("dtype", ["f32", "f16", "i32"])
def test_a_number_takes_the_type_of_the_tensor_beside_it(build, dtype):
    assert build.multiply(2, given(build, "a", dtype, 3)).type == TensorType(dtype, (3,))
    assert build.nodes[0].named == {"value": 2, "dtype": dtype, "shape": (3,)}


def test_a_number_beside_a_condition_takes_the_type_of_the_other_branch(build):
    condition, a = given(build, "c", "bool", 3), given(build, "a", "i32", 1)
    assert build.where(condition, a, 0).type == TensorType("i32", (3,))


def test_a_fraction_beside_whole_numbers_is_refused(build):
    with pytest.raises(OpError, match="0.5 is not a whole number"):
        build.multiply(given(build, "a", "i32", 3), 0.5)


def test_numbers_alone_are_refused(build):
    with pytest.raises(OpError, match="at least one tensor"):
        build.add(1, 2)


def test_an_unknown_op_is_no_attribute(build):
    with pytest.raises(AttributeError, match="no op called frobnicate"):
        build.frobnicate(1)


def test_names_are_unique_and_keep_their_hint(build):
    a = given(build, "x", "f32")
    b, c = build.negate(a), build.negate(a)
    assert [build.fresh("x"), b.name, c.name] == ["x_2", "negate", "negate_2"]


def test_nodes_know_where_they_come_from(build):
    a, outer, inner = given(build, "a", "f32"), Origin(3, "net"), Origin(4, "net.block")
    with build.at(outer):
        build.negate(a)
        with build.at(inner):
            build.negate(a)
        build.negate(a)
    build.negate(a)
    assert [node.origin for node in build.nodes] == [outer, inner, outer, Origin()]


def test_a_graph_is_extended_without_changing_it(build):
    b = build.negate(given(build, "a", "f32"))
    graph = build.graph("g", (Output("b", b),))
    more = Builder.extending(OPS, graph)
    assert more.negate(b).name == "negate_2"
    assert len(graph.nodes) == 1 and more.nodes[0] == graph.nodes[0]
    assert graph.producers()["negate"] == graph.nodes[0]
    assert graph.consumers() == {"a": graph.nodes}


def test_shapes_broadcast_as_in_numpy():
    assert broadcast_shape() == ()
    assert broadcast_shape((3, 1), (4,), ()) == (3, 4)
    with pytest.raises(OpError, match=r"shapes \[3\] and \[2, 4\] do not broadcast"):
        broadcast_shape((3,), (2, 4))


def test_pointwise_ops_are_those_whose_elements_only_need_elements():
    assert all(is_pointwise(OPS[name]) for name in ("add", "where", "cast", "exp", "equal"))
    assert not any(is_pointwise(OPS[name]) for name in ("reshape", "sum", "matmul", "iota"))


def test_strides_are_row_major():
    assert strides((2, 3, 4)) == (12, 4, 1)
    assert strides(()) == ()
