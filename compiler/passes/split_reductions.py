"""A graph in, the graph with deep sums cut into parts that can run in parallel out.

A sum over many elements into few results leaves most cores idle. Here it becomes a sum over parts
of equal depth and a sum of the parts, in an order that only the shapes and the target's facts
decide: the same program gives the same bits on any number of threads.
"""

from collections.abc import Mapping
from math import prod

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Node, Value
from netc.compiler.ir.operation import Op
from netc.compiler.passes.parts import SplitFacts, parts_of
from netc.compiler.passes.rewrite import Producers, Rule, rewrite
from netc.compiler.passes.winograd import is_taken
from netc.compiler.scalar.rounding import ceil


def split_reductions(graph: Graph, ops: Mapping[str, Op], facts: SplitFacts) -> Graph:
    """Splits what has fewer tasks than the target wants and depth to spare."""

    def split(build: Builder, node: Node, producers: Producers) -> Value | None:
        if is_taken(node, producers, ops, facts):  # Winograd's way has enough tasks as it is
            return None
        return SPLITS[node.op](build, node, facts)

    rules: tuple[Rule, ...] = (split,)
    return rewrite(graph, ops, lambda node: rules if node.op in SPLITS else ())


def split_fold(build: Builder, node: Node, facts: SplitFacts) -> Value | None:
    """fold(x, axes) -> fold(fold(x with its first folded axes as [parts, rest]), parts)."""
    (x,), axes = node.inputs, sorted(node.named["axes"])
    whole_rows = len(x.type.shape) - 1 in axes
    tasks = ceil(node.output.type.count, 1 if whole_rows else facts.tile_columns)
    depth = prod(x.type.shape[axis] for axis in axes)
    run = leading_run(axes)
    choices = [
        (parts_of(prod(x.type.shape[axis] for axis in cut), tasks, depth, facts), cut)
        for cut in (run[:1], run)
    ]
    parts, cut = max(choices, key=lambda choice: choice[0], default=(1, ()))
    if parts == 1:
        return None
    first, last, shape = cut[0], cut[-1], x.type.shape
    rest = prod(shape[axis] for axis in cut) // parts
    parted = build.reshape(x, shape=(*shape[:first], parts, rest, *shape[last + 1 :]))
    shift = 2 - len(cut)
    inner = (first + 1, *(axis + shift for axis in axes if axis > last))
    folded = build.apply(node.op, parted, axes=inner)
    return build.apply(node.op, folded, axes=(first,))


def leading_run(axes: list[int]) -> list[int]:
    """The first of the axes, and those that follow it without a gap."""
    return [axis for place, axis in enumerate(axes) if axis == axes[0] + place]


def split_matmul(build: Builder, node: Node, facts: SplitFacts) -> Value | None:
    """a @ b -> the sum of the products of a's and b's parts along the depth."""
    a, b = node.inputs
    *leading, rows, depth = a.type.shape
    columns, rank = b.type.shape[-1], len(leading)
    parts = parts_of(depth, prod(leading) * tiles(rows, columns, facts), depth, facts)
    if parts == 1:
        return None
    parted_a = build.reshape(a, shape=(*leading, rows, parts, depth // parts))
    parted_b = build.reshape(b, shape=(*leading, parts, depth // parts, columns))
    axes_a = (rank + 1, *range(rank), rank, rank + 2)
    axes_b = (rank, *range(rank), rank + 1, rank + 2)
    products = build.matmul(
        build.transpose(parted_a, axes=axes_a),
        build.transpose(parted_b, axes=axes_b),
        **node.named,
    )
    return build.sum(products, axes=(0,))


def split_kernel_gradient(build: Builder, node: Node, facts: SplitFacts) -> Value | None:
    """The op cuts its depth, which is all output pixels, by itself."""
    if node.named.get("parts"):
        return None
    *window, filters = node.output.type.shape
    depth = prod(node.inputs[1].type.shape[:3])
    parts = parts_of(depth, tiles(prod(window), filters, facts), depth, facts)
    if parts == 1:
        return None
    products = build.apply(node.op, *node.inputs, **{**node.named, "parts": parts})
    return build.sum(products, axes=(0,))


def tiles(rows: int, columns: int, facts: SplitFacts) -> int:
    return ceil(rows, facts.tile_rows) * ceil(columns, facts.tile_columns)


SPLITS = {
    "sum": split_fold,
    "max": split_fold,
    "min": split_fold,
    "matmul": split_matmul,
    "conv2d_kernel_gradient": split_kernel_gradient,
}
