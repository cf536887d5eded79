"""Builds a graph node by node: op names and values in, new values out."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from netc.compiler.ir.graph import Graph, Input, Node, Origin, Output, Role, Update, Value
from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import Shape, TensorType

Operand = Value | int | float | bool


class Builder:
    """Appends nodes to a growing graph.

    Every op is a method: `build.matmul(a, b)`, `build.sum(x, axes=(0,))`. Ops that work element by
    element take numbers as well, and broadcast their operands as NumPy does. Types are checked by
    the op's own rule, which raises OpError.
    """

    def __init__(self, ops: Mapping[str, Op]) -> None:
        self.ops = ops
        self.inputs: list[Input] = []
        self.nodes: list[Node] = []
        self.origin = Origin()
        self._names: set[str] = set()
        self._uses: dict[str, int] = {}

    @classmethod
    def extending(cls, ops: Mapping[str, Op], graph: Graph) -> "Builder":
        """A builder that goes on where `graph` ends."""
        build = cls(ops)
        build.inputs, build.nodes = list(graph.inputs), list(graph.nodes)
        build._names = {value.name for value in graph.values()}
        return build

    @contextmanager
    def at(self, origin: Origin) -> Iterator[None]:
        """Nodes made inside come from `origin`."""
        before, self.origin = self.origin, origin
        try:
            yield
        finally:
            self.origin = before

    @contextmanager
    def apart(self) -> Iterator[list[Node]]:
        """Nodes made inside are gathered in a list of their own: those of a region."""
        before, self.nodes = self.nodes, []
        try:
            yield self.nodes
        finally:
            self.nodes = before

    def input(self, name: str, kind: TensorType, role: Role) -> Value:
        value = Value(self.fresh(name), kind)
        self.inputs.append(Input(value, role))
        return value

    def fresh(self, hint: str) -> str:
        """A name that no value has yet: the hint, or the hint with a number."""
        name, number = hint, self._uses.get(hint, 1)
        while name in self._names:
            number += 1
            name = f"{hint}_{number}"
        self._uses[hint] = number
        self._names.add(name)
        return name

    def __getattr__(self, name: str):
        if name.startswith("_") or name not in self.ops:
            raise AttributeError(f"there is no op called {name}")
        return lambda *inputs, **attributes: self.apply(name, *inputs, **attributes)

    def apply(self, name: str, *operands: Operand, **attributes):
        """One node of op `name`: its value, or the tuple of its values where it has several."""
        op = self.ops[name]
        inputs = self._aligned(operands) if is_pointwise(op) else operands
        types = op.type(*(value.type for value in inputs), **attributes)
        several = isinstance(types, tuple)
        outputs = tuple(
            Value(self.fresh(name), kind) for kind in (types if several else (types,))
        )
        fixed = tuple(sorted(attributes.items()))
        self.nodes.append(Node(name, tuple(inputs), outputs, fixed, self.origin))
        return outputs if several else outputs[0]

    def number(self, number: int | float | bool, kind: TensorType) -> Value:
        """A constant tensor of this type; for floats, 0 and 0.0 are one constant."""
        number = float(number) if kind.is_float else number
        return self.apply("constant", value=number, dtype=kind.dtype, shape=kind.shape)

    def graph(
        self, name: str, outputs: tuple[Output, ...], updates: tuple[Update, ...] = ()
    ) -> Graph:
        return Graph(name, tuple(self.inputs), tuple(self.nodes), outputs, updates)

    def _aligned(self, operands: tuple[Operand, ...]) -> tuple[Value, ...]:
        """Numbers made constants and every operand broadcast to the common shape."""
        values = [operand for operand in operands if isinstance(operand, Value)]
        if not values:
            raise OpError("an op takes at least one tensor: numbers alone have no type")
        shape = broadcast_shape(*(value.type.shape for value in values))
        floats = [value for value in values if value.type.dtype != "bool"] or values
        kind = TensorType(floats[-1].type.dtype, shape)
        return tuple(
            self.broadcast_to(operand, shape)
            if isinstance(operand, Value)
            else self.number(operand, kind)
            for operand in operands
        )

    def broadcast_to(self, value: Value, shape: Shape) -> Value:
        same = value.type.shape == shape
        return value if same else self.apply("broadcast", value, shape=shape)


def is_pointwise(op: Op) -> bool:
    """Whether every operand has the shape of the result and element i only needs elements i."""
    return op.family is Family.MAP and getattr(op.element, "pointwise", False)


def broadcast_shape(*shapes: Shape) -> Shape:
    """The common shape by NumPy's rule: align at the right, a size of 1 stretches."""
    rank = max((len(shape) for shape in shapes), default=0)
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    common = []
    for sizes in zip(*padded, strict=True):
        wide = {size for size in sizes if size != 1}
        if len(wide) > 1:
            raise OpError(f"shapes {' and '.join(map(str, map(list, shapes)))} do not broadcast")
        common.append(wide.pop() if wide else 1)
    return tuple(common)
