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
    """What the gradient's region reads from outside: a parameter and an operand for each."""

    rows: list[tuple[Value, Value]] = field(default_factory=list)
    shared: list[tuple[Value, Value]] = field(default_factory=list)
    copies: list[Node] = field(default_factory=list)
    stands_for: dict[str, Value] = field(default_factory=dict)


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
    given, later = Given(), {}
    with build.apart() as nodes:
        gradients: dict[str, Value] = {}
        for output, result in zip(node.outputs, node.region.results, strict=False):
            if output.name in upstream:
                arriving = Value(build.fresh("arriving"), result.type)
                given.rows.append((arriving, upstream[output.name]))
                join(build, gradients, result, arriving)
        for parameter, result in zip(scan.carried, scan.carries, strict=True):
            if parameter in wanted:
                later[parameter.name] = Value(build.fresh("later"), parameter.type)
                join(build, gradients, result, later[parameter.name])
        walk(build, node.region, gradients, wanted)
        found = {
            one.name: gradients.get(one.name) or build.number(0.0, one.type) for one in wanted
        }
    build.nodes[place] = save(build, build.nodes[place], given, nodes, later, found)
    back = backward(build, scan, given, nodes, later, found)
    return tuple(
        back.get(parameter.name) for parameter in node.region.parameters
    )


def join(build: Builder, gradients: dict[str, Value], result: Value, arriving: Value) -> None:
    known = gradients.get(result.name)
    gradients[result.name] = build.add(known, arriving) if known else arriving


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


def save(
    build: Builder,
    node: Node,
    given: Given,
    nodes: list[Node],
    later: Mapping[str, Value],
    found: Mapping[str, Value],
) -> Node:
    """Gives the gradient's region all that it reads; the forward scan with what is saved for it."""
    scan = Scan.of(node)
    makers = {value.name: one for one in node.region.nodes for value in one.outputs}
    made = {value.name for one in nodes for value in one.outputs}
    made |= {row.name for row, _ in given.rows} | {value.name for value in later.values()}
    results, outputs = list(node.region.results), list(node.outputs)

    def parameter(value: Value, operand: Value, among: list[tuple[Value, Value]]) -> Value:
        new = Value(build.fresh(value.name), value.type)
        among.append((new, operand))
        return new

    def provide(value: Value) -> Value:
        """What stands for a value of the forward region."""
        if value in scan.rows:
            return parameter(value, scan.sources[scan.rows.index(value)], given.rows)
        if value in scan.given:
            return parameter(value, scan.shared[scan.given.index(value)], given.shared)
        if value in scan.carried:
            i = scan.carried.index(value)
            before = rows_before(build, scan, scan.starts[i], outputs[i])
            return parameter(value, before, given.rows)
        maker = makers[value.name]
        op = build.ops[maker.op]
        if op.moves_only and not op.gathers:
            return copy(maker)
        if value not in results:
            results.append(value)
            outputs.append(Value(build.fresh("saved"), stacked_type(value.type, scan.steps)))
        return parameter(value, outputs[results.index(value)], given.rows)

    def copy(maker: Node) -> Value:
        for value in maker.inputs:
            stand_in(value)
        new = Value(build.fresh(maker.output.name), maker.output.type)
        given.copies.append(replace(redirected(maker, given.stands_for), outputs=(new,)))
        return new

    def stand_in(value: Value) -> None:
        if value.name not in made and value.name not in given.stands_for:
            given.stands_for[value.name] = provide(value)

    for value in (*(value for one in nodes for value in one.inputs), *found.values()):
        stand_in(value)
    region = replace(node.region, results=tuple(results))
    return replace(node, region=region, outputs=tuple(outputs))
