"""A graph in, the graph that multiplies by a sum once instead of by each of its terms out.

The gradient of x * erf(x) is the slope that arrives times two terms of the forward pass. Added up
first, they are one tensor that the forward kernel can store instead of all that they are made of.
"""

from collections.abc import Mapping
from functools import reduce

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Node, Value
from netc.compiler.ir.operation import Op
from netc.compiler.passes.fold import number_of
from netc.compiler.passes.rewrite import Producers, Rule, rewrite


def factor_out(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """Rewrites sums of two products, of floats, that share a factor."""
    read_once = {name for name, readers in graph.consumers().items() if len(readers) == 1}
    read_once -= {value.name for value in graph.results}

    def factor(build: Builder, node: Node, producers: Producers) -> Value | None:
        left, right = (factors(value, producers, read_once) for value in node.inputs)
        shared = [one for one in left if one in right and number_of(one, producers) is None]
        if not shared or not node.output.type.is_float:
            return None
        rests = [without(some, shared[0]) for some in (left, right)]
        if not all(rests):
            return None
        total = build.add(*(reduce(build.multiply, rest) for rest in rests))
        return build.multiply(shared[0], total)

    rules: tuple[Rule, ...] = (factor,)
    return rewrite(graph, ops, lambda node: rules if node.op == "add" else ())


def factors(value: Value, producers: Producers, read_once: set[str]) -> list[Value]:
    """What a value is the product of, where nothing else reads the products between."""
    maker = producers.get(value.name)
    if maker is None or maker.op != "multiply" or value.name not in read_once:
        return [value]
    return [one for part in maker.inputs for one in factors(part, producers, read_once)]


def without(values: list[Value], one: Value) -> list[Value]:
    place = values.index(one)
    return values[:place] + values[place + 1 :]
