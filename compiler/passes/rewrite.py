"""Replacing nodes by others: what the passes that rewrite node by node share."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Node, Output, Update, Value
from netc.compiler.ir.operation import Op

Producers = Mapping[str, Node]
Rule = Callable[[Builder, Node, Producers], Value | None]


def rewrite(graph: Graph, ops: Mapping[str, Op], rules: Callable[[Node], tuple[Rule, ...]]):
    """The graph with each node replaced by what the first of its rules that applies gives.

    rule(build, node, producers) -> a value that stands for the node's output (new nodes are
    appended to `build` and have the node's origin), or None. `producers` has the nodes before it.
    """
    build = Builder.extending(ops, graph)  # so that no new name is one of the graph's
    build.nodes = []
    producers: dict[str, Node] = {}
    stands_for: dict[str, Value] = {}
    for old in graph.nodes:
        node, done = redirected(old, stands_for), len(build.nodes)
        with build.at(node.origin):
            value = apply_first(rules(node), build, node, producers)
        if value is None:
            build.nodes.append(node)
        else:
            stands_for[node.output.name] = value
        producers |= {made.output.name: made for made in build.nodes[done:]}
    return redirect(replace(graph, nodes=tuple(build.nodes)), stands_for)


def apply_first(
    rules: tuple[Rule, ...], build: Builder, node: Node, producers: Producers
) -> Value | None:
    for rule in rules:
        value = rule(build, node, producers)
        if value is not None:
            assert value.type == node.output.type, f"{rule.__name__}: {node} became {value}"
            return value
    return None


def redirected(node: Node, stands_for: Mapping[str, Value]) -> Node:
    """The node, reading what stands for each of its operands."""
    inputs = tuple(stands_for.get(value.name, value) for value in node.inputs)
    return node if inputs == node.inputs else replace(node, inputs=inputs)


def redirect(graph: Graph, stands_for: Mapping[str, Value]) -> Graph:
    """The graph, handing out what stands for each of its results."""

    def now(value: Value) -> Value:
        return stands_for.get(value.name, value)

    outputs = tuple(Output(output.name, now(output.value)) for output in graph.outputs)
    updates = tuple(Update(update.target, now(update.value)) for update in graph.updates)
    return replace(graph, outputs=outputs, updates=updates)
