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
    between = nodes_between(wanted, loss, tuple(nodes), build)
    differentiable = {value.name for value in wanted} | {node.output.name for node in between}
    last = between[-1].origin if between else Origin()
    with build.at(replace(last, phase="backward")):
        gradients = {loss.name: build.number(1.0, loss.type)} if between or loss in wanted else {}
    for node in reversed(between):
        if node.output.name not in gradients:
            continue
        with build.at(replace(node.origin, phase="backward")):
            upstream = gradients[node.output.name]
            arriving = build.ops[node.op].gradient(build, node, upstream)
            for value, gradient in zip(node.inputs, arriving, strict=True):
                if gradient is not None and value.name in differentiable:
                    gradients[value.name] = plus(build, gradients.get(value.name), gradient)
    with build.at(replace(last, phase="backward")):
        return {
            value.name: gradients.get(value.name) or build.number(0.0, value.type)
            for value in wanted
        }


def plus(build: Builder, before: Value | None, gradient: Value) -> Value:
    """What has arrived so far and one more: always added in the order of the walk."""
    return gradient if before is None else build.add(before, gradient)


def nodes_between(
    wanted: tuple[Value, ...], loss: Value, nodes: tuple[Node, ...], build: Builder
) -> tuple[Node, ...]:
    """The nodes that a gradient from `loss` to a wanted value passes, in the order they run."""
    reached = {value.name for value in wanted}
    touched = []
    for node in nodes:
        op = build.ops[node.op]
        if op.gradient and node.output.type.is_float and reads(node, reached):
            reached.add(node.output.name)
            touched.append(node)
    needed, between = {loss.name}, []
    for node in reversed(touched):
        if node.output.name in needed:
            needed |= {value.name for value in node.inputs}
            between.append(node)
    return tuple(reversed(between))


def reads(node: Node, names: set[str]) -> bool:
    return any(value.name in names for value in node.inputs)
