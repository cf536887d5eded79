"""A graph in, the same mathematics with fewer and cheaper nodes out.

Every rule is exact: NaN, infinities and rounding stay what they were; only the sign of a zero may
change (x + 0 becomes x). A rule that would let a float disappear, such as x * 0, is none. All
gradients must be built by now: what stops them goes as well.
"""

from collections.abc import Mapping
from math import frexp
from types import MappingProxyType

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Node, Value
from netc.compiler.ir.operation import Op
from netc.compiler.passes.fold import fold, number_of
from netc.compiler.passes.rewrite import Producers, Rule, rewrite

# op: (neutral left operand, neutral right operand)
NEUTRAL = {
    "add": (0, 0),
    "subtract": (None, 0),
    "multiply": (1, 1),
    "divide": (None, 1),
    "power": (None, 1),
    "logical_and": (True, True),
    "logical_or": (False, False),
}


def simplify(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """Applies the rules until none does. Nodes that are no longer read are left to remove_dead."""

    def rules(node: Node) -> tuple[Rule, ...]:
        return (*RULES.get(node.op, ()), fold)

    while (simpler := rewrite(graph, ops, rules)).nodes != graph.nodes:
        graph = simpler
    return graph


def drop_neutral(build: Builder, node: Node, producers: Producers) -> Value | None:
    """x + 0, x * 1, x / 1 ... -> x."""
    left, right = NEUTRAL[node.op]
    a, b = node.inputs
    if right is not None and number_of(b, producers) == right:
        return a
    return b if left is not None and number_of(a, producers) == left else None


def vanish(build: Builder, node: Node, producers: Producers) -> Value | None:
    """x * 0 -> 0 for whole numbers: none of them is NaN or infinite."""
    if node.output.type.is_float:
        return None
    return next((value for value in node.inputs if number_of(value, producers) == 0), None)


def multiply_instead(build: Builder, node: Node, producers: Producers) -> Value | None:
    """x / c -> x * (1 / c) where c is a power of two, whose reciprocal is exact."""
    x, divisor = node.inputs
    number = number_of(divisor, producers)
    if number is None or x.type.dtype not in ("f32", "bf16"):
        return None
    fraction, exponent = frexp(number)
    normal = abs(fraction) == 0.5 and abs(exponent) < 126
    return build.multiply(x, 1 / number) if normal else None


def square(build: Builder, node: Node, producers: Producers) -> Value | None:
    """x ** 2 -> x * x."""
    x, exponent = node.inputs
    return build.multiply(x, x) if number_of(exponent, producers) == 2 else None


def choose(build: Builder, node: Node, producers: Producers) -> Value | None:
    """where(True, a, b) -> a, where(False, a, b) -> b, where(c, a, a) -> a."""
    condition, a, b = node.inputs
    known = number_of(condition, producers)
    if a == b:
        return a
    return None if known is None else (a if known else b)


def undo(build: Builder, node: Node, producers: Producers) -> Value | None:
    """-(-x) -> x, and not (not x) -> x."""
    inner = producers.get(node.inputs[0].name)
    return inner.inputs[0] if inner and inner.op == node.op else None


def drop_same(build: Builder, node: Node, producers: Producers) -> Value | None:
    """A cast, reshape, broadcast, slice, pad or concat to the type that x has already -> x."""
    same = len(node.inputs) == 1 and node.inputs[0].type == node.output.type
    return node.inputs[0] if same else None


def stand_together(build: Builder, node: Node, producers: Producers) -> Value | None:
    """pad(a) + pad(b) + ... -> concat(a, b, ...), where each has zeros in place of the others."""
    found = padded_parts(node, producers)
    if found is None or len({axis for axis, _, _ in found}) != 1:
        return None
    (axis, *_), place = found[0], 0
    parts = sorted(found, key=lambda part: part[1])
    for _, low, part in parts:
        if low != place:
            return None
        place += part.type.shape[axis]
    whole = place == node.output.type.shape[axis]
    return build.concat(*(part for _, _, part in parts), axis=axis) if whole else None


def padded_parts(
    node: Node | None, producers: Producers
) -> tuple[tuple[int, int, Value], ...] | None:
    """(axis, zeros before it, part) of each part that a node is, or adds up; else None."""
    if node is None or node.op not in ("pad", "add"):
        return None
    if node.op == "add":
        last = padded_parts(producers.get(node.inputs[1].name), producers)
        first = padded_parts(producers.get(node.inputs[0].name), producers) if last else None
        return first + last if first else None
    (part,), named = node.inputs, node.named
    shapes = zip(part.type.shape, node.output.type.shape, strict=True)
    grown = [axis for axis, (old, new) in enumerate(shapes) if old != new]
    together = set(named.get("steps") or ()) <= {1}
    if named["value"] != 0 or len(grown) != 1 or not together:
        return None
    return ((grown[0], named["low"][grown[0]], part),)


def drop(build: Builder, node: Node, producers: Producers) -> Value | None:
    """stop_gradient(x) -> x."""
    return node.inputs[0]


def merge(build: Builder, node: Node, producers: Producers) -> Value | None:
    """reshape(reshape(x)) and broadcast(broadcast(x)) -> the outer one of x."""
    inner = producers.get(node.inputs[0].name)
    if inner is None or inner.op != node.op:
        return None
    return build.apply(node.op, inner.inputs[0], shape=node.output.type.shape)


def merge_transposes(build: Builder, node: Node, producers: Producers) -> Value | None:
    """transpose(transpose(x)) -> one transpose."""
    inner = producers.get(node.inputs[0].name)
    if inner is None or inner.op != "transpose":
        return None
    axes = tuple(inner.named["axes"][axis] for axis in node.named["axes"])
    return build.transpose(inner.inputs[0], axes=axes)


def reshape_instead(build: Builder, node: Node, producers: Producers) -> Value | None:
    """A transpose that only moves axes of size 1 -> a reshape; one that moves nothing -> x."""
    (x,) = node.inputs
    moved = [axis for axis in node.named["axes"] if x.type.shape[axis] != 1]
    if moved != sorted(moved):
        return None
    return x if x.type == node.output.type else build.reshape(x, shape=node.output.type.shape)


def drop_fold(build: Builder, node: Node, producers: Producers) -> Value | None:
    """sum, max ... over axes of size 1 -> reshape."""
    (x,) = node.inputs
    if x.type.count != node.output.type.count:
        return None
    return build.reshape(x, shape=node.output.type.shape)


RULES: Mapping[str, tuple[Rule, ...]] = MappingProxyType(
    {
        **{op: (drop_neutral,) for op in NEUTRAL},
        "add": (drop_neutral, stand_together),
        "multiply": (drop_neutral, vanish),
        "divide": (drop_neutral, multiply_instead),
        "power": (drop_neutral, square),
        "where": (choose,),
        "stop_gradient": (drop,),
        "negate": (undo,),
        "logical_not": (undo,),
        **{op: (drop_same,) for op in ("cast", "slice", "pad", "concat")},
        **{op: (drop_same, merge) for op in ("reshape", "broadcast")},
        "transpose": (reshape_instead, merge_transposes),
        **{op: (drop_fold,) for op in ("sum", "max", "min", "product")},
    }
)
