"""A graph in, the graph that adds up slopes before a pool's gradient spreads them out.

The gradient of a bias in front of a pool is the sum of all pixels' slopes. But the pool gives each
of its slopes to one pixel and 0 to the others: it is the sum of the pool's slopes, which are fewer.
"""

from collections.abc import Mapping

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Node, Value
from netc.compiler.ir.operation import Family, Op
from netc.compiler.ir.tensor import strides
from netc.compiler.ops.reduction import BYTE
from netc.compiler.passes.fold import number_of
from netc.compiler.passes.rewrite import Producers, Rule, rewrite

Axes = tuple[int, ...]
Summed = tuple[Value, Axes]


def sum_before_spread(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """Rewrites sums over windows that were laid out, and over axes along which one was chosen.
    Where more than products reads what is summed, all of it is walked along anyhow."""
    readers = graph.consumers()

    def rules(node: Node) -> tuple[Rule, ...]:
        if node.op != "sum":
            return ()
        others = (one for one in readers.get(node.inputs[0].name, ()) if one.output != node.output)
        is_alone = all(ops[one.op].family is Family.CONTRACT for one in others)
        return (sum_less,) if is_alone else ()

    return rewrite(graph, ops, rules)


def sum_less(build: Builder, node: Node, producers: Producers) -> Value | None:
    """sum(spread_windows(x)) -> sum(x), and sum(where(place == chosen, x, 0)) -> sum(x)."""
    (x,), axes = node.inputs, node.named["axes"]
    windows, axes = of_windows(x, axes, producers)
    chosen, axes = of_chosen(windows, axes, producers)
    return None if chosen == x else build.sum(chosen, axes=axes)


def of_windows(x: Value, axes: Axes, producers: Producers) -> Summed:
    """[N, H, W, C] over H and W -> the windows [N, H', W', h, w, C], all of which lie inside."""
    spread = producers.get(x.name)
    if spread is None or spread.op != "spread_windows" or not {1, 2} <= set(axes):
        return x, axes
    if any(pad != (0, 0) for pad in spread.named["pad"]):
        return x, axes
    places = {0: (0,), 1: (1, 3), 2: (2, 4), 3: (5,)}
    return spread.inputs[0], tuple(sorted(place for axis in axes for place in places[axis]))


def of_chosen(x: Value, axes: Axes, producers: Producers) -> Summed:
    """where(place == chosen, value, 0) -> value, where each is chosen once along the axes."""
    where = producers.get(x.name)
    if where is None or where.op != "where" or number_of(where.inputs[2], producers) != 0:
        return x, axes
    condition, value, _ = where.inputs
    equal, wide = producers.get(condition.name), producers.get(value.name)
    if equal is None or equal.op != "equal" or wide is None or wide.op != "broadcast":
        return x, axes
    (narrow,), (place, chosen) = wide.inputs, equal.inputs
    shape = x.type.shape
    counted = tuple(axis for axis, size in enumerate(narrow.type.shape) if size != shape[axis])
    steps = zip(counted, strides(tuple(shape[axis] for axis in counted)), strict=True)
    is_summed = set(counted) <= set(axes) and sorted(terms_of(place, producers)) == list(steps)
    fits = is_summed and chooses(chosen, narrow, x.type.count, producers)
    return (narrow, axes) if fits else (x, axes)


def terms_of(place: Value, producers: Producers) -> list[tuple[int, int]]:
    """(axis, step) of each term of a sum of positions times steps; empty where it is none."""
    node = producers.get(place.name)
    if node is None or node.op not in ("iota", "multiply", "add", "cast"):
        return []
    if node.op == "cast":
        return terms_of(node.inputs[0], producers)
    if node.op == "iota":
        return [(node.named["axis"], 1)]
    first, second = node.inputs
    if node.op == "add":
        left, right = terms_of(first, producers), terms_of(second, producers)
        return left + right if left and right else []
    step = number_of(second, producers)
    return [(axis, old * step) for axis, old in terms_of(first, producers)] if step else []


def chooses(chosen: Value, narrow: Value, count: int, producers: Producers) -> bool:
    """Whether it is the place of an extreme among as many as there are for each narrow element."""
    wide = producers.get(chosen.name)
    if wide is None or wide.op != "broadcast" or wide.inputs[0].type.shape != narrow.type.shape:
        return False
    node = producers.get(wide.inputs[0].name)
    while node is not None and node.op in ("reshape", "cast"):
        node = producers.get(node.inputs[0].name)
    if node is None or node.op not in ("argmax", "argmin"):
        return False
    places, wanted = node.inputs[0].type.count // node.output.type.count, count // narrow.type.count
    return places == wanted and (chosen.type.dtype == "i32" or places <= BYTE)
