"""A session, the forward graph of its training step and rows in; the errors of each gradient out.

Two questions, since a gradient in float32 may truly differ from the slope of the loss: a rounding
is enough to put a relu on its other side, and an element of a maximum before another.
- Are the formulas right? The gradients' graph, as the device has it but in double precision,
  against finite differences of the forward graph.
- Does the device compute them? What it finds against that graph, in units of what NumPy's own
  float32 makes of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from netc.compiler.differences import slopes
from netc.compiler.interpret import run_in_single, run_nodes
from netc.compiler.ir.graph import Graph, Node, Value
from netc.runtime.arena import DTYPES
from netc.runtime.reference import Reference
from netc.runtime.session import Session
from netc.runtime.verify_kernels import ALLOWED, EPSILON, Arrays, one_batch, shaken

# A wrong formula makes 1e-2 of a gradient's norm, a slope's own roundings up to 1e-4 in a deep
# network. Those fall with the step, and the more relus change their side within it: 1e-8 is best
# where there are many, and where that goes wrong by chance another goes well.
STEPS = (1e-8, 3e-8, 1e-7)
ALLOWED_SLOPE = 1e-4
LEAST = 1e-3  # of the largest gradient; a smaller one may be nothing but roundings
NOISE = 0.02
# By so many roundings inputs are moved to see what becomes of gradients; by more, where less was
# not enough: one relu on its other side, or one factor that bf16 rounds up and not down, is rare.
MOVES = (1, 4, 16, 64)


@dataclass(frozen=True)
class GradientCheck:
    """`slope`: how far the gradient of a weight is from the slope of the loss, as a share of its
    norm. `error`: how far the device's is from it, in units of its roundings."""

    weight: str
    slope: float
    error: float

    @property
    def passed(self) -> bool:
        return self.slope <= ALLOWED_SLOPE and self.error <= ALLOWED


def leave_kinks(session: Session) -> None:
    """Move weights that start all equal, as a bias of zeros: a relu of 0 has no slope."""
    random = np.random.default_rng(1)
    for name, weight in session.weights.items():
        if weight.dtype.kind == "f" and weight.size and (weight == weight.flat[0]).all():
            session.weights[name] = weight + NOISE * random.standard_normal(weight.shape)


def check_gradients(
    session: Session, forward: Graph, losses: Mapping[str, tuple[Value, ...]], rows: Arrays
) -> Iterator[GradientCheck]:
    """The gradient of each weight, whose `losses` are values of the graph `forward`."""
    function = session.function("gradients")
    batch = one_batch(function, rows)
    session.device.run(function, tuple(batch[field.name] for field in function.fields), None, 1)
    found = {
        name: session.device.read(tensor) for name, tensor in function.outputs if name in losses
    }
    graph = Reference(session.program, session.folder).graph(function.symbol)
    given = given_inputs(graph, session, batch)
    exact = gradients(graph, given, graph.nodes, found)
    unrounded = in_full(graph.nodes)
    formulas = exact if unrounded == graph.nodes else gradients(graph, given, unrounded, found)
    apart = slope_errors(forward, losses, given_inputs(forward, session, batch), formulas)
    errors = rounding_errors(graph, given, exact, found)
    for name in found:
        yield GradientCheck(name, apart[name], errors[name])


def rounding_errors(graph: Graph, given: Arrays, exact: Arrays, found: Arrays) -> dict[str, float]:
    """How far each gradient is from the exact one, in units of what float32 makes of it: the most
    of the trials that were needed."""
    units = {name: EPSILON * norm(array[np.isfinite(array)]) for name, array in exact.items()}
    errors = dict.fromkeys(found, float("inf"))
    for roundings in MOVES:
        if all(error <= ALLOWED for error in errors.values()):
            break
        for name, array in in_single(graph, given, found, roundings).items():
            moved = distance(array, exact[name])
            units[name] = max(units[name], moved if np.isfinite(moved) else 0.0)
            errors[name] = share(distance(found[name], exact[name]), units[name])
    return errors


def distance(found: np.ndarray, exact: np.ndarray) -> float:
    """The norm of the difference; what is not finite is no difference where it is so in both, as in
    a step of f16 that goes too far."""
    same = (found == exact) | (np.isnan(found) & np.isnan(exact))
    return norm(np.subtract(found, exact, where=~same, out=np.zeros(found.shape)))


def gradients(
    graph: Graph, given: Arrays, nodes: tuple[Node, ...], wanted: Arrays
) -> dict[str, np.ndarray]:
    """The wanted outputs of the graph, in double precision, where these are its nodes."""
    made = dict(given) | run_nodes(nodes, given)
    return {one.name: made[one.value.name] for one in graph.outputs if one.name in wanted}


def in_single(
    graph: Graph, given: Arrays, wanted: Arrays, roundings: int
) -> dict[str, np.ndarray]:
    """The same in single precision, from inputs that are moved by so many roundings."""
    random = np.random.default_rng(roundings)
    given = {name: shaken(array, random, roundings) for name, array in given.items()}
    made = given | run_in_single(graph.nodes, given)
    return {one.name: made[one.value.name] for one in graph.outputs if one.name in wanted}


def in_full(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """The nodes where no product rounds its operands: a rounded number has no slope."""

    def full(node: Node) -> Node:
        attributes = tuple(pair for pair in node.attributes if pair[0] != "precision")
        region = node.region and replace(node.region, nodes=in_full(node.region.nodes))
        return replace(node, attributes=attributes, region=region)

    return tuple(map(full, nodes))


def slope_errors(
    forward: Graph,
    losses: Mapping[str, tuple[Value, ...]],
    given: Arrays,
    found: Mapping[str, np.ndarray],
) -> dict[str, float]:
    """How far each gradient is from the slope of its losses, in a direction that moves every
    element up or down, as a share of its norm; the least of the steps that were needed."""
    random = np.random.default_rng(2)
    directions = {name: random.choice((-1.0, 1.0), array.shape) for name, array in found.items()}
    least = LEAST * max(map(norm, found.values()), default=0.0)
    apart = dict.fromkeys(found, float("inf"))
    for step in STEPS:
        left = {name: directions[name] for name in found if apart[name] > ALLOWED_SLOPE}
        for name, slope in slopes(forward, losses, given, left, step).items():
            difference = abs(float((found[name] * directions[name]).sum()) - slope)
            apart[name] = min(apart[name], share(difference, max(norm(found[name]), least)))
    return apart


def norm(array: np.ndarray) -> float:
    return float(np.linalg.norm(np.asarray(array, np.float64)))


def share(apart: float, unit: float) -> float:
    """What is not a number is no small error."""
    if apart == 0:
        return 0.0
    return apart / unit if unit and np.isfinite(apart) else float("inf")


def given_inputs(graph: Graph, session: Session, batch: Arrays) -> dict[str, np.ndarray]:
    """An array for each input of the graph; a counter that the program has no use for is 0."""
    known = session.tensors() | dict(batch)
    return {
        value.name: known.get(value.name, np.zeros(value.type.shape, DTYPES[value.type.dtype]))
        for value in (entry.value for entry in graph.inputs)
    }
