"""Fusion: a graph in, groups of nodes out, each group one kernel.

One walk in the order of the nodes. A node that works element by element joins the kernel that made
what it reads, if it reads it at its own place; a fold joins the row kernel whose rows it folds
again, or a fold of the same elements, or of windows of what a convolution makes. What only moves
elements, or is cheap, is computed where it is read. A node never joins a group when that would make
two kernels wait for each other.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from netc.compiler.ir.builder import is_pointwise
from netc.compiler.ir.graph import Graph, Node
from netc.compiler.ir.operation import Family, Op
from netc.compiler.kernels.group import (
    Group,
    Kind,
    Pool,
    Reader,
    Space,
    alone,
    column_index,
    folded_index,
    is_per_element,
    is_virtual,
    possible_pools,
    row_index,
)
from netc.compiler.kernels.keeping import Keeping
from netc.compiler.kernels.loads import AnyLoad, Loads
from netc.compiler.kernels.order import order
from netc.compiler.scalar.expression import Contraction, find_loads
from netc.compiler.scalar.index import Index, loop

MOST_TENSORS = 256  # a kernel has 4 KB of parameters: work of its own kind is not put into it then
MANY_ROWS, SHORT_ROW = 8, 4096  # a row is walked twice where rows are many or short

Pools = Callable[[Contraction, Pool], bool]
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
    pool: Pool | None = None
    squares: bool = False

    @property
    def counts(self) -> tuple[int, ...]:
        """How many elements a value has that is made element by element here, folds done."""
        if self.squares:
            return (self.nodes[1].output.type.count,)
        return (self.space.rows, *([self.pool.space.rows] if self.pool else []))


def fuse(
    graph: Graph, ops: Mapping[str, Op], pools: Pools | None = None, squares: bool = False
) -> tuple[Group, ...]:
    """The kernels of a graph, in an order that can be run. `pools` says whether the kernel of a
    convolution can fold its results over these windows; None that none can. `squares` says whether
    the kernel of products can combine them with each other."""
    fusion = Fusion(graph, ops, pools or (lambda sums, pool: False), squares)
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


class Fusion:
    """The walk's state: drafts, and where each value lives."""

    def __init__(self, graph: Graph, ops: Mapping[str, Op], pools: Pools, squares: bool) -> None:
        self.graph, self.ops, self.pools = graph, ops, pools
        self.drafts: list[Draft] = []
        self.alike: dict[tuple[Kind, Space], Numbers] = {}
        self.loaded_by: dict[str, Numbers] = {}  # value name -> drafts that load it
        self.awaited: Numbers = 0  # drafts that another one waits for
        self.home: dict[str, int] = {}  # value name -> draft that computes it
        self.sources: dict[str, frozenset[str]] = {}  # what it may read, wherever it is computed
        inputs = {entry.value.name for entry in graph.inputs}
        stored = lambda value: value.name in self.home or value.name in inputs  # noqa: E731
        self.reader = Reader(graph.producers(), ops, stored)
        self.loads = Loads(ops, self.reader)
        self.keeping = Keeping(graph, ops, self.loads, squares)

    # --- placing one node -------------------------------------------------------------------

    def place(self, node: Node) -> None:
        op = self.ops[node.op]
        for value in node.outputs:
            self.sources[value.name] = self._sources(node)
        if op.family is Family.CONTRACT:
            self._start(node, self.loads.of_product(node, bool(self.keeping.combined(node))))
        elif op.family is Family.LOOP:
            self._start(node, [])
        elif op.family is Family.SCATTER:
            if self.keeping.is_result(node) or node.output.name in self.keeping.consumers:
                self._start(node, self.loads.of_scatter(node))
        elif op.family is Family.ATTEND:
            self._start(node, self.loads.of_attention(node))
        elif op.family is Family.REDUCE:
            self._place_fold(node)
        elif op.place and self._join_parts(node):
            return
        elif is_virtual(op) and self.keeping.stays_virtual(node):
            self.keeping.add_cost(node)
        else:
            self._place_map(node, op)

    def _place_map(self, node: Node, op: Op) -> None:
        if op.side_by_side and self._join_squares(node):
            return
        for_folds = self.keeping.is_computed_by_folds(node)
        joins = is_pointwise(op) and not for_folds and not self._is_seen_in_another(node)
        if joins and self._join(node, self._makers(node)):
            return
        self.keeping.add_cost(node)
        if not for_folds and self.keeping.should_store(node):
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
        if not (kind is Kind.COLUMN and self._join_pool(node, space)):
            self._start(node, self.loads.of_fold(node, space))

    def _join_pool(self, node: Node, space: Space) -> bool:
        """Whether the fold joins the convolution whose results it folds, window by window."""
        o, k, j = column_index(space)
        read = self.reader.read(node.inputs[0], folded_index(space, o, k, j))
        made = [load for load in find_loads(read) if self._made(load)]
        for number in {self.home[load.value.name] for load in made}:
            draft = self.drafts[number]
            results = draft.nodes[0].output
            own = [load for load in made if self.home[load.value.name] == number]
            for pool in self._pools(draft, space):
                place = pool.position(results.type.shape, o, k, j)
                is_pooled = all(load.value == results and load.is_at(place) for load in own)
                if is_pooled and not self._blocked(node) >> number & 1:
                    draft.pool = pool
                    self._add(number, node, made)
                    return True
        return False

    def _join_squares(self, node: Node) -> bool:
        """Whether the node joins the products that it combines."""
        products = self.keeping.products(node)
        if products is None or self._blocked(node) >> self.home[products.output.name] & 1:
            return False
        number = self.home[products.output.name]
        self.drafts[number].squares = True
        self._add(number, node, [])
        return True

    def _pools(self, draft: Draft, space: Space) -> tuple[Pool, ...]:
        """The windows that a fold over the space may have in the draft: those of the one before."""
        if draft.kind is not Kind.MATMUL:
            return ()
        node = draft.nodes[0]
        sums = self.ops[node.op].contraction(node, self.reader.read)
        if sums.sliding is None or not sums.sliding.over_taps:
            return ()
        found = (draft.pool,) if draft.pool else possible_pools(space, node.output.type.shape)
        return tuple(pool for pool in found if pool.space == space and self.pools(sums, pool))

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
        is_stored = self.keeping.is_result(node) or self.keeping.is_read_many_times(node)
        count = self.drafts[number].space.rows
        if not is_stored or any(value.type.count != count for value in node.inputs):
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
            if draft.space.rows == 1 and not self._is_about(draft, loads):
                return None  # one row is one task: others do what only needs its results
            return loads if self._own_places(loads, number, row, column) else None
        count = node.output.type.count
        if count not in draft.counts:
            return None
        loads = self.loads.of_map(node)
        place = loop("i", count)
        fits = all(
            load.is_at(place) and load.value.type.count == count
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

    def _is_about(self, draft: Draft, loads: list[AnyLoad]) -> bool:
        """Whether an element is loaded that the group loads or makes anyhow."""
        return any(
            load.value.name in draft.tensors and is_per_element(load.value, draft.space)
            for load in loads
        )

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

    def _is_seen_in_another(self, node: Node) -> bool:
        """Whether the value shows at once in a single one that other groups load anyhow: the sign
        of what a relu made, the slope of a tanh."""
        if not self.keeping.is_quick(node):
            return False
        loaded = {load.value.name for load in self.loads.of_map(node)}
        homes = {self.home.get(name) for name in loaded}
        if len(loaded) != 1 or None in homes:
            return False
        (name,), (home,) = loaded, homes
        return bool(self.loaded_by.get(name, 0) & ~(1 << home))

    # --- costs and bookkeeping --------------------------------------------------------------

    def _sources(self, node: Node) -> frozenset[str]:
        """All stored values that a node's elements can come from. Which of them a kernel loads is
        up to its loops: one way to write an index rules out reads that another does not."""
        found: set[str] = set()
        for value in node.inputs:
            is_stored = value.name in self.home or value.name not in self.sources
            found |= {value.name} if is_stored else self.sources[value.name]
        return frozenset(found)

    def _reads(self, loads: list[AnyLoad], number: int) -> bool:
        return any(self._made(load) and self.home[load.value.name] == number for load in loads)

    def _home(self, load: AnyLoad) -> Numbers:
        return 1 << self.home[load.value.name] if self._made(load) else 0

    def _made(self, load: AnyLoad) -> bool:
        return load.value.name in self.home

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
            self.keeping.cost[value.name] = 0
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
        """The drafts as groups, sorted so that each comes after all that it waits for. What nobody
        reads in the end, once indices are simplified, is left out."""
        read_by: dict[str, set[int]] = {}
        for number, draft in enumerate(self.drafts):
            for node in draft.nodes:
                for name in self.sources[node.output.name]:
                    read_by.setdefault(name, set()).add(number)
        numbers = order([draft.needs for draft in self.drafts], self._wishes(read_by))
        finished = (self._finish(number, read_by) for number in numbers)
        return tuple(group for group in finished if group.stored)

    def _wishes(self, read_by: Mapping[str, set[int]]) -> list[set[int]]:
        """What each group comes after where it can: a group that makes the new value of a weight
        after the readers of the old one that do not wait for it, so that it can write in place."""
        wishes: list[set[int]] = [set() for _ in self.drafts]
        for update in self.graph.updates:
            if update.value.name in self.home:
                home = self.home[update.value.name]
                readers = read_by.get(update.target.name, set()) - {home}
                waiting = {other for other in readers if self.drafts[other].waits_for >> home & 1}
                wishes[home] |= readers - waiting
        return wishes

    def _finish(self, number: int, read_by: Mapping[str, set[int]]) -> Group:
        draft = self.drafts[number]
        stored = tuple(
            value
            for node in draft.nodes
            for value in node.outputs
            if value.name in self.keeping.results or read_by.get(value.name, set()) - {number}
        )
        nodes = tuple(draft.nodes)
        return Group(draft.kind, draft.space, nodes, stored, draft.pool, squares=draft.squares)


def latest_first(numbers: Numbers) -> Iterator[int]:
    """The numbers in a set of them, the greatest first."""
    while numbers:
        number = numbers.bit_length() - 1
        yield number
        numbers ^= 1 << number


def walks_rows(space: Space) -> bool:
    """Whether a row may be walked more than once: then one row is the work of one task."""
    return space.rows >= MANY_ROWS or space.columns <= SHORT_ROW
