"""Names of values: text in, text out."""

from netc.compiler.ir.text import parse_graph, print_graph
from netc.compiler.passes.name_values import name_values

# ruff: noqa: E501

BEFORE = """graph "step"
input %x: f32[3] field
input %net.dense_1.kernel: f32[3] weight
%a: f32[3] = multiply(%x, %net.dense_1.kernel)  # line 4 net.dense_1 forward
%b: f32[3] = multiply(%a, %a)  # line 4 net.dense_1 forward
%c: f32[] = sum(%b) axes=(0,)
%d: f32[3] = multiply(%a, %x)  # line 4 net.dense_1 backward
%e: f32[3] = negate(%d)  # line 0 net.dense_1.kernel update
%f: f32[3] = subtract(%net.dense_1.kernel, %e)  # line 0 net.dense_1.kernel update
output "loss" = %c
update %net.dense_1.kernel = %f
"""
AFTER = """graph "step"
input %x: f32[3] field
input %net.dense_1.kernel: f32[3] weight
%dense_1.multiply: f32[3] = multiply(%x, %net.dense_1.kernel)  # line 4 net.dense_1 forward
%dense_1.multiply_2: f32[3] = multiply(%dense_1.multiply, %dense_1.multiply)  # line 4 net.dense_1 forward
%sum: f32[] = sum(%dense_1.multiply_2) axes=(0,)
%dense_1.gradient.multiply: f32[3] = multiply(%dense_1.multiply, %x)  # line 4 net.dense_1 backward
%dense_1.kernel.negate: f32[3] = negate(%dense_1.gradient.multiply)  # line 0 net.dense_1.kernel update
%net.dense_1.kernel.new: f32[3] = subtract(%net.dense_1.kernel, %dense_1.kernel.negate)  # line 0 net.dense_1.kernel update
output "loss" = %sum
update %net.dense_1.kernel = %net.dense_1.kernel.new
"""


def test_values_are_named_for_their_place_and_their_op(same_results):
    graph = parse_graph(BEFORE)
    assert print_graph(name_values(graph)) == AFTER
    same_results(graph, name_values(graph))


def test_naming_again_changes_nothing():
    assert print_graph(name_values(parse_graph(AFTER))) == AFTER


def test_a_name_that_an_input_has_is_numbered(same_results):
    graph = parse_graph(
        'graph "g"\ninput %exp: f32[2] field\ninput %w: f32[2] weight\n'
        "input %w.new: f32[2] weight\n%exp_2: f32[2] = exp(%exp)\n%y: f32[2] = exp(%exp_2)\n"
        'output "y" = %y\nupdate %w = %y\nupdate %w.new = %exp'
    )
    after = name_values(graph)
    assert [str(node.output) for node in after.nodes] == ["%exp_2: f32[2]", "%w.new_2: f32[2]"]
    same_results(graph, after)


def test_one_value_for_two_weights_and_an_input_as_a_new_value(same_results):
    graph = parse_graph(
        'graph "g"\ninput %a: f32[2] weight\ninput %b: f32[2] weight\ninput %c: f32[2] weight\n'
        '%v: f32[2] = add(%a, %b)\noutput "v" = %v\n'
        "update %a = %v\nupdate %b = %v\nupdate %c = %a"
    )
    after = name_values(graph)
    assert [update.value.name for update in after.updates] == ["a.new", "a.new", "a"]
    same_results(graph, after)
