"""A group of rows in; which of its members are known after each walk along a row out."""

from collections.abc import Iterator, Set

from netc.compiler.ir.graph import Node
from netc.compiler.kernels.group import Group, Reader, is_per_element
from netc.compiler.scalar.expression import find_loads
from netc.compiler.scalar.index import loop


class Walks:
    """What is known once per row, as are the `folds`, is known after a walk: what is needed per
    element comes in the next."""

    def __init__(self, group: Group, folds: Set[str], reader: Reader) -> None:
        self.group, self.folds, self.reader = group, folds, reader
        self.members = {value.name for value in group.values}

    def each(self) -> Iterator[list[Node]]:
        """The members that are first known in each walk."""
        depth = self.depths()
        for number in range(max(depth.values()) + 1):
            yield [node for node in self.group.nodes if depth[node.output.name] == number]

    def again(self, wide: list[Node], folds: list[Node]) -> list[Node]:
        """The per-element members that a walk needs: its own `wide` ones, and earlier ones once
        more."""
        needed = {node.output.name for node in wide}
        frontier = [*wide, *folds]
        while frontier:
            for name in self.reads(frontier.pop()):
                node = next(n for n in self.group.nodes if n.output.name == name)
                if name not in needed and name not in self.folds and self.is_wide(node):
                    needed.add(name)
                    frontier.append(node)
        return [node for node in self.group.nodes if node.output.name in needed]

    def depths(self) -> dict[str, int]:
        """The walk in which each member is first known."""
        depth: dict[str, int] = {}
        per_row: set[str] = set()
        for node in self.group.nodes:
            name = node.output.name
            waits = self.is_wide(node) or name in self.folds
            depth[name] = max(
                (depth[read] + (waits and read in per_row) for read in self.reads(node)), default=0
            )
            if name in self.folds or not self.is_wide(node):
                per_row.add(name)
        return depth

    def reads(self, node: Node) -> set[str]:
        """The members that a node reads, directly or through what is computed on the way."""
        is_fold = node.output.name in self.folds
        shape = self.group.space.shape if is_fold else node.output.type.shape
        index = tuple(loop(f"i{axis}", size) for axis, size in enumerate(shape))
        if is_fold:
            expression = self.reader.read(node.inputs[0], index)
        else:
            expression = self.reader.element(node, index)
        return {load.value.name for load in find_loads(expression)} & self.members

    def is_wide(self, node: Node) -> bool:
        return is_per_element(node.output, self.group.space)
