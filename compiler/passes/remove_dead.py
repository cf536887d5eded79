"""A graph in, the same graph without the nodes that no output and no update needs out."""

from dataclasses import replace

from netc.compiler.ir.graph import Graph


def remove_dead(graph: Graph) -> Graph:
    """Inputs stay, used or not: they are what the graph is called with."""
    needed = {value.name for value in graph.results}
    kept = []
    for node in reversed(graph.nodes):
        if any(value.name in needed for value in node.outputs):
            needed |= {value.name for value in node.inputs}
            kept.append(node)
    return replace(graph, nodes=tuple(reversed(kept)))
