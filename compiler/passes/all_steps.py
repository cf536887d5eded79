"""A node of a scan's region and its operands for all steps in, its value for all steps out.

A stacked operand has the steps along a new axis 0; another is the same in every step.
"""

from collections.abc import Callable, Container, Mapping
from types import MappingProxyType

from netc.compiler.ir.builder import Builder, is_pointwise
from netc.compiler.ir.graph import Node, Value
from netc.compiler.ir.operation import Op
from netc.compiler.ir.tensor import Shape

Rule = Callable[[Builder, Node, tuple[Value, ...], int], Value]


def rule_for(node: Node, ops: Mapping[str, Op], stacked: Container[str]) -> Rule | None:
    """How to make a node's value for all steps at once: rule(build, node, operands, steps).

    `stacked` has the names of operands that differ from step to step.
    """
    if node.region is not None or (node.op == "gather" and node.inputs[0].name in stacked):
        return None
    return pointwise if is_pointwise(ops[node.op]) else RULES.get(node.op)


def is_stacked(value: Value, like: Value, steps: int) -> bool:
    return value.type.shape == (steps, *like.type.shape)


def pointwise(build: Builder, node: Node, inputs: tuple[Value, ...], steps: int) -> Value:
    return build.apply(node.op, *inputs, **node.named)  # what is the same in every step broadcasts


def product(build: Builder, node: Node, inputs: tuple[Value, ...], steps: int) -> Value:
    """Where all steps share the right side, their rows are rows of one large product."""
    (a, b), (left, right) = inputs, node.inputs
    if not is_stacked(b, right, steps):
        if len(right.type.shape) == 2:
            rows, columns = left.type.shape[0], b.type.shape[-1]
            tall = build.reshape(a, shape=(steps * rows, left.type.shape[-1]))
            long = build.matmul(tall, b, **node.named)
            return build.reshape(long, shape=(steps, rows, columns))
        b = build.broadcast_to(b, (steps, *right.type.shape))
    if not is_stacked(a, left, steps):
        a = build.broadcast_to(a, (steps, *left.type.shape))
    return build.matmul(a, b, **node.named)


def stretched(build: Builder, node: Node, inputs: tuple[Value, ...], steps: int) -> Value:
    (x,), shape = inputs, node.output.type.shape
    inner = x.type.shape[1:]
    between = (1,) * (len(shape) - len(inner))
    return build.broadcast(build.reshape(x, shape=(steps, *between, *inner)), shape=(steps, *shape))


def reshaped(build: Builder, node: Node, inputs: tuple[Value, ...], steps: int) -> Value:
    return build.reshape(inputs[0], shape=(steps, *node.output.type.shape))


def transposed(build: Builder, node: Node, inputs: tuple[Value, ...], steps: int) -> Value:
    return build.transpose(inputs[0], axes=(0, *(axis + 1 for axis in node.named["axes"])))


def sliced(build: Builder, node: Node, inputs: tuple[Value, ...], steps: int) -> Value:
    named = node.named
    return build.slice(
        inputs[0],
        starts=(0, *named["starts"]),
        stops=(steps, *named["stops"]),
        steps=(1, *named["steps"]),
    )


def padded(build: Builder, node: Node, inputs: tuple[Value, ...], steps: int) -> Value:
    named = node.named
    apart: Shape = named.get("steps") or (1,) * len(node.output.type.shape)
    return build.pad(
        inputs[0],
        low=(0, *named["low"]),
        high=(0, *named["high"]),
        value=named["value"],
        steps=(1, *apart),
    )


def joined(build: Builder, node: Node, inputs: tuple[Value, ...], steps: int) -> Value:
    parts = (
        build.broadcast_to(part, (steps, *was.type.shape))
        for part, was in zip(inputs, node.inputs, strict=True)
    )
    return build.concat(*parts, axis=node.named["axis"] + 1)


def along_axes(build: Builder, node: Node, inputs: tuple[Value, ...], steps: int) -> Value:
    return build.apply(node.op, inputs[0], axes=tuple(axis + 1 for axis in node.named["axes"]))


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "matmul": product,
        "broadcast": stretched,
        "reshape": reshaped,
        "transpose": transposed,
        "slice": sliced,
        "pad": padded,
        "concat": joined,
        "gather": pointwise,
        "stop_gradient": pointwise,
        **{op: along_axes for op in ("sum", "max", "min", "product", "reverse")},
    }
)
