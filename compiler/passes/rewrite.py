"""Replacing nodes by others: what the passes that rewrite node by node share."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Node, Output, Region, Update, Value
from netc.compiler.ir.operation import Op

Producers = Mapping[str, Node]
Rule = Callable[[Builder, Node, Producers], Value | None]
Rules = Callable[[Node], tuple[Rule, ...]]


def rewrite(graph: Graph, ops: Mapping[str, Op], rules: Rules) -> Graph:
    """The graph with each node replaced by what the first of its rules that applies gives, inside
    of regions too.

    rule(build, node, producers) -> a value that stands for the node's output (new nodes are
    appended to `build` and have the node's origin), or None. `producers` has the nodes before it.
    """
    build = Builder.extending(ops, graph)  # so that no new name is one of the graph's
    nodes, stands_for = rewrite_nodes(build, graph.nodes, rules)
    return redirect(replace(graph, nodes=nodes), stands_for)


def rewrite_nodes(
    build: Builder, nodes: Iterable[Node], rules: Rules
) -> tuple[tuple[Node, ...], dict[str, Value]]:
    """The new nodes, and what stands for each value that is no longer made."""
    producers: dict[str, Node] = {}
    stands_for: dict[str, Value] = {}
    with build.apart() as made:
        for old in nodes:
            node, done = redirected(old, stands_for), len(made)
            if node.region is not None:
                node = replace(node, region=rewrite_region(build, node.region, rules))
            with build.at(node.origin):
                value = apply_first(rules(node), build, node, producers)
            if value is None:
                made.append(node)
            else:
                stands_for[node.output.name] = value
            producers |= {one.name: new for new in made[done:] for one in new.outputs}
    return tuple(made), stands_for


def rewrite_region(build: Builder, region: Region, rules: Rules) -> Region:
    nodes, stands_for = rewrite_nodes(build, region.nodes, rules)
    results = tuple(stands_for.get(value.name, value) for value in region.results)
    return replace(region, nodes=nodes, results=results)


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
