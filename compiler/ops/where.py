"""where(condition, a, b): a where the condition holds, else b."""

import numpy as np

from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.pointwise import PointwiseElement


def type_rule(condition: TensorType, a: TensorType, b: TensorType) -> TensorType:
    if condition.dtype != "bool":
        raise OpError(f"where takes a bool condition, got {condition}")
    if a != b or condition.shape != a.shape:
        raise OpError(f"where chooses between operands of one type, got {condition}, {a} and {b}")
    return a


def gradient(build, node, upstream):
    condition = node.inputs[0]
    return None, build.where(condition, upstream, 0), build.where(condition, 0, upstream)


OP = Op(
    "where", Family.MAP, type_rule, np.where, gradient, PointwiseElement("where"),
    flops=lambda node: node.output.type.count,
)  # fmt: skip
