"""Ops that work element by element: one maker for all, so that each states only what differs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from netc.compiler.ir.graph import Node
from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import TensorType
from netc.compiler.scalar.expression import Apply, Expression, Read
from netc.compiler.scalar.index import Index


@dataclass(frozen=True)
class PointwiseElement:
    """Element i is `function` of the operands' elements i."""

    function: str
    pointwise: bool = True

    def __call__(self, node: Node, read: Read, index: tuple[Index, ...]) -> Expression:
        arguments = tuple(read(value, index) for value in node.inputs)
        return Apply(self.function, arguments, node.output.type.dtype)


def pointwise(
    name: str,
    reference: Callable[..., Any],
    gradient: Callable[..., Any] | None,
    result: str | None = None,
    flops: int = 1,
    expensive: bool = False,
    accepts: tuple[str, ...] = ("f32", "f16", "bf16", "i32"),
) -> Op:
    """An op on operands of one dtype and shape; `result` is the dtype where it is another one."""

    def type_rule(*operands: TensorType) -> TensorType:
        first = operands[0]
        for other in operands:
            if other.dtype not in accepts:
                raise OpError(f"{name} does not take {other.dtype}")
            if other != first:
                raise OpError(f"{name} takes operands of one type, got {first} and {other}")
        return first.with_dtype(result or first.dtype)

    return Op(
        name=name,
        family=Family.MAP,
        type=type_rule,
        reference=reference,
        gradient=gradient,
        element=PointwiseElement(name),
        flops=lambda node: flops * node.output.type.count,
        expensive=expensive,
    )
