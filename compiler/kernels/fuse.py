"""Fusion: a graph in, groups of nodes out, each group one kernel.

One walk in the order of the nodes. A node that works element by element joins the kernel that made
what it reads, if it reads it at its own place; a fold joins the row kernel whose rows it folds
again, or a fold of the same elements. What only moves elements, or is cheap, is computed where
it is read. A node never joins a group when that would make two kernels wait for each other.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod

from netc.compiler.ir.builder import is_pointwise
from netc.compiler.ir.graph import Graph, Node, Value
from netc.compiler.ir.operation import Family, Op
from netc.compiler.kernels.group import (
    Group,
    Kind,
    Reader,
    Space,
    is_per_element,
    is_virtual,
    read_from_memory,
    row_index,
)
from netc.compiler.kernels.loads import AnyLoad, Loads
from netc.compiler.kernels.order import order
from netc.compiler.scalar.index import Index, loop

CHEAP = 8  # operations that are done again rather than stored and loaded by several readers
LONG = 64  # operations after which a chain is stored even for one reader
GROWTH = 4  # a value read this many times per element is stored
FEW_TAPS = 32  # of a kernel, all channels: as many sums are one register tile
QUICK = 3  # operations that cost nothing beside one load
MOST_LOADED = 2  # tensors as large as what a fold computes from them instead of loading it
MOST_TENSORS = 256  # a kernel has 4 KB of parameters: work of its own kind is not put into it then
MANY_PARTS = 8  # tensors side by side that are copied into one for who reads it many times
MANY_ROWS, SHORT_ROW = 8, 4096  # a row is walked twice where rows are many or short

Numbers = int  # a set of groups, a bit for each: thousands of them are joined and asked at once


@dataclass
class Draft:
    """A group while it grows: its nodes, the tensors that they load or make, the groups whose
    values it may read, and all groups that it waits for because of them."""

    kind: Kind
    space: Space
    nodes: list[Node] = field(default_factory=list)
    tensors: set[str] = field(default_factory=set)
    needs: set[int] = field(default_factory=set)
    waits_for: Numbers = 0


def fuse(graph: Graph, ops: Mapping[str, Op]) -> tuple[Group, ...]:
    """The kernels of a graph, in an order that can be run."""
    fusion = Fusion(graph, ops)
    for node in graph.nodes:
        fusion.place(node)
    return fusion.groups()


def keep_apart(graph: Graph, ops: Mapping[str, Op]) -> tuple[Group, ...]:
    """A kernel for each node, whatever it does: what the fused kernels are checked against."""
    return tuple(
        Group(kind, space, (node,), node.outputs)
        for node in graph.nodes
        for kind, space in [alone(node, ops)]
    )


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


class Fusion:
    """The walk's state: drafts, and where each value lives."""

    def __init__(self, graph: Graph, ops: Mapping[str, Op]) -> None:
        self.graph, self.ops = graph, ops
        self.drafts: list[Draft] = []
        self.alike: dict[tuple[Kind, Space], Numbers] = {}
        self.loaded_by: dict[str, Numbers] = {}  # value name -> drafts that load it
        self.awaited: Numbers = 0  # drafts that another one waits for
        self.home: dict[str, int] = {}  # value name -> draft that computes it
        self.cost: dict[
            str, int
        ] = {}  # operations per element of what is computed where it is read
        self.sources: dict[str, frozenset[str]] = {}  # what it may read, wherever it is computed
        self.results = {value.name for value in graph.results}
        self.results |= read_from_memory(graph, ops)
        self.consumers = graph.consumers()
        self.for_folds: dict[str, bool] = {}
        inputs = {entry.value.name for entry in graph.inputs}
        stored = lambda value: value.name in self.home or value.name in inputs  # noqa: E731
        self.producers = graph.producers()
        self.loads = Loads(ops, Reader(self.producers, ops, stored))

    # --- placing one node -------------------------------------------------------------------

    def place(self, node: Node) -> None:
        op = self.ops[node.op]
        for value in node.outputs:
            self.sources[value.name] = self._sources(node)
        if op.family is Family.CONTRACT:
            self._start(node, self.loads.of_product(node))
        elif op.family is Family.LOOP:
            self._start(node, [])
        elif op.family is Family.SCATTER:
            if self._is_result(node) or node.output.name in self.consumers:
                self._start(node, self.loads.of_scatter(node))
        elif op.family is Family.ATTEND:
            self._start(node, self.loads.of_attention(node))
        elif op.family is Family.REDUCE:
            self._place_fold(node)
        elif op.place and self._join_parts(node):
            return
        elif is_virtual(op) and not self._is_result(node) and not self._is_ladder(node):
            self.cost[node.output.name] = self._chain_cost(node)
        else:
            self._place_map(node, op)

    def _place_map(self, node: Node, op: Op) -> None:
        for_folds = self._is_for_folds(node) and self._is_made_again(node)
        joins = is_pointwise(op) and not for_folds and not self._is_seen_in_another(node)
        if joins and self._join(node, self._makers(node)):
            return
        self.cost[node.output.name] = self._chain_cost(node)
        if not for_folds and self._should_store(node, op):
            alike = self.alike.get((Kind.MAP, Space(node.output.type.shape)), 0)
            free = alike & ~self._blocked(node)
            if not (is_pointwise(op) and self._join(node, latest_first(free))):
                self._start(node, self.loads.of_map(node))

    def _place_fold(self, node: Node) -> None:
        kind, space = alone(node, self.ops)
        loads = self.loads.of_fold_in(node, kind, space)
        touched = 0
        for load in loads:
            touched |= self.loaded_by.get(load.value.name, 0) | self._home(load)
        free = self.alike.get((kind, space), 0) & touched & ~self._blocked(node)
        for number in latest_first(free):
            if self._fits_fold(loads, number):
                self._add(number, node, self.loads.of_fold(node, space))
                return
        self._start(node, self.loads.of_fold(node, space))

    def _makers(self, node: Node) -> Iterator[int]:
        """The groups whose values the node reads, the last one first."""
        loads = self.loads.of_map(node)
        numbers = {self.home[load.value.name] for load in loads if self._made(load)}
        return iter(sorted(numbers, reverse=True))

    def _join_parts(self, node: Node) -> bool:
        """Whether one group makes all parts of the node element by element: it then stores each at
        its place in the whole."""
        number, *others = {self.home.get(value.name) for value in node.inputs}
        if others or number is None or self.drafts[number].kind is not Kind.MAP:
            return False
        is_stored = self._is_result(node) or any(
            self._wants_stored(self.ops[reader.op]) for reader in self._readers(node.output)
        )
        if not is_stored or not all(self._is_kept(v, self.drafts[number]) for v in node.inputs):
            return False
        self._add(number, node, [])
        return True

    def _join(self, node: Node, numbers: Iterator[int]) -> bool:
        for number in numbers:
            loads = self._fitting_loads(node, number)
            if loads is not None and not self._blocked(node) >> number & 1:
                self._add(number, node, loads)
                return True
        return False

    # --- does a node fit a group? -----------------------------------------------------------

    def _fitting_loads(self, node: Node, number: int) -> list[AnyLoad] | None:
        """What the node would load as a member of the group; None where it does not fit."""
        draft = self.drafts[number]
        if draft.kind in (Kind.SCATTER, Kind.ATTENTION, Kind.LOOP):
            return None  # an element is known only when all items, or steps, have been seen
        if draft.kind is Kind.ROW and is_per_element(node.output, draft.space):
            if not walks_rows(draft.space):
                return None
            _, row, column = row_index(draft.space)
            place = row * draft.space.columns + column
            loads = self.loads.at(node, place)
            return loads if self._own_places(loads, number, row, column) else None
        if node.output.type.count != _count(draft.space):
            return None
        loads = self.loads.of_map(node)
        place = loop("i", node.output.type.count)
        fits = all(
            load.is_at(place) and self._is_kept(load.value, draft)
            for load in loads
            if self._made(load) and self.home[load.value.name] == number
        )
        return loads if fits else None

    def _fits_fold(self, loads: list[AnyLoad], number: int) -> bool:
        """Whether the loads of a fold over the group's own space can stand in the group."""
        draft = self.drafts[number]
        if draft.kind is not Kind.ROW or not walks_rows(draft.space):
            return not self._reads(loads, number)
        _, row, column = row_index(draft.space)
        return self._own_places(loads, number, row, column)

    def _own_places(self, loads: list[AnyLoad], number: int, row: Index, column: Index) -> bool:
        """Whether the group's own values are read at the same row, or the same row and column."""
        space = self.drafts[number].space
        full = row * space.columns + column
        return all(
            load.is_at(full if is_per_element(load.value, space) else row)
            for load in loads
            if self._made(load) and self.home[load.value.name] == number
        )

    def _is_kept(self, value: Value, draft: Draft) -> bool:
        """Whether the value has one element for each result of the group, folds done."""
        return value.type.count == _count(draft.space)

    def _blocked(self, node: Node) -> Numbers:
        """The groups that something which the node may read waits for: it can be in none."""
        found = 0
        for home in self._homes(node):
            found |= self.drafts[home].waits_for
        return found

    def _homes(self, node: Node) -> set[int]:
        """The groups that compute what the node may read."""
        sources = self.sources[node.output.name]
        return {self.home[name] for name in sources if name in self.home}

    def _should_store(self, node: Node, op: Op) -> bool:
        """Whether a value is better kept than computed again by each of its readers."""
        value = node.output
        if self._is_result(node):
            return True
        readers = self._readers(value)
        if not readers:
            return False
        cost = self.cost[value.name]
        if any(self._wants_stored(self.ops[reader.op]) for reader in readers) or cost > LONG:
            return True
        widest = max(_reach(reader, self.ops) for reader in readers)
        if cost > 1 and widest >= GROWTH * value.type.count:
            return True
        if len(readers) == 1:
            return False
        loads = self.loads.of_map(node)
        big = [load for load in loads if load.value.type.count >= value.type.count]
        return op.expensive or cost > CHEAP or len(big) > 1

    def _is_for_folds(self, node: Node) -> bool:
        """Whether all that reads the value, however often it is worked on, folds down columns."""
        name = node.output.name
        if name not in self.for_folds:
            readers = self._readers(node.output)
            self.for_folds[name] = bool(readers) and not self._is_result(node) and all(
                alone(reader, self.ops)[0] is Kind.COLUMN
                or self._is_read_once(node.output, reader)
                or (is_pointwise(self.ops[reader.op]) and self._is_for_folds(reader))
                for reader in readers
            )  # fmt: skip
        return self.for_folds[name]

    def _is_read_once(self, value: Value, reader: Node) -> bool:
        """Whether the reader is the gradient of a convolution's kernel with so few taps that it
        reads each slope once."""
        if reader.op != "conv2d_kernel_gradient":
            return False
        window = reader.named["shape"][:3]
        return prod(window) <= FEW_TAPS and self._is_moved_to(value, reader.inputs[1])

    def _is_moved_to(self, value: Value, end: Value) -> bool:
        """Whether `end` is the value, or the value with its elements moved."""
        while end.name != value.name:
            maker = self.producers.get(end.name)
            if maker is None or len(maker.inputs) != 1 or not is_virtual(self.ops[maker.op]):
                return False
            (end,) = maker.inputs
        return True

    def _is_made_again(self, node: Node) -> bool:
        """Whether folds better compute the value than load it: others of its makers are loaded by
        neighbouring folds as well."""
        size = node.output.type.count
        if any(_reach(one, self.ops) >= GROWTH * size for one in self._readers(node.output)):
            return False
        large = {load.value for load in self.loads.of_map(node) if load.value.type.count >= size}
        return (
            is_pointwise(self.ops[node.op])
            and not self.ops[node.op].expensive
            and self._chain_cost(node) <= CHEAP
            and len(large) <= MOST_LOADED
        )

    def _is_seen_in_another(self, node: Node) -> bool:
        """Whether the value shows at once in another one, which is in memory for others anyhow: the
        sign of what a relu made, the slope of a tanh."""
        if self._is_result(node) or self.ops[node.op].expensive or self._chain_cost(node) > QUICK:
            return False
        if any(self._wants_stored(self.ops[reader.op]) for reader in self._readers(node.output)):
            return False
        loaded = {load.value.name for load in self.loads.of_map(node)}
        return len(loaded) == 1 and all(
            self.loaded_by.get(name, 0) & ~(1 << self.home[name])
            for name in loaded & self.home.keys()
        ) and loaded <= self.home.keys()  # fmt: skip

    def _is_ladder(self, node: Node) -> bool:
        """Whether each read of an element would have to find its tensor among many, many times."""
        readers = (self.ops[reader.op] for reader in self._readers(node.output))
        return len(node.inputs) > MANY_PARTS and any(map(self._wants_stored, readers))

    def _wants_stored(self, op: Op) -> bool:
        """Whether the op reads an element of its operands many times."""
        families = (Family.CONTRACT, Family.SCATTER, Family.ATTEND, Family.LOOP)
        return op.family in families or op.gathers

    def _readers(self, value: Value) -> list[Node]:
        """The nodes that do more than move elements and read the value, however it is moved."""
        readers: list[Node] = []
        for node in self.consumers.get(value.name, ()):
            moved = is_virtual(self.ops[node.op])
            readers += self._readers(node.output) if moved else [node]
            if moved and self._is_result(node):
                readers.append(node)
        return readers

    # --- costs and bookkeeping --------------------------------------------------------------

    def _sources(self, node: Node) -> frozenset[str]:
        """All stored values that a node's elements can come from. Which of them a kernel loads is
        up to its loops: one way to write an index rules out reads that another does not."""
        found: set[str] = set()
        for value in node.inputs:
            is_stored = value.name in self.home or value.name not in self.sources
            found |= {value.name} if is_stored else self.sources[value.name]
        return frozenset(found)

    def _chain_cost(self, node: Node) -> int:
        own = self.ops[node.op].flops(node) // max(node.output.type.count, 1)
        return own + sum(self.cost.get(value.name, 0) for value in node.inputs)

    def _reads(self, loads: list[AnyLoad], number: int) -> bool:
        return any(self._made(load) and self.home[load.value.name] == number for load in loads)

    def _home(self, load: AnyLoad) -> Numbers:
        return 1 << self.home[load.value.name] if self._made(load) else 0

    def _made(self, load: AnyLoad) -> bool:
        return load.value.name in self.home

    def _is_result(self, node: Node) -> bool:
        return any(value.name in self.results for value in node.outputs)

    def _start(self, node: Node, loads: list[AnyLoad]) -> None:
        kind, space = alone(node, self.ops)
        number = len(self.drafts)
        self.drafts.append(Draft(kind, space))
        self.alike[kind, space] = self.alike.get((kind, space), 0) | 1 << number
        self._add(number, node, loads)

    def _add(self, number: int, node: Node, loads: list[AnyLoad]) -> None:
        draft = self.drafts[number]
        draft.nodes.append(node)
        for load in loads:
            name = load.value.name
            self.loaded_by[name] = self.loaded_by.get(name, 0) | 1 << number
        for value in node.outputs:
            self.home[value.name] = number
            self.cost[value.name] = 0
        draft.tensors |= {load.value.name for load in loads} | {v.name for v in node.outputs}
        if len(draft.tensors) > MOST_TENSORS:
            self.alike[draft.kind, draft.space] &= ~(1 << number)
        self._wait(number, self._homes(node) - {number}, self._blocked(node))

    def _wait(self, number: int, homes: set[int], before: Numbers) -> None:
        """Draft `number` needs these homes, which wait for all that is `before` them."""
        draft = self.drafts[number]
        draft.needs |= homes
        for home in homes:
            before |= 1 << home
        if not before & ~draft.waits_for:
            return
        draft.waits_for |= before
        if self.awaited >> number & 1:
            for other in self.drafts:
                if other.waits_for >> number & 1:
                    other.waits_for |= before
        self.awaited |= before

    # --- the result -------------------------------------------------------------------------

    def groups(self) -> tuple[Group, ...]:
        """The drafts as groups, sorted so that each comes after all that it waits for."""
        read_by: dict[str, set[int]] = {}
        for number, draft in enumerate(self.drafts):
            for node in draft.nodes:
                for name in self.sources[node.output.name]:
                    read_by.setdefault(name, set()).add(number)
        numbers = order([draft.needs for draft in self.drafts], self._wishes(read_by))
        return tuple(self._finish(number, read_by) for number in numbers)

    def _wishes(self, read_by: Mapping[str, set[int]]) -> list[set[int]]:
        """What each group comes after where it can: a group that makes the new value of a weight
        after the readers of the old one, so that it can write in place."""
        wishes: list[set[int]] = [set() for _ in self.drafts]
        for update in self.graph.updates:
            if update.value.name in self.home:
                home = self.home[update.value.name]
                wishes[home] |= read_by.get(update.target.name, set()) - {home}
        return wishes

    def _finish(self, number: int, read_by: Mapping[str, set[int]]) -> Group:
        draft = self.drafts[number]
        stored = tuple(
            value
            for node in draft.nodes
            for value in node.outputs
            if value.name in self.results or read_by.get(value.name, set()) - {number}
        )
        return Group(draft.kind, draft.space, tuple(draft.nodes), stored)


def latest_first(numbers: Numbers) -> Iterator[int]:
    """The numbers in a set of them, the greatest first."""
    while numbers:
        number = numbers.bit_length() - 1
        yield number
        numbers ^= 1 << number


def walks_rows(space: Space) -> bool:
    """Whether a row may be walked more than once: then one row is the work of one task."""
    return space.rows >= MANY_ROWS or space.columns <= SHORT_ROW


def _count(space: Space) -> int:
    total = 1
    for size in space.kept:
        total *= size
    return total


def _reach(node: Node, ops: Mapping[str, Op]) -> int:
    """How many elements a reader computes: those it folds, or those it makes."""
    folds = ops[node.op].family is Family.REDUCE
    return node.inputs[0].type.count if folds else node.output.type.count
