"""A scan: one node that runs its region once for each step, read and built by its parts.

The operands are sources (one row of axis 0 a step), what the carried values start with, and shared
values, which are the same in every step. The region has a parameter for each, of the type of one
step. Its results are the carried values after a step and then what the step yields; the node's
outputs are the same for all steps, stacked along axis 0. In a reversed scan the last row comes
first, and the first row of every output is made last.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Node, Region, Value
from netc.compiler.ir.tensor import Shape, TensorType


@dataclass(frozen=True)
class Scan:
    """The parts of a scan; `sources`, `starts` and `shared` are values outside of the region."""

    steps: int
    reverse: bool
    sources: tuple[Value, ...]
    starts: tuple[Value, ...]
    shared: tuple[Value, ...]
    region: Region

    @classmethod
    def of(cls, node: Node) -> "Scan":
        assert node.region is not None, f"{node.output} is no scan"
        named, inputs = node.named, node.inputs
        first, last = named["sources"], named["sources"] + named["carries"]
        return cls(
            named["steps"], named["reverse"], inputs[:first], inputs[first:last], inputs[last:],
            node.region,
        )  # fmt: skip

    @property
    def operands(self) -> tuple[Value, ...]:
        return self.sources + self.starts + self.shared

    @property
    def rows(self) -> tuple[Value, ...]:
        """The parameters that are one row of a source."""
        return self.region.parameters[: len(self.sources)]

    @property
    def carried(self) -> tuple[Value, ...]:
        """The parameters that an earlier step has made."""
        first = len(self.sources)
        return self.region.parameters[first : first + len(self.starts)]

    @property
    def given(self) -> tuple[Value, ...]:
        """The parameters that are the same in every step."""
        return self.region.parameters[len(self.sources) + len(self.starts) :]

    @property
    def carries(self) -> tuple[Value, ...]:
        """The results that the next step is given."""
        return self.region.results[: len(self.starts)]

    @property
    def yields(self) -> tuple[Value, ...]:
        return self.region.results[len(self.starts) :]

    @property
    def attributes(self) -> tuple[tuple[str, int | bool], ...]:
        carries, sources = len(self.starts), len(self.sources)
        return (
            ("carries", carries), ("reverse", self.reverse), ("sources", sources),
            ("steps", self.steps),
        )  # fmt: skip

    @property
    def types(self) -> tuple[TensorType, ...]:
        """The types of the node's outputs."""
        return tuple(stacked_type(value.type, self.steps) for value in self.region.results)

    def order(self) -> Iterator[int]:
        """The rows in the order in which the steps take them."""
        return iter(range(self.steps)[:: -1 if self.reverse else 1])

    def put_into(self, node: Node) -> Node:
        """The node with these parts and the outputs that it has."""
        return replace(
            node, inputs=self.operands, attributes=self.attributes, region=self.region
        )


def stacked_type(kind: TensorType, steps: int) -> TensorType:
    return kind.with_shape((steps, *kind.shape))


def add_scan(build: Builder, scan: Scan) -> tuple[Value, ...]:
    """A new node: its outputs, for the carried values first."""
    outputs = tuple(Value(build.fresh("scan"), kind) for kind in scan.types)
    node = Node("scan", scan.operands, outputs, scan.attributes, build.origin, scan.region)
    build.nodes.append(node)
    return outputs


def last_row(build: Builder, scan: Scan, stack: Value) -> Value:
    """What the last step has made."""
    row = 0 if scan.reverse else scan.steps - 1
    return row_of(build, stack, row)


def row_of(build: Builder, stack: Value, row: int) -> Value:
    part = rows_between(build, stack, row, row + 1)
    return build.reshape(part, shape=stack.type.shape[1:])


def rows_between(build: Builder, stack: Value, first: int, last: int) -> Value:
    return build.slice(stack, **rows_slice(stack, first, last))


def rows_slice(stack: Value, first: int, last: int) -> dict[str, Shape]:
    """What a slice is told that takes these rows."""
    rank = len(stack.type.shape)
    return {
        "starts": (first,) + (0,) * (rank - 1),
        "stops": (last, *stack.type.shape[1:]),
        "steps": (1,) * rank,
    }


def rows_before(build: Builder, scan: Scan, start: Value, stack: Value) -> Value:
    """For each step, what is carried into it: `stack` is what it carries on."""
    first = build.reshape(start, shape=(1, *start.type.shape))
    if scan.steps == 1:
        return first
    if scan.reverse:
        return build.concat(rows_between(build, stack, 1, scan.steps), first, axis=0)
    return build.concat(first, rows_between(build, stack, 0, scan.steps - 1), axis=0)


@dataclass(frozen=True)
class Before:
    """What `rows_before` makes: row r is row r + `ahead` of `stack`, or `start` where none is."""

    start: Value
    stack: Value
    ahead: int

    @classmethod
    def of(cls, value: Value, producers: Mapping[str, Node]) -> "Before | None":
        """The parts of a value that `rows_before` has made, else None."""
        maker = producers.get(value.name)
        if maker is None or maker.op != "concat" or maker.named["axis"] != 0:
            return None
        if len(maker.inputs) != 2:
            return None
        steps = value.type.shape[0]
        for (start, rows), ahead in ((maker.inputs, -1), (maker.inputs[::-1], 1)):
            part = producers.get(rows.name)
            if start.type.shape[0] == 1 and part is not None and part.op == "slice":
                (stack,), low = part.inputs, max(ahead, 0)
                whole = rows_slice(stack, low, low + steps - 1)
                if stack.type.shape[0] == steps and dict(part.attributes) == whole:
                    return cls(start, stack, ahead)
        return None
