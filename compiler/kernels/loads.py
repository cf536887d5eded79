"""What a node would load as a member of a group: its loops in, every load of an element out."""

from collections.abc import Mapping

from netc.compiler.ir.graph import Node
from netc.compiler.ir.operation import Op
from netc.compiler.kernels.group import Kind, Reader, Space, row_index
from netc.compiler.scalar.expression import Load, LoadRow, find_loads
from netc.compiler.scalar.index import Index, loop, unravel

AnyLoad = Load | LoadRow


class Loads:
    """Loads of nodes, by the loops of their family. `reader` says what lies in memory so far, which
    stays the same for what a node reads once that was placed."""

    def __init__(self, ops: Mapping[str, Op], reader: Reader) -> None:
        self.ops, self.reader = ops, reader
        self.known: dict[str, list[AnyLoad]] = {}  # by the output of a node

    def at(self, node: Node, place: Index) -> list[AnyLoad]:
        """What a node that works element by element reads for the element at a position."""
        index = unravel(place, node.output.type.shape)
        return find_loads(self.reader.element(node, index))

    def of_map(self, node: Node) -> list[AnyLoad]:
        """What it reads for element i."""
        name = node.output.name
        if name not in self.known:
            self.known[name] = self.at(node, loop("i", node.output.type.count))
        return self.known[name]

    def of_fold(self, node: Node, space: Space) -> list[AnyLoad]:
        """What a fold reads for each element, a loop for each axis."""
        name = node.output.name
        if name not in self.known:
            index = tuple(loop(f"i{axis}", size) for axis, size in enumerate(space.shape))
            self.known[name] = find_loads(self.reader.read(node.inputs[0], index))
        return self.known[name]

    def of_fold_in(self, node: Node, kind: Kind, space: Space) -> list[AnyLoad]:
        """The same at the places of a kind of group: rows have loops of their own."""
        if kind is not Kind.ROW:
            return self.of_fold(node, space)
        index, _, _ = row_index(space)
        return find_loads(self.reader.read(node.inputs[0], index))

    def of_product(self, node: Node, alike: bool) -> list[AnyLoad]:
        """What the first product of a batch reads, where all are `alike`, else any of them."""
        contraction = self.ops[node.op].contraction(node, self.reader.read)
        b, m = loop("b", 1 if alike else contraction.batch), loop("m", contraction.rows)
        n, k = loop("n", contraction.columns), loop("k", contraction.depth)
        return find_loads(contraction.left(b, m, k)) + find_loads(contraction.right(b, k, n))

    def of_scatter(self, node: Node) -> list[AnyLoad]:
        scatter = self.ops[node.op].scatter(node, self.reader.read)
        k, c = loop("k", scatter.count), loop("c", scatter.columns)
        rate = find_loads(scatter.move.rate) if scatter.move else []
        return find_loads(scatter.row(k)) + find_loads(scatter.value(k, c)) + rate

    def of_attention(self, node: Node) -> list[AnyLoad]:
        operands = self.ops[node.op].attend(node, self.reader.read).operands
        return [load for one in operands.values() for load in find_loads(one)]
