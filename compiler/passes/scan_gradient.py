"""A scan and the gradients of its outputs in, a scan in the other direction out.

The gradient's region is the region's own reverse mode: it is given what arrives for each result in
this step and what later steps hand back for the carried values. What it reads of the forward
region is saved: one more output of the forward scan, unless it only moves elements.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Node, Region, Value
from netc.compiler.ir.scan import Scan, add_scan, last_row, rows_before, stacked_type
from netc.compiler.passes.rewrite import redirected

# walk(build, region, gradients, wanted): adds what the region hands on to the wanted parameters.
Walk = Callable[[Builder, Region, dict[str, Value], tuple[Value, ...]], None]


@dataclass
class Given:
    """What the gradient's region reads from outside: a parameter and an operand for each.

    `results` and `outputs` are those of the forward scan, which grow by what is saved.
    """

    build: Builder
    scan: Scan
    results: list[Value]
    outputs: list[Value]
    rows: list[tuple[Value, Value]] = field(default_factory=list)
    shared: list[tuple[Value, Value]] = field(default_factory=list)
    copies: list[Node] = field(default_factory=list)
    stands_for: dict[str, Value] = field(default_factory=dict)

    @classmethod
    def of(cls, build: Builder, node: Node) -> "Given":
        return cls(build, Scan.of(node), list(node.region.results), list(node.outputs))

    def need(self, value: Value) -> None:
        """Sees to it that something stands for a value of the forward region."""
        if value.name not in self.stands_for:
            self.stands_for[value.name] = self.provide(value)

    def provide(self, value: Value) -> Value:
        scan = self.scan
        if value in scan.rows:
            return self.parameter(value, scan.sources[scan.rows.index(value)], self.rows)
        if value in scan.given:
            return self.parameter(value, scan.shared[scan.given.index(value)], self.shared)
        if value in scan.carried:
            i = scan.carried.index(value)
            before = rows_before(self.build, scan, scan.starts[i], self.outputs[i])
            return self.parameter(value, before, self.rows)
        maker = next(node for node in scan.region.nodes if value in node.outputs)
        op = self.build.ops[maker.op]
        if op.moves_only and not op.gathers:
            return self.copy(maker)
        if value not in self.results:
            self.results.append(value)
            kind = stacked_type(value.type, scan.steps)
            self.outputs.append(Value(self.build.fresh("saved"), kind))
        return self.parameter(value, self.outputs[self.results.index(value)], self.rows)

    def parameter(
        self, value: Value, operand: Value, among: list[tuple[Value, Value]]
    ) -> Value:
        new = Value(self.build.fresh(value.name), value.type)
        among.append((new, operand))
        return new

    def copy(self, maker: Node) -> Value:
        for value in maker.inputs:
            self.need(value)
        new = Value(self.build.fresh(maker.output.name), maker.output.type)
        self.copies.append(replace(redirected(maker, self.stands_for), outputs=(new,)))
        return new


def scan_gradient(
    build: Builder, node: Node, upstream: Mapping[str, Value], smooth: set[str], walk: Walk
) -> tuple[Value | None, ...]:
    """The gradient by each operand of the scan, None where none is wanted.

    `upstream` has a gradient for some of its outputs, `smooth` names the operands that want one.
    The scan in `build` grows by the outputs that are saved.
    """
    place = next(i for i, one in enumerate(build.nodes) if one.output == node.output)
    scan = Scan.of(build.nodes[place])
    wanted = tuple(
        parameter
        for parameter, operand in zip(node.region.parameters, scan.operands, strict=True)
        if operand.name in smooth or (parameter in scan.carried and parameter.type.is_float)
    )
    given = Given.of(build, build.nodes[place])
    later = {
        one.name: Value(build.fresh("later"), one.type) for one in scan.carried if one in wanted
    }
    with build.apart() as nodes:
        gradients = arriving(given, node, upstream, later)
        walk(build, node.region, gradients, wanted)
        found = {
            one.name: gradients.get(one.name) or build.number(0.0, one.type) for one in wanted
        }
    made = {value.name for one in nodes for value in one.outputs}
    made |= {row.name for row, _ in given.rows} | {value.name for value in later.values()}
    for value in (*(value for one in nodes for value in one.inputs), *found.values()):
        if value.name not in made:
            given.need(value)
    build.nodes[place] = replace(
        build.nodes[place],
        region=replace(scan.region, results=tuple(given.results)),
        outputs=tuple(given.outputs),
    )
    back = backward(build, scan, given, nodes, later, found)
    return tuple(back.get(parameter.name) for parameter in node.region.parameters)


def arriving(
    given: Given, node: Node, upstream: Mapping[str, Value], later: Mapping[str, Value]
) -> dict[str, Value]:
    """What arrives in a step for each result: from outside, and from the step that ran before."""
    gradients: dict[str, Value] = {}
    for output, result in zip(node.outputs, node.region.results, strict=True):
        if output.name in upstream:
            new = Value(given.build.fresh("arriving"), result.type)
            given.rows.append((new, upstream[output.name]))
            join(given.build, gradients, result, new)
    for parameter, result in zip(given.scan.carried, given.scan.carries, strict=True):
        if parameter.name in later:
            join(given.build, gradients, result, later[parameter.name])
    return gradients


def join(build: Builder, gradients: dict[str, Value], result: Value, more: Value) -> None:
    known = gradients.get(result.name)
    gradients[result.name] = build.add(known, more) if known else more


def backward(
    build: Builder,
    scan: Scan,
    given: Given,
    nodes: list[Node],
    later: Mapping[str, Value],
    found: Mapping[str, Value],
) -> dict[str, Value]:
    """Adds the reversed scan; the gradient of each wanted operand by its parameter's name."""

    def now(name: str) -> Value:
        return given.stands_for.get(found[name].name, found[name])

    carried = list(later)
    others = [name for name in found if name not in later]
    region = Region(
        (*(row for row, _ in given.rows), *later.values(), *(one for one, _ in given.shared)),
        (*given.copies, *(redirected(node, given.stands_for) for node in nodes)),
        tuple(now(name) for name in (*carried, *others)),
    )
    starts = tuple(build.number(0.0, later[name].type) for name in carried)
    back = Scan(
        scan.steps, not scan.reverse, tuple(stack for _, stack in given.rows), starts,
        tuple(operand for _, operand in given.shared), region,
    )  # fmt: skip
    stacks = dict(zip((*carried, *others), add_scan(build, back), strict=True))
    shared = {value.name for value in scan.given}
    return {
        name: last_row(build, back, stack)
        if name in later
        else build.sum(stack, axes=(0,)) if name in shared else stack
        for name, stack in stacks.items()
    }
