"""A graph in, the graph that adds up tensors before they are put side by side out.

The gradient of the bias of queries, keys and values is the sum of three tensors that lie apart,
each in an order of its own. An element of what they are joined to has to be looked for; summed by
themselves they are walked along, and what is left to join is a row.
"""

from collections.abc import Mapping

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Node, Value
from netc.compiler.ir.operation import Family, Op
from netc.compiler.passes.rewrite import Producers, Rule, rewrite

Axes = tuple[int, ...]
STORED = (Family.CONTRACT, Family.ATTEND, Family.LOOP)  # what these make lies in memory


def sum_before_join(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """Rewrites sums of a concatenation of what lies in memory, however it was moved."""
    rules: tuple[Rule, ...] = (sum_parts,)
    return rewrite(graph, ops, lambda node: rules if node.op == "sum" else ())


def sum_parts(build: Builder, node: Node, producers: Producers) -> Value | None:
    """sum(concat(a, b)) -> concat(sum(a), sum(b))."""
    maker = producers.get(node.inputs[0].name)
    while maker is not None and maker.op == "reshape":
        maker = producers.get(maker.inputs[0].name)
    if maker is None or maker.op != "concat":
        return None
    return total(build, node.inputs[0], node.named["axes"], producers)


def total(build: Builder, x: Value, axes: Axes, producers: Producers) -> Value | None:
    """The sum of x over the axes, from what x was moved from; None where that takes more."""
    maker = producers.get(x.name)
    if maker is None or build.ops[maker.op].family in STORED:
        return build.sum(x, axes=axes)
    rule = MOVES.get(maker.op)
    return rule(build, maker, axes, producers) if rule else None


def of_concat(build: Builder, node: Node, axes: Axes, producers: Producers) -> Value | None:
    axis = node.named["axis"]
    if axis in axes:
        return None
    parts = [total(build, part, axes, producers) for part in node.inputs]
    return None if None in parts else build.concat(*parts, axis=len(kept(range(axis), axes)))


def of_reshape(build: Builder, node: Node, axes: Axes, producers: Producers) -> Value | None:
    (x,) = node.inputs
    inner = axes_before(x.type.shape, node.output.type.shape, axes)
    found = None if inner is None else total(build, x, inner, producers)
    return found and build.reshape(found, shape=kept(node.output.type.shape, axes))


def of_transpose(build: Builder, node: Node, axes: Axes, producers: Producers) -> Value | None:
    order = node.named["axes"]
    found = total(build, node.inputs[0], tuple(sorted(order[a] for a in axes)), producers)
    rest = kept(order, axes)
    return found and build.transpose(found, axes=tuple(sorted(rest).index(a) for a in rest))


def of_slice(build: Builder, node: Node, axes: Axes, producers: Producers) -> Value | None:
    (x,), shape = node.inputs, node.output.type.shape
    if any(x.type.shape[axis] != shape[axis] for axis in axes):
        return None
    found = total(build, x, axes, producers)
    cut = {name: kept(value, axes) for name, value in node.attributes}
    return found and build.slice(found, **cut)


MOVES = {
    "concat": of_concat, "reshape": of_reshape, "transpose": of_transpose, "slice": of_slice,
}  # fmt: skip


def kept(values, axes: Axes) -> tuple:
    """Those of the values, one for each axis, whose axis is not folded."""
    return tuple(value for axis, value in enumerate(values) if axis not in axes)


def axes_before(old: tuple[int, ...], new: tuple[int, ...], axes: Axes) -> Axes | None:
    """The axes of the shape `old` that became these of `new`; None where others are among them."""
    found: list[int] = []
    i = j = 0
    while i < len(old) and j < len(new):
        first, size, place, other = i, old[i], j, new[j]
        while size != other:
            if size < other:
                i += 1
                size *= old[i]
            else:
                j += 1
                other *= new[j]
        folded = {axis in axes for axis in range(place, j + 1)}
        if len(folded) > 1:
            return None
        found += range(first, i + 1) if folded == {True} else ()
        i, j = i + 1, j + 1
    return tuple(found) if i == len(old) and j == len(new) else None
