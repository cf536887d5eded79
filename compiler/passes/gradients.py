"""A scalar loss and the values it is differentiated by in, the nodes of their gradients out."""

from collections.abc import Iterable
from dataclasses import replace

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Node, Origin, Value


def add_gradients(
    build: Builder, loss: Value, wanted: tuple[Value, ...], nodes: Iterable[Node]
) -> dict[str, Value]:
    """The gradient of `loss` by each wanted value, under the value's name and with its type.

    `loss` is a float scalar made by `nodes`, which are in the order they run. Appends to `build` in
    reverse mode; each new node has the origin of the node it differentiates, with the phase
    "backward". Where no path leads from a wanted value to the loss its gradient is zero.
    """
    nodes = tuple(nodes)
    reached = reached_from(wanted, nodes, build)
    origins = {node.output.name: node.origin for node in nodes}
    with build.at(replace(origins.get(loss.name, Origin()), phase="backward")):
        gradients = {loss.name: build.number(1.0, loss.type)} if loss.name in reached else {}
    for node in reversed(nodes):
        if node.output.name not in gradients or not carries(build, node, reached):
            continue
        with build.at(replace(node.origin, phase="backward")):
            upstream = gradients[node.output.name]
            arriving = build.ops[node.op].gradient(build, node, upstream)
            for value, gradient in zip(node.inputs, arriving, strict=True):
                if gradient is not None:
                    gradients[value.name] = plus(build, gradients.get(value.name), gradient)
    with build.at(Origin(phase="backward")):
        return {
            value.name: gradients.get(value.name) or build.number(0.0, value.type)
            for value in wanted
        }


def plus(build: Builder, before: Value | None, gradient: Value) -> Value:
    """What has arrived so far and one more: always added in the order of the walk."""
    return gradient if before is None else build.add(before, gradient)


def reached_from(wanted: tuple[Value, ...], nodes: tuple[Node, ...], build: Builder) -> set[str]:
    """The names of the values that a change of a wanted value changes smoothly, and their own."""
    reached = {value.name for value in wanted}
    for node in nodes:
        if carries(build, node, reached):
            reached.add(node.output.name)
    return reached


def carries(build: Builder, node: Node, reached: set[str]) -> bool:
    """Whether a gradient flows through the node to something that it reads of what is reached."""
    return bool(build.ops[node.op].gradient and node.output.type.is_float and reads(node, reached))


def reads(node: Node, names: set[str]) -> bool:
    return any(value.name in names for value in node.inputs)
