"""Keeping: which values are better stored by who makes them than computed again by each reader."""

from collections.abc import Mapping
from math import prod

from netc.compiler.ir.builder import is_pointwise
from netc.compiler.ir.graph import Graph, Node, Value
from netc.compiler.ir.operation import Family, Op
from netc.compiler.kernels.group import Kind, alone, is_virtual, lies_in, read_from_memory
from netc.compiler.kernels.loads import Loads
from netc.compiler.scalar.expression import Apply, Constant, Expression, Load, Select, walk
from netc.compiler.scalar.index import Variable, as_index, loop

CHEAP = 8  # operations that are done again rather than stored and loaded by several readers
LONG = 64  # operations after which a chain is stored even for one reader
GROWTH = 4  # a value read this many times per element is stored
FEW_TAPS = 32  # of a kernel, all channels: as many sums are one register tile
QUICK = 3  # operations that cost nothing beside one load
MOST_LOADED = 2  # tensors as large as what a fold computes from them instead of loading it
MANY_PARTS = 8  # tensors side by side that are copied into one for who reads it many times


class Keeping:
    """What a graph says about its values' readers; `cost` has the operations per element of what is
    computed where it is read, filled in as nodes are placed."""

    def __init__(self, graph: Graph, ops: Mapping[str, Op], loads: Loads, squares: bool) -> None:
        self.ops, self.loads, self.squares = ops, loads, squares
        self.results = {value.name for value in graph.results} | read_from_memory(graph, ops)
        self.consumers, self.producers = graph.consumers(), graph.producers()
        self.cost: dict[str, int] = {}
        self.for_folds: set[str] = set()
        for node in reversed(graph.nodes):  # readers come first
            if is_pointwise(ops[node.op]) and self.is_for_folds(node):
                self.for_folds.add(node.output.name)

    def is_result(self, node: Node) -> bool:
        return any(value.name in self.results for value in node.outputs)

    def should_store(self, node: Node) -> bool:
        """Whether a value is better kept than computed again by each of its readers."""
        value = node.output
        if self.is_result(node):
            return True
        if self.ops[node.op].side_by_side:
            return not self.is_packed(node)
        readers = self.readers(value)
        if not readers:
            return False
        cost = self.cost[value.name]
        if self.is_read_many_times(node) or cost > LONG:
            return True
        widest = max(reach(reader, self.ops) for reader in readers)
        if cost > 1 and widest >= GROWTH * value.type.count:
            return True
        if len(readers) == 1:
            return False
        loads = self.loads.of_map(node)
        big = [load for load in loads if load.value.type.count >= value.type.count]
        return self.ops[node.op].expensive or cost > CHEAP or len(big) > 1

    def is_packed(self, node: Node) -> bool:
        """Whether what combines elements is done by the products that read it, as they pack them:
        not with what lies in memory as it is, a weight, of which all tasks would do the same."""
        readers = self.readers(node.output)
        if len(readers) != 1 or node.inputs[0].name not in self.producers:
            return False
        return self.combined(readers[0]) is not None and self.reads_rows(node)

    def reads_rows(self, node: Node) -> bool:
        """Whether all that is combined, in one place of the squares as in another, are rows of
        tensors, or zeros."""
        axes = self.ops[node.op].side_by_side(node)
        index = tuple(
            as_index(1) if axis in axes else loop(f"i{axis}", size)
            for axis, size in enumerate(node.output.type.shape)
        )
        (last,) = index[-1].variables() or (None,)
        read = self.ops[node.op].element(node, self.loads.reader.read, index)
        return all(runs_along(last, part) for part in walk(read))

    def combined(self, products: Node) -> Node | None:
        """The node that combines these products with each other, where nothing else reads them."""
        if not self.squares or self.ops[products.op].family is not Family.CONTRACT:
            return None
        readers = self.readers(products.output)
        if len(readers) != 1 or self.is_result(products):
            return None
        (node,) = readers
        is_square = self.ops[node.op].side_by_side and self.products(node) == products
        return node if is_square else None

    def products(self, node: Node) -> Node | None:
        """The products that a node combines with each other, one for each place of its squares."""
        value = lies_in(node.inputs[0], self.producers)
        products = self.producers.get(value.name)
        if not self.squares or products is None:
            return None
        op = self.ops[products.op]
        alone = self.readers(value) == [node] and not self.is_result(products)
        if not alone or op.family is not Family.CONTRACT:
            return None
        sums = op.contraction(products, self.loads.reader.read)
        places = prod(node.inputs[0].type.shape[:2])
        fits = sums.batch % places == 0 and sums.precision == "f32" and sums.sliding is None
        return products if fits else None

    def is_computed_by_folds(self, node: Node) -> bool:
        """Whether the folds that read the value, and nothing else does, better compute it."""
        return node.output.name in self.for_folds and self.is_made_again(node)

    def is_for_folds(self, node: Node) -> bool:
        """Whether all that reads the value, however often it is worked on, folds down columns. What
        is known of its readers is in `for_folds`."""
        readers = self.readers(node.output)
        return bool(readers) and not self.is_result(node) and all(
            alone(reader, self.ops)[0] is Kind.COLUMN
            or self.is_read_once(node.output, reader)
            or (is_pointwise(self.ops[reader.op]) and reader.output.name in self.for_folds)
            for reader in readers
        )  # fmt: skip

    def is_read_once(self, value: Value, reader: Node) -> bool:
        """Whether the reader is the gradient of a convolution's kernel with so few taps that it
        reads each slope once."""
        op = self.ops[reader.op]
        if op.family is not Family.CONTRACT:
            return False
        sums = op.contraction(reader, self.loads.reader.read)
        has_few_taps = sums.sliding and not sums.sliding.over_taps and sums.rows <= FEW_TAPS
        return bool(has_few_taps) and self.is_moved_to(value, reader.inputs[1])

    def is_moved_to(self, value: Value, end: Value) -> bool:
        """Whether `end` is the value, or the value with its elements moved."""
        while end.name != value.name:
            maker = self.producers.get(end.name)
            if maker is None or len(maker.inputs) != 1 or not is_virtual(self.ops[maker.op]):
                return False
            (end,) = maker.inputs
        return True

    def is_made_again(self, node: Node) -> bool:
        """Whether folds better compute the value than load it: others of its makers are loaded by
        neighbouring folds as well."""
        size = node.output.type.count
        if any(reach(one, self.ops) >= GROWTH * size for one in self.readers(node.output)):
            return False
        large = {load.value for load in self.loads.of_map(node) if load.value.type.count >= size}
        return (
            not self.ops[node.op].expensive
            and self.chain_cost(node) <= CHEAP
            and len(large) <= MOST_LOADED
        )

    def is_quick(self, node: Node) -> bool:
        """Whether the value costs nothing beside one load, and nobody needs it in memory."""
        cheap = not self.ops[node.op].expensive and self.chain_cost(node) <= QUICK
        return cheap and not self.is_result(node) and not self.is_read_many_times(node)

    def stays_virtual(self, node: Node) -> bool:
        """Whether what only moves elements is done by who reads it: always, but where each read
        would have to find its tensor among many, many times."""
        is_ladder = len(node.inputs) > MANY_PARTS and self.is_read_many_times(node)
        return not self.is_result(node) and not is_ladder

    def is_read_many_times(self, node: Node) -> bool:
        """Whether a reader reads each element many times."""
        families = (Family.CONTRACT, Family.SCATTER, Family.ATTEND, Family.LOOP)
        ops = (self.ops[reader.op] for reader in self.readers(node.output))
        return any(op.family in families or op.gathers or op.side_by_side for op in ops)

    def readers(self, value: Value) -> list[Node]:
        """The nodes that do more than move elements and read the value, however it is moved."""
        readers: list[Node] = []
        for node in self.consumers.get(value.name, ()):
            moved = is_virtual(self.ops[node.op])
            readers += self.readers(node.output) if moved else [node]
            if moved and self.is_result(node):
                readers.append(node)
        return readers

    def add_cost(self, node: Node) -> None:
        """Remember that the value is computed where it is read."""
        self.cost[node.output.name] = self.chain_cost(node)

    def chain_cost(self, node: Node) -> int:
        own = self.ops[node.op].flops(node) // max(node.output.type.count, 1)
        return own + sum(self.cost.get(value.name, 0) for value in node.inputs)


def reach(node: Node, ops: Mapping[str, Op]) -> int:
    """How many elements a reader computes: those it folds, or those it makes."""
    folds = ops[node.op].family is Family.REDUCE
    return node.inputs[0].type.count if folds else node.output.type.count


def runs_along(variable: Variable, part: Expression) -> bool:
    """Whether a part of an expression takes neighbours of a tensor as the variable goes up, or
    zeros, and chooses between them for all alike."""
    match part:
        case Load():
            return part.dtype == "f32" and part.position.coefficient(variable) == 1
        case Select():
            return not any(variable in one.index.variables() for one in part.conditions)
        case Constant():
            return part.value == 0
    return isinstance(part, Apply)
