"""The IR: a graph of tensor operations in which every value is assigned once and knows its line."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from netc.compiler.ir.tensor import TensorType

AttributeValue = int | float | bool | str | tuple["AttributeValue", ...]
Attributes = tuple[tuple[str, AttributeValue], ...]


@dataclass(frozen=True)
class Origin:
    """Where something came from: a line of the user's file and the path of blocks around it.

    `path` is dotted and readable (`classifier.conv2d_1`); `phase` is "forward", "backward" or
    "update".
    """

    line: int = 0
    path: str = ""
    phase: str = "forward"


@dataclass(frozen=True)
class Value:
    """One tensor: a name that is unique in its graph, and a type."""

    name: str
    type: TensorType

    def __str__(self) -> str:
        return f"%{self.name}: {self.type}"


@dataclass(frozen=True)
class Node:
    """One use of an op."""

    op: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    attributes: Attributes = ()
    origin: Origin = field(default=Origin(), compare=False)
    region: "Region | None" = None

    @property
    def output(self) -> Value:
        return self.outputs[0]

    @property
    def named(self) -> dict[str, AttributeValue]:
        """The attributes, as keyword arguments for the op's functions."""
        return dict(self.attributes)


@dataclass(frozen=True)
class Region:
    """The body of a scan: nodes that read its parameters and each other, and nothing else."""

    parameters: tuple[Value, ...]
    nodes: tuple[Node, ...]
    results: tuple[Value, ...]

    def values(self) -> Iterator[Value]:
        yield from self.parameters
        yield from values_of(self.nodes)


def all_nodes(nodes: Iterable[Node]) -> Iterator[Node]:
    """The nodes and those inside of their regions."""
    for node in nodes:
        if node.region is not None:
            yield from all_nodes(node.region.nodes)
        yield node


def values_of(nodes: Iterable[Node]) -> Iterator[Value]:
    """What the nodes make, in order, with all that is inside of their regions."""
    for node in nodes:
        yield from node.outputs
        if node.region is not None:
            yield from node.region.values()


class Role(Enum):
    """What a graph's input is: batch fields change every step, the rest lives on the device.

    A tally is what a measure has added up since the first batch of an evaluation. Room is zeros
    that a kernel works in and leaves as zeros.
    """

    FIELD = "field"
    WEIGHT = "weight"
    STATE = "state"
    MOMENT = "moment"
    AVERAGE = "average"
    COUNTER = "counter"
    TALLY = "tally"
    ROOM = "room"


@dataclass(frozen=True)
class Input:
    """A value that a graph is given."""

    value: Value
    role: Role


@dataclass(frozen=True)
class Output:
    """A value that a graph hands out, under the name that the user knows it by."""

    name: str
    value: Value


@dataclass(frozen=True)
class Update:
    """At the end of a step, `target` (a persistent input) becomes `value`."""

    target: Value
    value: Value


@dataclass(frozen=True)
class Graph:
    """Inputs, nodes in an order that can be run, outputs and updates."""

    name: str
    inputs: tuple[Input, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Output, ...]
    updates: tuple[Update, ...] = ()

    @property
    def results(self) -> tuple[Value, ...]:
        """Every value that must exist when the graph has run."""
        return tuple(o.value for o in self.outputs) + tuple(u.value for u in self.updates)

    def producers(self) -> dict[str, Node]:
        """The node that makes each value, by the value's name; inputs have none."""
        return {value.name: node for node in self.nodes for value in node.outputs}

    def consumers(self) -> dict[str, tuple[Node, ...]]:
        """The nodes that read each value, by the value's name."""
        readers: dict[str, list[Node]] = {}
        for node in self.nodes:
            for value in dict.fromkeys(node.inputs):
                readers.setdefault(value.name, []).append(node)
        return {name: tuple(nodes) for name, nodes in readers.items()}

    def between(self, given: Collection[str], wanted: Collection[str]) -> tuple[Node, ...]:
        """The nodes, in order, that make the wanted values of the given ones, all by name; values
        of a region are made by its nodes."""
        needed, found = set(wanted), []
        for node in reversed(tuple(all_nodes(self.nodes))):
            if any(value.name in needed and value.name not in given for value in node.outputs):
                found.append(node)
                needed |= {value.name for value in node.inputs}
        return tuple(reversed(found))

    def values(self) -> Iterator[Value]:
        """All values: inputs first, then in the order of the nodes, with those of regions."""
        for entry in self.inputs:
            yield entry.value
        yield from values_of(self.nodes)

    def input(self, name: str) -> Input | None:
        return next((entry for entry in self.inputs if entry.value.name == name), None)
