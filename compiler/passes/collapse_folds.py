"""A graph in, the graph whose folds have as few axes as they can out.

Neighbouring axes that are folded together, or kept together, become one. Folds of the same elements
then look the same, however the tensors are shaped, and fusion finds them.
"""

from collections.abc import Mapping
from itertools import groupby
from math import prod

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Node, Value
from netc.compiler.ir.operation import Family, Op
from netc.compiler.passes.rewrite import Rule, rewrite


def collapse_folds(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """Every fold over runs of axes, on a reshaped operand."""
    rules: tuple[Rule, ...] = (collapse,)
    return rewrite(graph, ops, lambda node: rules if ops[node.op].family is Family.REDUCE else ())


def collapse(build: Builder, node: Node, producers: Mapping[str, Node]) -> Value | None:
    """fold(x) -> reshape(fold(reshape(x))) where neighbouring axes can be one."""
    (x,), axes = node.inputs, node.named["axes"]
    runs = [
        (is_folded, prod(x.type.shape[axis] for axis in run))
        for is_folded, run in groupby(range(len(x.type.shape)), lambda axis: axis in axes)
    ]
    if len(runs) == len(x.type.shape):
        return None
    merged = build.reshape(x, shape=tuple(size for _, size in runs))
    folded = tuple(place for place, (is_folded, _) in enumerate(runs) if is_folded)
    result = build.apply(node.op, merged, axes=folded)
    return build.reshape(result, shape=node.output.type.shape)
