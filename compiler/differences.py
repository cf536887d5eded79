"""A forward graph, its losses and arrays in; slopes of the losses by finite differences out.

No gradient rule has a part in it: the reference runs in double precision, a little to either side.
What no gradient flows through, as `stop_gradient` and comparisons, stays as it was.
"""

from collections.abc import Mapping

import numpy as np

from netc.compiler.interpret import run_nodes
from netc.compiler.ir.graph import Graph, Node, Value
from netc.compiler.ops.table import OPS

STEP = 1e-8  # rounding makes 1e-8 of a slope then, and few of a million relus change their side
Arrays = Mapping[str, np.ndarray]


def slopes(
    graph: Graph,
    losses: Mapping[str, tuple[Value, ...]],
    values: Arrays,
    directions: Arrays,
    step: float = STEP,
) -> dict[str, float]:
    """For each weight how fast its `losses`, summed, rise in its direction.

    `values` has an array for each input, `directions` one for each weight, of its shape.
    """
    if not directions:
        return {}
    values = {name: np.asarray(array) for name, array in values.items()}
    known = values | run_nodes(graph.nodes, values)
    return {
        weight: slope(graph, weight, losses[weight], known, direction, step)
        for weight, direction in directions.items()
    }


def slope(
    graph: Graph,
    weight: str,
    losses: tuple[Value, ...],
    known: Arrays,
    direction: np.ndarray,
    step: float,
) -> float:
    names = [loss.name for loss in losses]
    nodes = smooth(graph.between((), names), weight)
    moving = {value.name for node in nodes for value in node.outputs}
    others = {name: array for name, array in known.items() if name not in moving}
    ends = []
    for side in (step, -step):
        moved = others | {weight: np.asarray(known[weight], np.float64) + side * direction}
        results = moved | run_nodes(nodes, moved)
        ends.append(sum(float(results[name]) for name in names))
    return (ends[0] - ends[1]) / (2 * step)


def smooth(nodes: tuple[Node, ...], weight: str) -> tuple[Node, ...]:
    """The nodes whose values move with the weight."""
    moving, found = {weight}, []
    for node in nodes:
        flows = node.region is not None or OPS[node.op].gradient and node.output.type.is_float
        if flows and any(value.name in moving for value in node.inputs):
            moving |= {value.name for value in node.outputs}
            found.append(node)
    return tuple(found)

