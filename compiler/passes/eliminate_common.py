"""A graph in, the same graph in which nothing is computed twice out."""

from collections.abc import Iterable
from dataclasses import replace

from netc.compiler.ir.graph import Graph, Node, Region, Value
from netc.compiler.passes.rewrite import redirect, redirected


def eliminate_common(graph: Graph) -> Graph:
    """Of nodes with the same op, attributes and operands in the same order, the first stays and
    stands for the others. Every op is pure: random numbers are a function of their operands."""
    nodes, stands_for = without_copies(graph.nodes)
    return redirect(replace(graph, nodes=nodes), stands_for)


def without_copies(nodes: Iterable[Node]) -> tuple[tuple[Node, ...], dict[str, Value]]:
    """The nodes that stay, and what stands for the values of the others."""
    first: dict[tuple, Node] = {}
    stands_for: dict[str, Value] = {}
    kept = []
    for node in nodes:
        node = redirected(node, stands_for)
        if node.region is not None:
            kept.append(replace(node, region=inside(node.region)))
            continue
        # by their text, attributes differ where 0.0 and -0.0 do, and 1 and 1.0 and True
        key = (node.op, node.inputs, repr(node.attributes))
        if key not in first:
            first[key] = node
            kept.append(node)
            continue
        pairs = zip(node.outputs, first[key].outputs, strict=True)
        stands_for |= {copy.name: original for copy, original in pairs}
    return tuple(kept), stands_for


def inside(region: Region) -> Region:
    nodes, stands_for = without_copies(region.nodes)
    results = tuple(stands_for.get(value.name, value) for value in region.results)
    return replace(region, nodes=nodes, results=results)
