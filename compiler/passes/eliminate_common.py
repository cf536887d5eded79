"""A graph in, the same graph in which nothing is computed twice out."""

from dataclasses import replace

from netc.compiler.ir.graph import Graph, Node, Value
from netc.compiler.passes.rewrite import redirect, redirected


def eliminate_common(graph: Graph) -> Graph:
    """Of nodes with the same op, attributes and operands in the same order, the first stays and
    stands for the others. Every op is pure: random numbers are a function of their operands."""
    first: dict[tuple, Node] = {}
    stands_for: dict[str, Value] = {}
    kept = []
    for node in graph.nodes:
        node = redirected(node, stands_for)
        # by their text, attributes differ where 0.0 and -0.0 do, and 1 and 1.0 and True
        key = (node.op, node.inputs, repr(node.attributes))
        if key not in first:
            first[key] = node
            kept.append(node)
            continue
        pairs = zip(node.outputs, first[key].outputs, strict=True)
        stands_for |= {copy.name: original for copy, original in pairs}
    return redirect(replace(graph, nodes=tuple(kept)), stands_for)
