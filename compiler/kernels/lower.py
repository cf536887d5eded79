"""Lowering: one group in, one plan out: which loops, which expressions, which stores."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import prod

from netc.compiler.ir.graph import Graph, Input, Node, Output, Role
from netc.compiler.ir.operation import Family, Op
from netc.compiler.kernels.bodies import joined, loaded_once, numbered
from netc.compiler.kernels.contents import loaded_values, positions
from netc.compiler.kernels.group import (
    Group,
    Kind,
    Reader,
    Space,
    column_index,
    folded_index,
    is_per_element,
    row_index,
)
from netc.compiler.kernels.names import identifier, identifiers
from netc.compiler.kernels.plan import (
    Assign,
    AttendPlan,
    Body,
    ColumnPlan,
    Fold,
    Kernel,
    MapPlan,
    MatmulPlan,
    PoolPlan,
    RowPlan,
    ScatterPlan,
    SlidingPlan,
    SquaresPlan,
    Stage,
    Store,
    SumsPlan,
)
from netc.compiler.kernels.walks import Walks
from netc.compiler.scalar.expression import (
    Expression,
    Load,
    Local,
    Sliding,
    with_children,
)
from netc.compiler.scalar.index import Index, Variable, as_index, linear, loop, unravel

Cut = Callable[[Graph, Mapping[str, Op]], tuple[Group, ...]]


def lower(graph: Graph, cut: Cut, ops: Mapping[str, Op]) -> tuple[Kernel, ...]:
    """The kernels of a graph in the order in which they run; `cut` finds its groups."""
    names = identifiers(value.name for value in graph.values())
    return tuple(lower_groups(graph, cut, ops, names))


def lower_groups(
    graph: Graph,
    cut: Cut,
    ops: Mapping[str, Op],
    names: Mapping[str, str],
    scan: Node | None = None,
    number: int = 1,
) -> Iterator[Kernel]:
    """A kernel for each group, and those of the region for each scan, counted from `number`."""
    groups = cut(graph, ops)
    stored = {value.name for group in groups for value in group.stored}
    stored |= {entry.value.name for entry in graph.inputs}
    producers = graph.producers()
    for group in groups:
        if group.kind is Kind.LOOP:
            region = region_graph(group.anchor)
            kernels = tuple(lower_groups(region, cut, ops, names, group.anchor, number))
        else:
            kernel = Lowering(producers, group, ops, stored, names).kernel(number)
            kernels = (replace(kernel, scan=scan),)
        yield from kernels
        number += len(kernels)


def region_graph(node: Node) -> Graph:
    """The region of a scan as a graph: its parameters lie in memory, and so do its results."""
    region = node.region
    assert region is not None
    inputs = tuple(Input(value, Role.FIELD) for value in region.parameters)
    outputs = tuple(Output(value.name, value) for value in region.results)
    return Graph(node.output.name, inputs, region.nodes, outputs)


class Lowering:
    """The lowering of one group."""

    def __init__(
        self,
        producers: Mapping[str, Node],
        group: Group,
        ops: Mapping[str, Op],
        in_memory: set[str],
        names: Mapping[str, str],
    ) -> None:
        self.group, self.ops, self.names = group, ops, names
        self.members = {value.name for value in group.values}
        self.reader = Reader(
            producers, ops, lambda v: v.name in in_memory or v.name in self.members
        )
        # what others of the group are the parts of: each part is stored at its place in the whole
        self.wholes = [
            node
            for node in group.nodes
            if ops[node.op].place and all(value.name in self.members for value in node.inputs)
        ]
        self.folds = {
            node.output.name for node in group.nodes if ops[node.op].family is Family.REDUCE
        }
        sums = {group.anchor.output.name} if group.kind is Kind.MATMUL else set()
        self.known = self.folds | sums
        self.products: dict[Load, str] = {}  # of a square, at the place that the loops have reached

    def kernel(self, number: int) -> Kernel:
        makers = {
            Kind.MAP: self.map_plan,
            Kind.ROW: self.row_plan,
            Kind.COLUMN: self.column_plan,
            Kind.MATMUL: self.squares_plan if self.group.squares else self.matmul_plan,
            Kind.SCATTER: self.scatter_plan,
            Kind.ATTENTION: self.attend_plan,
        }
        plan = makers[self.group.kind]()
        reads = tuple(value for value in loaded_values(plan) if value not in self.group.stored)
        flops = sum(self.ops[node.op].flops(node) for node in self.group.nodes)
        name = kernel_name(number, self.group)
        names = {value.name: self.names[value.name] for value in (*reads, *self.group.stored)}
        return Kernel(name, self.group, plan, reads, self.group.stored, flops, names)

    # --- the kinds --------------------------------------------------------------------------

    def map_plan(self) -> MapPlan:
        if self.ops[self.group.anchor.op].side_by_side:
            return self.side_by_side_plan()
        count = self.group.nodes[0].output.type.count
        parts = (node for node in self.group.nodes if node not in self.wholes)
        shape = max((node.output.type.shape for node in parts), key=len)
        flat = MapPlan(Variable("o", 1), Variable("i", count), self.body(loop("i", count)))
        if not shape or not any(position.has_division for position in positions(flat.body)):
            return flat
        inner = shape[-1]
        place = loop("o", count // inner) * inner + loop("i", inner)
        return MapPlan(Variable("o", count // inner), Variable("i", inner), self.body(place))

    def side_by_side_plan(self) -> MapPlan:
        """The loops run over the other axes: a step makes all elements along those of the anchor's
        that are made at once."""
        anchor = self.group.anchor
        axes, shape = self.ops[anchor.op].side_by_side(anchor), anchor.output.type.shape
        rest = tuple(size for axis, size in enumerate(shape) if axis not in axes)
        outer, inner = Variable("o", prod(rest[:-1])), Variable("i", prod(rest[-1:]))
        place = loop(outer.name, outer.extent) * inner.extent + loop(inner.name, inner.extent)
        return MapPlan(outer, inner, loaded_once(self.square(anchor, place)))

    def square(self, node: Node, place: Index) -> Body:
        """All elements along the axes of a node that are made at once, at a row-major position of
        the others; and what follows them."""
        shape, axes = node.output.type.shape, self.ops[node.op].side_by_side(node)
        rest = tuple(axis for axis in range(len(shape)) if axis not in axes)
        around = unravel(place, tuple(shape[axis] for axis in rest))
        bodies = []
        for number, spots in enumerate(product(*(range(shape[axis]) for axis in axes))):
            index = dict(zip(rest, around, strict=True))
            index |= dict(zip(axes, map(as_index, spots), strict=True))
            position = linear(tuple(index[axis] for axis in range(len(shape))), shape)
            bodies.append(numbered(self.body(position), number))
        return joined(bodies)

    def squares_plan(self) -> SquaresPlan:
        anchor, combined = self.group.nodes[:2]
        sums = self.ops[anchor.op].contraction(anchor, self.reader.read)
        count = prod(combined.inputs[0].type.shape[:2])
        each = sums.batch // count
        b, m = Variable("b", each), Variable("m", sums.rows)
        n, k = Variable("n", sums.columns), Variable("k", sums.depth)
        bi, mi, ni, ki = (loop(v.name, v.extent) for v in (b, m, n, k))
        batches = [bi + number * each for number in range(count)]
        place = (bi * sums.rows + mi) * sums.columns + ni
        names = tuple(f"{self.names[anchor.output.name]}_at{number}" for number in range(count))
        self.products = {
            Load(anchor.output, (at * sums.rows + mi) * sums.columns + ni): name
            for at, name in zip(batches, names, strict=True)
        }
        return SquaresPlan(
            b, m, n, k,
            tuple(sums.left(at, mi, ki) for at in batches),
            tuple(sums.right(at, ki, ni) for at in batches),
            names,
            self.square(combined, place),
        )  # fmt: skip

    def matmul_plan(self) -> MatmulPlan:
        anchor = self.group.anchor
        sums = self.ops[anchor.op].contraction(anchor, self.reader.read)
        b, m = Variable("b", sums.batch), Variable("m", sums.rows)
        n, k = Variable("n", sums.columns), Variable("k", sums.depth)
        bi, mi, ni, ki = (loop(v.name, v.extent) for v in (b, m, n, k))
        place = (bi * sums.rows + mi) * sums.columns + ni
        after = self.body(place, self.unpooled())
        left, right = sums.left(bi, mi, ki), sums.right(bi, ki, ni)
        result = self.names[anchor.output.name]
        plan = MatmulPlan(b, m, n, k, left, right, result, after, sums.precision)
        if sums.sliding is None:
            return plan
        sliding, pool = sliding_plan(sums.sliding, anchor), self.group.pool and self.pool_plan()
        totals = self.group.sums and self.sums_plan(bi * sums.columns + ni)
        return replace(plan, sliding=sliding, pool=pool, sums=totals)

    def sums_plan(self, place: Index) -> SumsPlan:
        node = self.group.sums
        return SumsPlan(self.names[node.output.name], self.body(place, [node]))

    def pool_plan(self) -> PoolPlan:
        pool, images = self.group.pool, self.group.anchor.output.type.shape
        nodes = [node for node in self.group.nodes if node not in self.unpooled()]
        o, k, j = column_index(pool.space)
        index, tap = folded_index(pool.space, o, k, j), pool.position(images, o, k, j)
        folds = tuple(
            self.fold(node, self.local(self.reader.read(node.inputs[0], index), tap, tap))
            for node in nodes
            if node.output.name in self.folds
        )
        after = self.body(o * pool.space.inner + j, nodes)
        columns = ColumnPlan(*column_loops(pool.space), folds, after)
        return PoolPlan(pool.size, pool.places, columns)

    def unpooled(self) -> list[Node]:
        """The members that belong neither to a pool nor to the sums of the right side."""
        pool, sums = self.group.pool, self.group.sums
        return [
            node
            for node in self.group.nodes
            if node is not sums and (pool is None or node.output.type.count != pool.space.rows)
        ]

    def scatter_plan(self) -> ScatterPlan:
        anchor = self.group.anchor
        sums = self.ops[anchor.op].scatter(anchor, self.reader.read)
        k, c = Variable("k", sums.count), Variable("c", sums.columns)
        item, column = loop(k.name, k.extent), loop(c.name, c.extent)
        place, value = sums.row(item), sums.value(item, column)
        return ScatterPlan(sums.rows, c, k, place, value, anchor.output, sums.move)

    def attend_plan(self) -> AttendPlan:
        anchor = self.group.anchor
        sums = self.ops[anchor.op].attend(anchor, self.reader.read)
        operands = tuple(sums.operands.items())
        return AttendPlan(sums.form, *sums.variables, sums.causal, operands, anchor.output)

    def column_plan(self) -> ColumnPlan:
        space = self.group.space
        o, k, j = column_index(space)
        index = folded_index(space, o, k, j)
        folds = tuple(
            self.fold(node, self.reader.read(node.inputs[0], index))
            for node in self.group.nodes
            if node.output.name in self.folds
        )
        return ColumnPlan(*column_loops(space), folds, self.body(o * space.inner + j))

    def row_plan(self) -> RowPlan:
        space = self.group.space
        index, row, column = row_index(space)
        full = row * space.columns + column
        walks = Walks(self.group, self.folds, self.reader)
        stages = []
        for nodes in walks.each():
            folds = [node for node in nodes if node.output.name in self.folds]
            rest = [node for node in nodes if node not in folds]
            wide = [node for node in rest if is_per_element(node.output, self.group.space)]
            narrow = [node for node in rest if not is_per_element(node.output, self.group.space)]
            needed = walks.again(wide, folds)
            stages.append(
                Stage(
                    Body(
                        tuple(self.assign(node, full, row) for node in needed),
                        self.stores(wide, full),
                    ),
                    tuple(
                        self.fold(
                            node, self.local(self.reader.read(node.inputs[0], index), full, row)
                        )
                        for node in folds
                    ),
                    Body(
                        tuple(self.assign(node, row, row) for node in narrow),
                        self.stores([*folds, *narrow], row),
                    ),
                )
            )
        return RowPlan(Variable("r", space.rows), Variable("c", space.columns), tuple(stages))

    # --- pieces -----------------------------------------------------------------------------

    def body(self, place: Index, members: Sequence[Node] = ()) -> Body:
        """All members, or these, but folds, sums and wholes at a row-major position, and the stores
        of all."""
        parts = [node for node in members or self.group.nodes if node not in self.wholes]
        nodes = [node for node in parts if node.output.name not in self.known]
        assigns = tuple(self.assign(node, place, place) for node in nodes)
        of_parts = (store for node in self.wholes for store in self.part_stores(node, place))
        return Body(assigns, (*self.stores(parts, place), *of_parts))

    def assign(self, node: Node, place: Index, row: Index) -> Assign:
        value = node.output
        expression = self.reader.element(node, unravel(place, value.type.shape))
        local = self.local(expression, place, row)
        return Assign(self.names[value.name], value.type.dtype, local)

    def fold(self, node: Node, expression: Expression) -> Fold:
        value = node.output
        return Fold(self.names[value.name], node.op, value.type.dtype, expression)

    def stores(self, nodes, place: Index) -> tuple[Store, ...]:
        values = (value for node in nodes for value in node.outputs)
        return tuple(
            Store(value, place, Local(self.names[value.name], value.type.dtype))
            for value in values
            if value in self.group.stored
        )

    def part_stores(self, node: Node, place: Index) -> Iterator[Store]:
        """The stores of the parts of a whole, where a part is at a row-major position."""
        whole = node.output
        for number, part in enumerate(node.inputs):
            index = self.ops[node.op].place(node, number, unravel(place, part.type.shape))
            local = Local(self.names[part.name], part.type.dtype)
            yield Store(whole, linear(index, whole.type.shape), local)

    def local(self, expression: Expression, place: Index, row: Index) -> Expression:
        """Reads of members become the variables that hold them."""
        if isinstance(expression, Load) and expression in self.products:
            return Local(self.products[expression], expression.dtype)
        if isinstance(expression, Load) and expression.value.name in self.members:
            assert expression.position in (place, row), f"{expression} is read out of place"
            return Local(self.names[expression.value.name], expression.dtype)
        return with_children(expression, lambda part: self.local(part, place, row))


def column_loops(space: Space) -> tuple[Variable, Variable, Variable]:
    """The loops of a fold down columns: outer, folded, and neighbours in memory."""
    outer = space.rows // space.inner
    return Variable("o", outer), Variable("k", space.columns), Variable("j", space.inner)


def sliding_plan(sliding: Sliding, node: Node) -> SlidingPlan:
    """The images are the node's first operand."""
    sizes = node.inputs[0].type.shape
    places = [Variable(name, size) for name, size in zip("puvc", sizes, strict=True)]
    pixel = sliding.pixel(*(loop(place.name, place.extent) for place in places))
    return SlidingPlan(*places, sliding.geometry, sliding.over_taps, pixel)


def kernel_name(number: int, group: Group) -> str:
    """k07_conv2d_1_forward: where the group's anchor comes from, without the net around it."""
    anchor = group.anchor
    path = anchor.origin.path.split(".")
    place = "_".join(path[1:] or path) or anchor.op
    return f"k{number:02d}_{identifier(place)}_{anchor.origin.phase}"
