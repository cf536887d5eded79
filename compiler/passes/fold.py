"""The rule that computes a node while compiling, where all its operands are known numbers."""

from typing import Any

import numpy as np

from netc.compiler.ir.builder import Builder, is_pointwise
from netc.compiler.ir.graph import Node, Value
from netc.compiler.passes.rewrite import Producers

LARGEST = 4096  # elements; what is computed here must not hold up the compiler
EXACT = {"f32": np.float32, "i32": np.int32, "u8": np.uint8, "bool": np.bool_}
MOVES = ("broadcast", "reshape", "reverse", "slice", "transpose")  # they make no new numbers


def number_of(value: Value, producers: Producers) -> float | int | bool | None:
    """The number that every element of the value is, if that is known."""
    node = producers.get(value.name)
    return node.named["value"] if node and node.op == "constant" else None


def fold(build: Builder, node: Node, producers: Producers) -> Value | None:
    """The constant that the node always gives; None where that is not one known number.

    The result is rounded to its dtype as if it had been computed while running.
    """
    kinds = [value.type for value in (*node.inputs, *node.outputs)]
    numbers = [number_of(value, producers) for value in node.inputs]
    foldable = len(node.outputs) == 1 and all(kind.dtype in EXACT for kind in kinds)
    if node.op == "constant" or None in numbers or not foldable:
        return None
    if node.op in MOVES:
        return build.number(numbers[0], node.output.type)
    if is_pointwise(build.ops[node.op]):
        return constant(build, node, [() for _ in numbers], numbers)
    if max(kind.count for kind in kinds) > LARGEST:
        return None
    return constant(build, node, [value.type.shape for value in node.inputs], numbers)


def constant(
    build: Builder, node: Node, shapes: list[tuple[int, ...]], numbers: list[Any]
) -> Value | None:
    """The node run by its reference on operands of these shapes, if all elements come out equal."""
    arrays = [
        np.full(shape, EXACT[value.type.dtype](number))
        for value, shape, number in zip(node.inputs, shapes, numbers, strict=True)
    ]
    wide = [array.astype(np.float64) if array.dtype.kind == "f" else array for array in arrays]
    kind = node.output.type
    with np.errstate(all="ignore"):
        result = build.ops[node.op].reference(*wide, **node.named)
        elements = np.asarray(result).astype(EXACT[kind.dtype]).reshape(-1)
    same = elements.tobytes() == elements[:1].tobytes() * elements.size
    return build.number(elements[0].item(), kind) if same and elements.size else None
