"""Groups in, groups out: where a sum down columns adds up what the gradient of a convolution's
kernel multiplies, both are one.

Such is the gradient of a bias: what it sums is computed, or loaded, once for both.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from netc.compiler.ir.graph import Graph
from netc.compiler.ir.operation import Op
from netc.compiler.kernels.group import Group, Kind, Reader, folded_index
from netc.compiler.scalar.expression import Contraction, Load
from netc.compiler.scalar.index import loop

Wanted = Callable[[Contraction], bool]


def join_sums(
    groups: tuple[Group, ...], graph: Graph, ops: Mapping[str, Op], wanted: Wanted
) -> tuple[Group, ...]:
    """`wanted` says which products add up their right side as well."""
    stored = {value.name for group in groups for value in group.stored}
    stored |= {entry.value.name for entry in graph.inputs}
    reader = Reader(graph.producers(), ops, lambda value: value.name in stored)
    found = list(groups)
    for group in filter(is_sum, groups):
        products = (one for one in found if one.kind is Kind.MATMUL and not one.sums)
        product = next((p for p in products if adds_up(p, group, ops, reader, wanted)), None)
        if product and not is_read_between(found, group, product, graph):
            both = (*product.stored, *group.stored)
            nodes = (*product.nodes, *group.nodes)
            joined = replace(product, nodes=nodes, stored=both, sums=group.anchor)
            found[found.index(product)] = joined
            found.remove(group)
    return tuple(found)


def is_sum(group: Group) -> bool:
    """Whether a group is nothing but a sum down columns."""
    is_alone = group.kind is Kind.COLUMN and len(group.nodes) == 1
    return is_alone and group.anchor.op == "sum" and group.anchor.output.type.dtype == "f32"


def adds_up(
    product: Group, group: Group, ops: Mapping[str, Op], reader: Reader, wanted: Wanted
) -> bool:
    """Whether a group adds up what a product has on its right side, and computes it for that."""
    sums, space = ops[product.anchor.op].contraction(product.anchor, reader.read), group.space
    sizes = (space.rows // space.inner, space.columns, space.inner)
    if sizes != (sums.batch, sums.depth, sums.columns) or not wanted(sums):
        return False
    b, k, n = loop("b", sums.batch), loop("k", sums.depth), loop("n", sums.columns)
    right = sums.right(b, k, n)
    read = reader.read(group.anchor.inputs[0], folded_index(space, b, k, n))
    return right == read and not isinstance(right, Load)


def is_read_between(groups: list[Group], group: Group, product: Group, graph: Graph) -> bool:
    """Whether a group that runs before the product may need the sum."""
    names = {value.name for value in group.stored}
    for node in graph.nodes:  # what is computed on the way carries the sum on
        if any(value.name in names for value in node.inputs):
            names |= {value.name for value in node.outputs}
    before = groups[: groups.index(product)]
    return any(
        value.name in names
        for one in before
        if one is not group
        for node in one.nodes
        for value in node.inputs
    )
