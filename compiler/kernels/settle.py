"""A graph in, the same graph out with every result safe from the step's own updates.

A result that is itself an input which the step overwrites, a weight that is handed out or that
another weight becomes, is copied first: it means the value from before the step. The results of a
scan's region each have a place of their own, so what is handed out twice is copied as well.
"""

from collections.abc import Mapping
from dataclasses import replace

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Node, Output, Update, Value
from netc.compiler.ir.operation import Op


def settle(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The graph without updates that change nothing, and with copies of what others overwrite."""
    updates = tuple(update for update in graph.updates if update.value != update.target)
    overwritten = {update.target.name for update in updates}
    build = Builder.extending(ops, graph)
    build.nodes = [settle_region(build, node) for node in build.nodes]
    copies: dict[str, Value] = {}

    def kept(value: Value) -> Value:
        if value.name not in overwritten:
            return value
        if value.name not in copies:
            copies[value.name] = build.apply("stop_gradient", value)
        return copies[value.name]

    outputs = tuple(Output(output.name, kept(output.value)) for output in graph.outputs)
    changes = tuple(Update(update.target, kept(update.value)) for update in updates)
    return build.graph(graph.name, outputs, changes)


def settle_region(build: Builder, node: Node) -> Node:
    """The scan with every result made by a node of its own."""
    if node.region is None:
        return node
    free = {value.name for one in node.region.nodes for value in one.outputs}
    results = []
    with build.apart() as nodes:
        nodes += node.region.nodes
        for value in node.region.results:
            results.append(value if value.name in free else build.stop_gradient(value))
            free.discard(value.name)
    region = replace(node.region, nodes=tuple(nodes), results=tuple(results))
    return replace(node, region=region)
