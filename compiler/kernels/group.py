"""What fusion hands over: groups of nodes, each of which becomes one kernel."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from math import prod

from netc.compiler.ir.graph import Graph, Node, Value
from netc.compiler.ir.operation import Family, Op
from netc.compiler.ir.scan import Before, Scan
from netc.compiler.ir.tensor import Shape
from netc.compiler.scalar.expression import Expression, Load
from netc.compiler.scalar.index import Index, linear, loop, unravel


class Kind(Enum):
    """How a group runs.

    MAP: every element by itself. ROW: rows of neighbouring elements are folded, and may be walked
    again with what was found. COLUMN: strided elements are folded, neighbours side by side.
    MATMUL: a sum of products in tiles. SCATTER: rows are added to the rows that they name.
    ATTENTION: blocks of queries meet blocks of keys.
    """

    MAP = "map"
    ROW = "row"
    COLUMN = "column"
    MATMUL = "matmul"
    SCATTER = "scatter"
    ATTENTION = "attention"
    LOOP = "loop"


@dataclass(frozen=True)
class Space:
    """What a group runs over: `shape`, of which `axes` are folded away (in folds only)."""

    shape: Shape
    axes: tuple[int, ...] = ()

    @property
    def kept(self) -> Shape:
        return tuple(size for axis, size in enumerate(self.shape) if axis not in self.axes)

    @property
    def is_trailing(self) -> bool:
        """Whether the folded axes are the last ones, so that rows are contiguous."""
        return self.axes == tuple(range(len(self.shape) - len(self.axes), len(self.shape)))

    @property
    def rows(self) -> int:
        return prod(self.kept)

    @property
    def columns(self) -> int:
        return prod(self.shape) // max(self.rows, 1)

    @property
    def inner(self) -> int:
        """Neighbours in memory that are folded side by side."""
        return prod(self.shape[max(self.axes, default=-1) + 1 :])


@dataclass(frozen=True)
class Pool:
    """Folds behind a convolution: of windows of `size` (down, across) that lie side by side on its
    results [N, H, W, C], `places` of them on an image. `space` is what the folds run over."""

    space: Space
    size: tuple[int, int]
    places: tuple[int, int]

    def position(self, images: Shape, place: Index, tap: Index, channel: Index) -> Index:
        """Where among the convolution's results a fold finds a tap of its window."""
        image, row, column = unravel(place, (images[0], *self.places))
        down, across = unravel(tap, self.size)
        row, column = row * self.size[0] + down, column * self.size[1] + across
        return linear((image, row, column, channel), images)


def possible_pools(space: Space, images: Shape) -> tuple[Pool, ...]:
    """The pools that would make as many values as a fold over this space does."""
    images_count, height, width, channels = images
    sizes = ((h, space.columns // h) for h in range(1, space.columns + 1) if space.columns % h == 0)
    pools = (Pool(space, size, (height // size[0], width // size[1])) for size in sizes)
    rows = space.rows if space.inner == channels else 0
    return tuple(pool for pool in pools if rows == images_count * channels * prod(pool.places))


@dataclass(frozen=True)
class Group:
    """Nodes that run as one kernel, in an order that can be run.

    `stored` are the values that others need. Whatever a member reads and no group stores is
    computed where it is read. Members with as many elements as a `pool` has belong to it. `sums`
    is the member that adds up what a product has on its right side. A group of products in
    `squares` combines them with each other: its second node says how.
    """

    kind: Kind
    space: Space
    nodes: tuple[Node, ...]
    stored: tuple[Value, ...] = ()
    pool: Pool | None = None
    sums: Node | None = None
    squares: bool = False

    @property
    def anchor(self) -> Node:
        """The node that decides how the group runs: always its first."""
        return self.nodes[0]

    @property
    def values(self) -> tuple[Value, ...]:
        return tuple(value for node in self.nodes for value in node.outputs)

    def __str__(self) -> str:
        body = "\n".join(
            f"    {', '.join(map(str, node.outputs))} = "
            f"{node.op}({', '.join('%' + value.name for value in node.inputs)})"
            for node in self.nodes
        )
        stored = ", ".join("%" + value.name for value in self.stored)
        axes = f" fold {self.space.axes}" if self.space.axes else ""
        pool = " pool {} x {}".format(*self.pool.size) if self.pool else ""
        sums = " and sums" if self.sums else ""
        squares = " in squares" if self.squares else ""
        over = f"{self.kind.value} over {list(self.space.shape)}{axes}{pool}{sums}{squares}"
        return f"{over} stores {stored} {{\n{body}\n}}"


class Reader:
    """Expands reads: a value that `is_leaf` is loaded, any other is computed from what it reads."""

    def __init__(
        self,
        producers: Mapping[str, Node],
        ops: Mapping[str, Op],
        is_leaf: Callable[[Value], bool],
    ) -> None:
        self._producers = producers
        self._ops = ops
        self._is_leaf = is_leaf

    def read(self, value: Value, index: tuple[Index, ...]) -> Expression:
        if self._is_leaf(value):
            return Load(value, linear(index, value.type.shape))
        return self.element(self._producers[value.name], index)

    def element(self, node: Node, index: tuple[Index, ...]) -> Expression:
        """Element `index` of a MAP node's output."""
        return self._ops[node.op].element(node, self.read, index)


def is_virtual(op: Op) -> bool:
    """Whether the op only moves elements or makes numbers: it is computed where it is read."""
    return op.family is Family.MAP and op.moves_only and not op.gathers


def is_per_element(value: Value, space: Space) -> bool:
    """Whether a value has one element for each of the rows' elements, not one for each row."""
    return value.type.count == space.rows * space.columns and space.columns > 1


def row_index(space: Space) -> tuple[tuple[Index, ...], Index, Index]:
    """(index, row, column) of an element of a space whose last axes are folded."""
    row, column = loop("r", space.rows), loop("c", space.columns)
    return unravel(row * space.columns + column, space.shape), row, column


def column_index(space: Space) -> tuple[Index, Index, Index]:
    """(outer, folded, inner) of an element of a space that is folded down columns: neighbours in
    memory are inner."""
    outer = loop("o", space.rows // space.inner)
    return outer, loop("k", space.columns), loop("j", space.inner)


def folded_index(space: Space, outer: Index, fold: Index, inner: Index) -> tuple[Index, ...]:
    """The index in `space.shape` from (outer kept, folded, inner kept) positions."""
    last = max(space.axes, default=-1)
    kept_before = [a for a in range(len(space.shape)) if a not in space.axes and a < last]
    after = range(last + 1, len(space.shape))
    places: dict[int, Index] = {}
    for axes, position in ((kept_before, outer), (space.axes, fold), (after, inner)):
        sizes = tuple(space.shape[axis] for axis in axes)
        places |= dict(zip(axes, unravel(position, sizes), strict=True))
    return tuple(places[axis] for axis in range(len(space.shape)))


def lies_in(value: Value, producers: Mapping[str, Node]) -> Value:
    """The tensor whose bytes a value is: itself, or what it is a reshape of."""
    maker = producers.get(value.name)
    return lies_in(maker.inputs[0], producers) if maker and maker.op == "reshape" else value


def operands_lie_in(node: Node, producers: Mapping[str, Node]) -> tuple[Value, ...]:
    """The tensors that a scan's operands are, each of which must lie in memory. A source that is
    another stack, one step later, is none: a step reads the row where it is."""
    found: list[Value] = []
    for value in Scan.of(node).operands:
        before = Before.of(value, producers) if value in Scan.of(node).sources else None
        parts = (before.start, before.stack) if before else (value,)
        found += [lies_in(part, producers) for part in parts]
    return tuple(found)


def read_from_memory(graph: Graph, ops: Mapping[str, Op]) -> set[str]:
    """The names of values that must lie in memory, whatever they are made from."""
    producers, found = graph.producers(), set()
    for node in graph.nodes:
        if node.region is not None:
            found |= {value.name for value in operands_lie_in(node, producers)}
        elif ops[node.op].gathers:
            found.add(node.inputs[0].name)
    return found


def alone(node: Node, ops: Mapping[str, Op]) -> tuple[Kind, Space]:
    """How a node runs that no other has joined."""
    family = ops[node.op].family
    if family is Family.REDUCE:
        space = Space(node.inputs[0].type.shape, tuple(sorted(node.named["axes"])))
        return Kind.ROW if space.is_trailing else Kind.COLUMN, space
    kinds = {
        Family.CONTRACT: Kind.MATMUL,
        Family.SCATTER: Kind.SCATTER,
        Family.ATTEND: Kind.ATTENTION,
        Family.LOOP: Kind.LOOP,
    }
    return kinds.get(family, Kind.MAP), Space(node.output.type.shape)
