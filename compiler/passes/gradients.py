"""A scalar loss and the values it is differentiated by in, the nodes of their gradients out."""

from collections.abc import Iterable
from dataclasses import replace

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Node, Origin, Region, Value
from netc.compiler.passes.scan_gradient import scan_gradient


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
    walk_back(build, nodes, gradients, reached)
    with build.at(Origin(phase="backward")):
        return {
            value.name: gradients.get(value.name) or build.number(0.0, value.type)
            for value in wanted
        }


def walk_back(
    build: Builder, nodes: tuple[Node, ...], gradients: dict[str, Value], reached: set[str]
) -> None:
    """Hands the gradients of what the nodes make on to what they read, the last node first."""
    for node in reversed(nodes):
        known = {one.name for one in node.outputs} & gradients.keys()
        if not known or not carries(build, node, reached):
            continue
        with build.at(replace(node.origin, phase="backward")):
            for value, gradient in zip(
                node.inputs, arriving(build, node, gradients, reached), strict=True
            ):
                if gradient is not None:
                    gradients[value.name] = plus(build, gradients.get(value.name), gradient)


def arriving(
    build: Builder, node: Node, gradients: dict[str, Value], reached: set[str]
) -> tuple[Value | None, ...]:
    """What one node hands to each of its operands."""
    if node.region is None:
        return build.ops[node.op].gradient(build, node, gradients[node.output.name])
    upstream = {one.name: gradients[one.name] for one in node.outputs if one.name in gradients}
    smooth = {value.name for value in node.inputs if value.type.is_float} & reached
    return scan_gradient(build, node, upstream, smooth, walk_region)


def walk_region(
    build: Builder, region: Region, gradients: dict[str, Value], wanted: tuple[Value, ...]
) -> None:
    walk_back(build, region.nodes, gradients, reached_from(wanted, region.nodes, build))


def plus(build: Builder, before: Value | None, gradient: Value) -> Value:
    """What has arrived so far and one more: always added in the order of the walk."""
    return gradient if before is None else build.add(before, gradient)


def reached_from(wanted: tuple[Value, ...], nodes: tuple[Node, ...], build: Builder) -> set[str]:
    """The names of the values that a change of a wanted value changes smoothly, and their own."""
    reached = {value.name for value in wanted}
    for node in nodes:
        if carries(build, node, reached):
            reached |= {value.name for value in node.outputs if value.type.is_float}
    return reached


def carries(build: Builder, node: Node, reached: set[str]) -> bool:
    """Whether a gradient flows through the node to something that it reads of what is reached."""
    is_smooth = node.region is not None or build.ops[node.op].gradient is not None
    is_float = any(value.type.is_float for value in node.outputs)
    return is_smooth and is_float and reads(node, reached)


def reads(node: Node, names: set[str]) -> bool:
    return any(value.name in names for value in node.inputs)
