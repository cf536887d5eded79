"""A graph in, the same graph with values named for what they are and where they come from out.

    %add_13 -> %dense_1.add        %matmul_7 -> %dense_1.gradient.matmul

The new value of a weight or a moment is `<its name>.new`. Inputs keep their names, and a name that
is taken gets a number. The names are part of what a program's hash is made from: the same graph
always gets the same ones, whatever its values were called before.
"""

from collections.abc import Callable
from dataclasses import replace

from netc.compiler.ir.graph import Graph, Node, Output, Region, Update, Value


def name_values(graph: Graph) -> Graph:
    """The graph with a new name for each value that a node makes; nothing else changes."""
    named = {entry.value.name: entry.value for entry in graph.inputs}
    taken: set[str] = set(named)
    uses: dict[str, int] = {}

    def give(value: Value, hint: str) -> None:
        if value.name not in named:
            named[value.name] = Value(free_name(hint, taken, uses), value.type)
            taken.add(named[value.name].name)

    for update in graph.updates:  # first: no other value may take these names
        give(update.value, f"{update.target.name}.new")
    for node in graph.nodes:
        name_node(node, give)
    return renamed(graph, named)


def name_node(node: Node, give: Callable[[Value, str], None]) -> None:
    """Names for what a node makes, and for all that is inside of its region."""
    for value in node.outputs:
        give(value, description(node))
    if node.region is not None:
        for value in node.region.parameters:
            give(value, f"{description(node)}.given")
        for inner in node.region.nodes:
            name_node(inner, give)


def description(node: Node) -> str:
    """Where a node stands, in its last part, and its op; for an update its layer too."""
    phase, parts = node.origin.phase, node.origin.path.split(".")
    place = [part for part in parts[-2 if phase == "update" else -1 :] if part]
    return ".".join((*place, *(["gradient"] if phase == "backward" else []), node.op))


def free_name(hint: str, taken: set[str], uses: dict[str, int]) -> str:
    """The hint, or the hint with the next number; `uses` knows the last one of each hint."""
    name, number = hint, uses.get(hint, 1)
    while name in taken:
        number += 1
        name = f"{hint}_{number}"
    uses[hint] = number
    return name


def renamed(graph: Graph, named: dict[str, Value]) -> Graph:
    """The graph with each value replaced by the one that is under its name."""

    def now(values: tuple[Value, ...]) -> tuple[Value, ...]:
        return tuple(named[value.name] for value in values)

    def renamed_node(node: Node) -> Node:
        region = node.region and Region(
            now(node.region.parameters),
            tuple(map(renamed_node, node.region.nodes)),
            now(node.region.results),
        )
        return replace(node, inputs=now(node.inputs), outputs=now(node.outputs), region=region)

    outputs = tuple(Output(output.name, named[output.value.name]) for output in graph.outputs)
    updates = tuple(Update(update.target, named[update.value.name]) for update in graph.updates)
    nodes = tuple(map(renamed_node, graph.nodes))
    return replace(graph, nodes=nodes, outputs=outputs, updates=updates)
