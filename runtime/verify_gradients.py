"""A session, the forward graph of its training step and rows in; the error of each gradient out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from netc.compiler.differences import slopes
from netc.compiler.ir.graph import Graph, Value
from netc.runtime.arena import DTYPES
from netc.runtime.session import Session
from netc.runtime.verify_kernels import Arrays, one_batch

ALLOWED = 1e-3  # roundings come to 1e-4 in a deep network, a wrong gradient to 1
LEAST = 1e-3  # of the largest gradient; a smaller one may be nothing but roundings
NOISE = 0.02


@dataclass(frozen=True)
class GradientCheck:
    """How far the gradient of a weight is from the slope of the loss, as a share of its norm."""

    weight: str
    error: float

    @property
    def passed(self) -> bool:
        return self.error <= ALLOWED


def leave_kinks(session: Session) -> None:
    """Move weights that start all equal, as a bias of zeros: a relu of 0 has no slope."""
    random = np.random.default_rng(1)
    for name, weight in session.weights.items():
        if weight.dtype.kind == "f" and weight.size and (weight == weight.flat[0]).all():
            session.weights[name] = weight + NOISE * random.standard_normal(weight.shape)


def check_gradients(
    session: Session, graph: Graph, losses: Mapping[str, tuple[Value, ...]], rows: Arrays
) -> Iterator[GradientCheck]:
    """The gradient of each weight on the device against the slope of its losses, in a direction
    that moves every element up or down."""
    function = session.function("gradients")
    batch = one_batch(function, rows)
    fields = tuple(batch[field.name] for field in function.fields)
    session.device.run(function, fields, None, 1)
    found = {
        name: session.device.read(tensor).astype(np.float64)
        for name, tensor in function.outputs
        if name in losses
    }
    random = np.random.default_rng(2)
    directions = {name: random.choice((-1.0, 1.0), array.shape) for name, array in found.items()}
    expected = slopes(graph, losses, given_inputs(graph, session, batch), directions)
    norms = {name: float(np.linalg.norm(array)) for name, array in found.items()}
    least = LEAST * max(norms.values(), default=0.0)
    for name, array in found.items():
        apart = abs(float((array * directions[name]).sum()) - expected[name])
        unit = max(norms[name], least)
        yield GradientCheck(name, share(apart, unit))


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
