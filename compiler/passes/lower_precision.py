"""A graph in, the graph whose products round their operands to a precision out.

Weights, moments and activations stay f32 in memory: an update is never lost to rounding.
"""

from collections.abc import Mapping
from dataclasses import replace

from netc.compiler.ir.graph import Graph, Node
from netc.compiler.ir.operation import Family, Op


def lower_precision(graph: Graph, ops: Mapping[str, Op], precision: str) -> Graph:
    """Gives every product the attribute `precision`; one that has it keeps its own."""
    if precision == "f32":
        return graph

    def lowered(node: Node) -> Node:
        if node.region is not None:
            nodes = tuple(map(lowered, node.region.nodes))
            return replace(node, region=replace(node.region, nodes=nodes))
        if ops[node.op].family is not Family.CONTRACT:
            return node
        attributes = {"precision": precision} | node.named
        return replace(node, attributes=tuple(sorted(attributes.items())))

    return replace(graph, nodes=tuple(lowered(node) for node in graph.nodes))
