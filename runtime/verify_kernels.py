"""A program on a device and rows of data come in; how far each kernel is from the reference, out.

Every kernel runs alone, on inputs that the reference has computed: an error is that of the kernel,
never of one before it. The unit of an error is how far the result moves when every number in the
kernel's formula is rounded to float32, found by moving them at random; the roundings of a sum of n
numbers add up to about sqrt(n) units. Those of equal numbers, as of an image's background, all fall
to one side and add up to more: where NumPy is further off in float32, that is the unit.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod

import numpy as np

from netc.compiler.interpret import first_step, run_in_single, run_nodes
from netc.compiler.ir.graph import Graph, Node
from netc.compiler.program import FunctionFacts, KernelFacts, Tensor
from netc.runtime.arena import DTYPES
from netc.runtime.device import Device
from netc.runtime.emulate_check import made_up_field
from netc.runtime.reference import Reference
from netc.runtime.session import Session

EPSILON = float(np.finfo(np.float32).eps)
TRIALS = 2
ALLOWED = 4.0
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class KernelCheck:
    """The worst error of what a kernel of a function stores, in units of its roundings; how much a
    unit is, in each tensor."""

    function: str
    kernel: KernelFacts
    error: float
    units: Mapping[str, float] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return self.error <= ALLOWED


def check_kernels(
    session: Session, functions: tuple[FunctionFacts, ...], rows: Arrays
) -> Iterator[KernelCheck]:
    """Each kernel of these functions, with the session's weights and the first of the `rows`."""
    reference = Reference(session.program, session.folder)
    lasting = {
        entry.tensor.name: session.device.read(entry.tensor)
        for entry in session.program.persistent
    }
    for function in functions:
        graph = reference.graph(function.symbol)
        known = lasting | one_batch(function, rows)
        for number, kernel in enumerate(function.kernels):
            known |= scan_values(graph, kernel, known)
            yield check_kernel(graph, session.device, function, number, known)
    session.restore(lasting, session.seed)


def scan_values(graph: Graph, kernel: KernelFacts, known: Arrays) -> dict[str, np.ndarray]:
    """For a kernel of a scan: what the first step is given, and what all steps make."""
    node = next((one for one in graph.nodes if one.output.name == kernel.scan), None)
    if node is None or node.output.name in known:
        return {}
    nodes = graph.between(known, {value.name for value in node.inputs})
    found = dict(known) | run_nodes(nodes, known)
    found |= run_nodes((node,), found) | first_step(node, found)
    return {
        value.name: found[value.name].astype(DTYPES[value.type.dtype])
        for value in node.outputs + node.region.parameters
    }


def one_batch(function: FunctionFacts, rows: Arrays) -> dict[str, np.ndarray]:
    """What the function's fields hold: the first rows, or made up numbers for what is not among
    the data."""
    random = np.random.default_rng(1)
    batch = function.batch
    return {one.name: first_rows(one, batch, rows, random) for one in function.fields}


def first_rows(
    field: Tensor, batch: int, rows: Arrays, random: np.random.Generator
) -> np.ndarray:
    found = rows.get(field.name)
    if found is None or not len(found) or found.dtype != DTYPES[field.dtype]:
        return made_up_field(field, random)
    if found[0].size * batch != prod(field.shape):
        return made_up_field(field, random)
    return found[np.arange(batch) % len(found)].reshape(field.shape)


def check_kernel(
    graph: Graph,
    device: Device,
    function: FunctionFacts,
    number: int,
    known: dict[str, np.ndarray],
) -> KernelCheck:
    """One kernel; adds what the reference computes for it to what is `known`."""
    kernel = function.kernels[number]
    given = {tensor.name: known[tensor.name] for tensor in kernel.reads}
    nodes = graph.between(given, {tensor.name for tensor in kernel.writes})
    exact = run_nodes(nodes, given)
    trials = [moved(nodes, given, seed) for seed in range(TRIALS)]
    single = run_in_single(nodes, given)
    found = run_alone(device, function, number, given)
    errors, units = [], {}
    for tensor in kernel.writes:
        name = tensor.name
        known[name] = exact[name].astype(DTYPES[tensor.dtype])
        unit = rounding(exact[name], [trial[name] for trial in trials]) * kernel.terms**0.5
        units[name] = max(unit, rounding(exact[name], [single[name]]))
        errors.append(distance(found[name], exact[name], known[name], units[name]))
    return KernelCheck(function.symbol, kernel, max(errors), units)


def run_alone(
    device: Device, function: FunctionFacts, number: int, given: Arrays
) -> dict[str, np.ndarray]:
    """What the kernel stores on the device; what it leaves out stays NaN, or -1."""
    kernel = function.kernels[number]
    for tensor in kernel.writes:
        size = prod(tensor.shape) * DTYPES[tensor.dtype].itemsize
        unset = np.full(size, 0xFF, np.uint8).view(DTYPES[tensor.dtype])
        device.write(tensor, unset.reshape(tensor.shape))
    for tensor in kernel.reads:
        device.write(tensor, given[tensor.name])
    device.run_kernel(function, number)
    return {tensor.name: device.read(tensor) for tensor in kernel.writes}


def moved(nodes: tuple[Node, ...], given: Arrays, seed: int) -> dict[str, np.ndarray]:
    """The nodes' values where each number that they read or make is moved by a rounding."""
    random = np.random.default_rng(seed)

    shaken_inputs = {name: shaken(array, random) for name, array in given.items()}
    return run_nodes(nodes, shaken_inputs, lambda value, array: shaken(array, random))


def shaken(array: np.ndarray, random: np.random.Generator, roundings: int = 1) -> np.ndarray:
    """Each float moved by so many roundings at most, up or down."""
    if array.dtype.kind != "f":
        return array
    return array * (1 + roundings * EPSILON * random.uniform(-1, 1, array.shape))


def rounding(exact: np.ndarray, trials: list[np.ndarray]) -> float:
    """How far one rounding of everything moves a result, at its worst element."""
    if exact.dtype.kind != "f":
        return 0.0
    with np.errstate(invalid="ignore"):  # of two infinities
        return max(*(largest(trial - exact) for trial in trials), EPSILON * largest(exact))


def distance(found: np.ndarray, exact: np.ndarray, expected: np.ndarray, unit: float) -> float:
    """The largest difference in these units; what is not finite must be just so in both."""
    same = found == expected
    if exact.dtype.kind == "f":
        same |= np.isnan(found) & np.isnan(expected)
        if not np.isfinite(found[~same]).all() or not np.isfinite(expected[~same]).all():
            return float("inf")
    if same.all():
        return 0.0
    apart = largest(np.subtract(found[~same], exact[~same], dtype=np.float64))
    return apart / unit if unit else float("inf")


def largest(array: np.ndarray) -> float:
    finite = array[np.isfinite(array)]
    return float(np.abs(finite).max(initial=0.0))
