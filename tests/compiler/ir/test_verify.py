"""verify finds every way in which a graph can break the rules, and names the place."""

from dataclasses import replace

import pytest

from netc.compiler.ir.text import parse_graph
from netc.compiler.ir.verify import InternalError, verify
from netc.compiler.ops.table import OPS

GOOD = """\
graph "good"
input %x: f32[2, 3] field
input %w: f32[3] weight
%wide: f32[2, 3] = broadcast(%w) shape=(2, 3)
%y: f32[2, 3] = multiply(%x, %wide)
%new: f32[3] = sum(%y) axes=(0,)
output "y" = %y
update %w = %new
"""


def test_a_sound_graph_passes():
    verify(parse_graph(GOOD), OPS)


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("%y: f32[2, 3] =", "%wide: f32[2, 3] =", "%wide is assigned twice"),
        ("input %w: f32[3]", "input %x: f32[3]", "%x is assigned twice"),
        ("%y: f32[2, 3] =", "%y: f32[3, 2] =", r"%y: f32\[3, 2\]: multiply gives f32\[2, 3\]"),
        ("multiply(", "multiplied(", "%y.*no op called multiplied"),
        ("(%x, %wide)", "(%x, %w)", "%y.*multiply refuses its operands"),
        ("axes=(0,)", "axes=(0,) keep=True", "%new.*refuses its operands"),
        ("update %w = %new", "update %x = %y", "update of %x.*no input that lasts"),
        ("update %w = %new", "update %w = %y", r"update of %w.*the new value is %y"),
        ("update %w = %new", "update %w = %new\nupdate %w = %new", "updated twice"),
        ('output "y" = %y', 'output "y" = %y\noutput "y" = %x', "two outputs have one name"),
    ],
)
def test_a_broken_graph_is_named(before, after, complaint):
    assert before in GOOD
    broken = GOOD.replace(before, after, 1)
    if after.startswith("%wide"):
        broken = broken.replace("sum(%y)", "sum(%wide)").replace("= %y\n", "= %wide\n")
    if after.startswith("input %x"):
        broken = broken.replace("broadcast(%w)", "broadcast(%x)").replace("update %w = %new\n", "")
    with pytest.raises(InternalError, match=complaint):
        verify(parse_graph(broken), OPS)


def test_a_value_that_is_read_before_it_is_made_is_named():
    graph = parse_graph(GOOD)
    backwards = replace(graph, nodes=graph.nodes[::-1])
    with pytest.raises(InternalError, match=r"%new: f32\[3\]: %y is used before it is made"):
        verify(backwards, OPS)


def test_a_value_must_be_read_with_the_type_it_was_made_with():
    graph = parse_graph(GOOD)
    other = parse_graph(GOOD.replace("f32[3] weight", "f32[1] weight"))
    mixed = replace(graph, inputs=other.inputs)
    with pytest.raises(InternalError, match=r"reads %w: f32\[3\], which was made as %w: f32\[1\]"):
        verify(mixed, OPS)


def test_only_nodes_that_were_verified_before_are_taken_on_trust():
    graph = parse_graph(GOOD)
    wrong = replace(graph.nodes[1], op="where")
    broken = replace(graph, nodes=(graph.nodes[0], wrong, graph.nodes[2]))
    with pytest.raises(InternalError, match="where refuses its operands"):
        verify(broken, OPS, graph)
    verify(broken, OPS, broken)
