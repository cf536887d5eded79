"""The printed form of a graph comes back as the same graph."""

from math import inf, nan

import pytest
from lark.exceptions import LarkError, UnexpectedInput

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Node, Origin, Output, Role, Update, Value
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ir.text import parse_graph, print_graph
from netc.compiler.ops.table import OPS

TEXT = """\
graph "tiny \\"net\\""
input %image: f32[2, 5, 5, 3] field
input %net.conv2d_1.kernel: f32[3, 3, 3, 4] weight
input %net.mean: f32[4] state
input %step: i32[] counter
%conv2d: f32[2, 3, 3, 4] = conv2d(%image, %net.conv2d_1.kernel) dilation=(1, 1) \
pad=((0, 0), (0, 0)) stride=(1, 1)  # line 4 net.conv2d_1 forward
%sum: f32[4] = sum(%conv2d) axes=(0, 1, 2)  # line 5 backward
%constant: i32[] = constant() dtype="i32" shape=() value=1
%add: i32[] = add(%step, %constant)
output "pixels" = %sum
update %net.mean = %sum
update %step = %add
"""


def built() -> Graph:
    build = Builder(OPS)
    image = build.input("image", TensorType("f32", (2, 5, 5, 3)), Role.FIELD)
    kernel = build.input("net.conv2d_1.kernel", TensorType("f32", (3, 3, 3, 4)), Role.WEIGHT)
    mean = build.input("net.mean", TensorType("f32", (4,)), Role.STATE)
    step = build.input("step", TensorType("i32", ()), Role.COUNTER)
    with build.at(Origin(4, "net.conv2d_1")):
        pixels = build.conv2d(image, kernel, stride=(1, 1), pad=((0, 0), (0, 0)), dilation=(1, 1))
    with build.at(Origin(5, "", "backward")):
        total = build.sum(pixels, axes=(0, 1, 2))
    updates = (Update(mean, total), Update(step, build.add(step, 1)))
    return build.graph('tiny "net"', (Output("pixels", total),), updates)


def test_a_graph_prints_one_declaration_a_line():
    assert print_graph(built()) == TEXT


def test_the_text_is_read_back_as_the_same_graph_with_its_origins():
    graph = parse_graph(TEXT)
    assert graph == built()
    assert [node.origin for node in graph.nodes] == [node.origin for node in built().nodes]
    assert print_graph(graph) == TEXT


@pytest.mark.parametrize(
    "value",
    [
        0, -7, 2**40, 1.0, -0.0, 0.1, 1e-05, 1e300, 5e-324, 1 / 3, inf, -inf, nan, True, False, "",
        'a "b" \\ c\nd', "# line 1 x forward", (), (1,), (1, 2.5), ((0, 1), (2, 3)),
        (True, "x", ()),
    ],
)  # fmt: skip
def test_every_kind_of_attribute_comes_back_exactly(value):
    made = Value("made", TensorType("f32", ()))
    graph = Graph("g", (), (Node("constant", (), (made,), (("value", value),)),), ())
    (node,) = parse_graph(print_graph(graph)).nodes
    assert repr(node.attributes) == repr((("value", value),))


def test_a_node_with_several_outputs_comes_back():
    values = tuple(Value(name, TensorType("bool", (3,))) for name in ("a", "b.c_2"))
    graph = Graph("g", (), (Node("two", (), values),), (Output("b", values[1]),))
    assert parse_graph(print_graph(graph)) == graph


@pytest.mark.parametrize("text", ["", "graph", 'graph "g"\n%a = add()', 'graph "g"\nwhat'])
def test_what_is_no_graph_is_refused(text):
    with pytest.raises(UnexpectedInput):
        parse_graph(text)


def test_a_value_must_be_made_before_its_use():
    with pytest.raises(LarkError, match="'b'"):
        parse_graph('graph "g"\n%a: f32[] = add(%b, %b)\n%b: f32[] = constant()')
