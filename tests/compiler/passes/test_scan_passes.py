"""A scan in the passes: text in, text out, with the same results."""

from collections import Counter

import numpy as np
import pytest

from netc.compiler.interpret import interpret
from netc.compiler.ir.graph import Graph
from netc.compiler.ir.text import parse_graph, print_graph
from netc.compiler.ir.verify import InternalError, verify
from netc.compiler.ops.table import OPS
from netc.compiler.passes.eliminate_common import eliminate_common
from netc.compiler.passes.hoist import hoist
from netc.compiler.passes.lower_precision import lower_precision
from netc.compiler.passes.name_values import name_values
from netc.compiler.passes.remove_dead import remove_dead
from netc.compiler.passes.simplify import simplify

INPUTS = "input %x: f32[3, 2, 4] field\ninput %h0: f32[2, 5] field\ninput %w: f32[9, 5] weight"
CELL = f"""{INPUTS}
%hs: f32[3, 2, 5], %unused: f32[3, 2, 9] = scan(%x, %h0, %w) carries=1 reverse=False sources=1 \
steps=3 {{  # line 4 net forward
  given %row: f32[2, 4], %h: f32[2, 5], %kernel: f32[9, 5]
  %both: f32[2, 9] = concat(%row, %h) axis=1
  %product: f32[2, 5] = matmul(%both, %kernel)
  %again: f32[2, 5] = matmul(%both, %kernel)
  %one: f32[2, 5] = constant() dtype="f32" shape=(2, 5) value=1.0
  %same: f32[2, 5] = multiply(%product, %one)
  %next: f32[2, 5] = maximum(%same, %again)
  gives %next, %both
}}"""


def graph_of(lines: str, output: str = "hs") -> Graph:
    return parse_graph(f'graph "test"\n{lines}\noutput "y" = %{output}\n')


def test_a_scan_prints_its_region_in_braces_and_is_read_back():
    graph = graph_of(CELL)
    verify(graph, OPS)
    text = print_graph(graph)
    assert text == f'graph "test"\n{CELL}\noutput "y" = %hs\n'
    assert parse_graph(text) == graph
    assert graph.nodes[0].origin.line == 4


def test_the_reference_runs_a_scan_step_by_step_and_backwards():
    random = np.random.default_rng(0)
    values = {
        "x": random.normal(size=(3, 2, 4)), "h0": random.normal(size=(2, 5)),
        "w": random.normal(size=(9, 5)),
    }  # fmt: skip
    for reverse in (False, True):
        graph = graph_of(CELL.replace("reverse=False", f"reverse={reverse}"))
        h, expected = values["h0"], {}
        for row in (2, 1, 0) if reverse else (0, 1, 2):
            expected[row] = h = np.concatenate([values["x"][row], h], 1) @ values["w"]
        found = interpret(graph, values)["y"]
        np.testing.assert_allclose(found, [expected[row] for row in range(3)], rtol=1e-12)


@pytest.mark.parametrize(
    "wrong",
    [
        CELL.replace("gives %next, %both", "gives %both, %next"),
        CELL.replace("given %row: f32[2, 4]", "given %row: f32[2, 3]"),
        CELL.replace("concat(%row, %h)", "concat(%row, %h0)"),
        CELL.replace("  gives", "  %hs: f32[2, 4] = exp(%row)\n  gives"),
        CELL.replace("%unused: f32[3, 2, 9]", "%unused: f32[4, 2, 9]"),
    ],
)
def test_a_scan_that_breaks_a_rule_is_found(wrong):
    with pytest.raises(InternalError):
        verify(graph_of(wrong), OPS)


def test_passes_see_inside_of_a_region(same_results):
    graph = simpler = graph_of(CELL)
    for transform in (lambda g: simplify(g, OPS), eliminate_common, remove_dead):
        simpler = transform(simpler)
        same_results(graph, simpler, special=False)
    region = simpler.nodes[-1].region
    assert Counter(node.op for node in region.nodes) == Counter(concat=1, matmul=1, maximum=1)
    rounded = lower_precision(simpler, OPS, "bf16").nodes[-1].region
    assert [n.named.get("precision") for n in rounded.nodes if n.op == "matmul"] == ["bf16"]


def test_what_nobody_reads_leaves_the_scan(same_results):
    graph = graph_of(CELL)
    smaller = remove_dead(graph)
    same_results(graph, smaller, special=False)
    (node,) = smaller.nodes
    assert [value.name for value in node.outputs] == ["hs"]
    both = remove_dead(graph_of(CELL, "unused")).nodes[0]
    assert len(both.outputs) == 2, "what is carried is needed by the next step"


def test_names_inside_of_a_region_are_new_too(same_results):
    graph = graph_of(CELL)
    named = name_values(graph)
    same_results(graph, named, special=False)
    names = {value.name for value in named.values()}
    assert {"net.scan", "net.scan.given", "matmul"} <= names and "kernel" not in names


def test_a_product_is_cut_and_its_early_part_made_for_all_steps(same_results):
    graph = remove_dead(eliminate_common(simplify(graph_of(CELL), OPS)))
    hoisted = remove_dead(hoist(graph, OPS))
    same_results(graph, hoisted, special=False)
    scan = next(node for node in hoisted.nodes if node.region)
    outside = [node.output.type.shape for node in hoisted.nodes if node.op == "matmul"]
    inside = [node.inputs[0].type.shape for node in scan.region.nodes if node.op == "matmul"]
    assert outside == [(6, 5)] and inside == [(2, 5)]


def test_what_products_read_by_columns_is_turned_once_before_the_scan(same_results):
    graph = graph_of(
        """input %x: f32[3, 2, 4] field\ninput %h0: f32[2, 4] field\ninput %w: f32[4, 4] weight
%hs: f32[3, 2, 4] = scan(%x, %h0, %w) carries=1 reverse=False sources=1 steps=3 {
  given %row: f32[2, 4], %h: f32[2, 4], %kernel: f32[4, 4]
  %turned: f32[4, 4] = transpose(%kernel) axes=(1, 0)
  %product: f32[2, 4] = matmul(%h, %turned)
  %next: f32[2, 4] = add(%product, %row)
  gives %next
}"""
    )
    hoisted = hoist(graph, OPS)
    same_results(graph, hoisted, special=False)
    assert [node.op for node in hoisted.nodes] == ["transpose", "scan"]
    assert [node.op for node in hoisted.nodes[1].region.nodes] == ["matmul", "add"]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("start, depth", [(0.0, 4), (1.0, 6)])
def test_what_nothing_carried_needs_is_made_after_the_scan(start, depth, reverse, same_results):
    lines = f"""{INPUTS}
%sums: f32[3, 2, 4], %products: f32[3, 4, 4] = scan(%x, %start) carries=1 reverse={reverse} \
sources=1 steps=3 {{
  given %row: f32[2, 4], %sum: f32[2, 4]
  %next: f32[2, 4] = add(%sum, %row)
  %turned: f32[4, 2] = transpose(%next) axes=(1, 0)
  %product: f32[4, 4] = matmul(%turned, %sum)
  gives %next, %product
}}
%total: f32[4, 4] = sum(%products) axes=(0,)""".replace(
        "\n%sums",
        '\n%start: f32[2, 4] = constant() dtype="f32" shape=(2, 4) '
        f"value={start}\n%sums",
    )
    graph = graph_of(lines, "total")
    hoisted = remove_dead(hoist(graph, OPS))
    same_results(graph, hoisted, special=False)
    scan = next(node for node in hoisted.nodes if node.region)
    assert [node.op for node in scan.region.nodes] == ["add"]
    (product,) = (node for node in hoisted.nodes if node.op == "matmul")
    deep = "one product, as deep as all steps in which the sum is more than zeros"
    assert product.inputs[0].type.shape == (4, depth), deep
