"""A graph in, the graph whose scans do no more in each step than a step must out.

What does not depend on what is carried is made for all steps before the scan, and what nothing
carried depends on is made after it: products with many rows instead of many products. A product of
parts side by side, of which some are carried, is first cut into a product for each.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from netc.compiler.ir.builder import Builder, is_pointwise
from netc.compiler.ir.graph import Graph, Node, Region, Value
from netc.compiler.ir.operation import Family, Op
from netc.compiler.ir.scan import Scan, rows_before, rows_between, stacked_type
from netc.compiler.passes.all_steps import rule_for
from netc.compiler.passes.fold import number_of
from netc.compiler.passes.remove_dead import needed_scan
from netc.compiler.passes.rewrite import (
    Producers,
    Rule,
    redirect,
    redirected,
    rewrite,
    rewrite_region,
)

HEAVY = (Family.CONTRACT, Family.REDUCE)


def hoist(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """Every scan with as little in its region as possible."""
    if not any(node.region for node in graph.nodes):
        return graph
    build = Builder.extending(ops, graph)
    build.nodes = []
    stands_for: dict[str, Value] = {}
    for node in graph.nodes:
        node = redirected(node, stands_for)
        if node.region is None:
            build.nodes.append(node)
            continue
        with build.at(node.origin):
            node = turn_given(build, before(build, cut_products(build, node)))
            stands_for |= after(build, node)
    whole = redirect(replace(graph, nodes=tuple(build.nodes)), stands_for)
    rules: tuple[Rule, ...] = (add_up_pads, leave_out_zeros, add_up_products, add_up_sums)
    while (simpler := rewrite(whole, ops, lambda one: rules if one.op == "sum" else ())) != whole:
        whole = simpler
    return whole


# --- what depends on what -----------------------------------------------------------------------


def reached(nodes: Iterable[Node], values: Iterable[Value]) -> set[str]:
    """The names of the values and of all that is made from them."""
    found = {value.name for value in values}
    for node in nodes:
        if any(value.name in found for value in node.inputs):
            found |= {value.name for value in node.outputs}
    return found


def needed(nodes: tuple[Node, ...], values: Iterable[Value]) -> set[str]:
    """The names of the values and of all that they are made from."""
    found = {value.name for value in values}
    for node in reversed(nodes):
        if any(value.name in found for value in node.outputs):
            found |= {value.name for value in node.inputs}
    return found


def only_moves(node: Node | None, ops: Mapping[str, Op]) -> bool:
    return node is not None and ops[node.op].moves_only and not ops[node.op].gathers


def makers(region: Region) -> dict[str, Node]:
    return {value.name: node for node in region.nodes for value in node.outputs}


# --- products of parts --------------------------------------------------------------------------


def cut_products(build: Builder, node: Node) -> Node:
    """concat(x, h) @ w -> x @ w's first rows + h @ its last rows, where h is carried and x is not;
    and what is added to the sum and is not carried is added to the part that is not."""
    scan = Scan.of(node)
    late = reached(node.region.nodes, scan.carried)

    def is_late(value: Value, producers: Producers) -> bool:
        maker = producers.get(value.name)
        if value.name in late or maker is None:
            return value.name in late
        return any(is_late(one, producers) for one in maker.inputs)

    def cut(build: Builder, product: Node, producers: Producers) -> Value | None:
        a, b = product.inputs
        maker, rank = producers.get(a.name), len(a.type.shape)
        if maker is None or maker.op != "concat" or maker.named["axis"] != rank - 1 or rank != 2:
            return None
        if len({is_late(part, producers) for part in maker.inputs}) < 2:
            return None
        parts, place = [], 0
        for part in maker.inputs:
            depth, columns = part.type.shape[1], b.type.shape[1]
            rows = build.slice(b, starts=(place, 0), stops=(place + depth, columns), steps=(1, 1))
            parts.append((is_late(part, producers), build.matmul(part, rows, **product.named)))
            place += depth
        total, *others = (value for _, value in sorted(parts, key=lambda one: one[0]))
        for other in others:
            total = build.add(total, other)
        return total

    def regroup(build: Builder, total: Node, producers: Producers) -> Value | None:
        a, b = total.inputs
        inner = producers.get(a.name)
        if inner is None or inner.op != "add" or is_late(b, producers):
            return None
        early, other = inner.inputs
        if is_late(early, producers) or not is_late(other, producers):
            return None
        return build.add(build.add(early, b), other)

    rules = {"matmul": (cut,), "add": (regroup,)}
    region = rewrite_region(build, node.region, lambda one: rules.get(one.op, ()))
    return replace(node, region=region)


# --- before the scan ----------------------------------------------------------------------------


def before(build: Builder, node: Node) -> Node:
    """The scan with its heavy early values as sources; they are made in front of it."""
    scan, ops = Scan.of(node), build.ops
    early = early_nodes(scan, ops)
    chosen = worth_it(scan, early, ops)
    if not chosen:
        return node
    known = {row.name: stack for row, stack in zip(scan.rows, scan.sources, strict=True)}
    stacked = set(known)
    known |= {one.name: value for one, value in zip(scan.given, scan.shared, strict=True)}
    cone = needed(tuple(early), [one.output for one in chosen])
    for one in early:
        if one.output.name not in cone:
            continue
        known[one.output.name] = for_all_steps(build, one, known, stacked, scan.steps)
    rows = tuple(one.output for one in chosen)
    region = Region(
        scan.rows + rows + scan.carried + scan.given,
        tuple(one for one in scan.region.nodes if one not in chosen),
        scan.region.results,
    )
    sources = scan.sources + tuple(known[row.name] for row in rows)
    node = replace(scan, sources=sources, region=region).put_into(node)
    return needed_scan(node, {value.name for value in node.outputs})


def turn_given(build: Builder, node: Node) -> Node:
    """The scan with what its products read of a shared value by columns turned in front of it, once
    for all steps."""
    scan, ops = Scan.of(node), build.ops
    shared = {one.name: value for one, value in zip(scan.given, scan.shared, strict=True)}
    products = (one for one in scan.region.nodes if ops[one.op].family is Family.CONTRACT)
    read = {value.name for one in products for value in one.inputs}
    turned = [
        one
        for one in scan.region.nodes
        if one.op == "transpose" and one.inputs[0].name in shared and one.output.name in read
    ]
    if not turned or scan.steps == 1:
        return node
    made = tuple(build.transpose(shared[one.inputs[0].name], **one.named) for one in turned)
    region = Region(
        scan.region.parameters + tuple(one.output for one in turned),
        tuple(one for one in scan.region.nodes if one not in turned),
        scan.region.results,
    )
    node = replace(scan, shared=scan.shared + made, region=region).put_into(node)
    return needed_scan(node, {value.name for value in node.outputs})


def early_nodes(scan: Scan, ops: Mapping[str, Op]) -> list[Node]:
    """The nodes that nothing carried reaches and that can be made for all steps at once."""
    found = []
    known = {value.name for value in scan.rows + scan.given}
    stacked = {value.name for value in scan.rows}
    for node in scan.region.nodes:
        if not all(value.name in known for value in node.inputs):
            continue
        differs = any(value.name in stacked for value in node.inputs)
        if differs and rule_for(node, ops, stacked) is None or node.region is not None:
            continue
        found.append(node)
        known.add(node.output.name)
        stacked |= {node.output.name} if differs else set()
    return found


def worth_it(scan: Scan, early: list[Node], ops: Mapping[str, Op]) -> list[Node]:
    """The heavy ones that differ from step to step, and what is made of them element by element."""
    differs = reached(early, scan.rows)
    by_name = {node.output.name: node for node in early}
    chosen: dict[str, Node] = {}
    for node in early:
        op, name = ops[node.op], node.output.name
        is_heavy = name in differs and (op.family in HEAVY or op.gathers)
        goes_on = is_pointwise(op) and any(
            value.name in chosen and value.type.count >= node.output.type.count
            for value in node.inputs
        )
        if is_heavy or goes_on:
            chosen[name] = node
    results = {value.name for value in scan.region.results}
    readers = {
        value.name
        for node in scan.region.nodes
        if node.output.name not in chosen
        for value in node.inputs
    }
    return [by_name[name] for name in chosen if name in readers | results]


def for_all_steps(
    build: Builder, node: Node, known: Mapping[str, Value], stacked: set[str], steps: int
) -> Value:
    """The node's value outside of the region; `stacked` then says whether it has an axis of steps.
    What is the same in every step is made once."""
    operands = tuple(known[value.name] for value in node.inputs)
    with build.at(node.origin):
        if not any(value.name in stacked for value in node.inputs):
            return build.apply(node.op, *operands, **node.named)
        rule = rule_for(node, build.ops, stacked)
        assert rule is not None, f"{node.output} cannot leave its region"
        stacked.add(node.output.name)
        return rule(build, node, operands, steps)


# --- after the scan -----------------------------------------------------------------------------


def after(build: Builder, node: Node) -> dict[str, Value]:
    """Adds the scan without what can be made behind it, and that behind it; what stands for those
    of its outputs that the scan no longer has."""
    scan, ops = Scan.of(node), build.ops
    moved = late_nodes(scan, ops)
    makes = {one.output.name for one in moved}
    by_name = makers(scan.region)
    results, outputs = list(scan.region.results), list(node.outputs)
    place = len(build.nodes)
    known: dict[str, Value] = {}
    stacked: set[str] = set()

    def provide(value: Value) -> None:
        """The value for all steps, of what stays in the region as one more output of it."""
        if value.name in known:
            return
        if value in scan.given:
            known[value.name] = scan.shared[scan.given.index(value)]
            return
        maker = by_name.get(value.name)
        if value.name in makes or (value not in results and only_moves(maker, ops)):
            for one in maker.inputs:
                provide(one)
            known[value.name] = for_all_steps(build, maker, known, stacked, scan.steps)
            return
        stacked.add(value.name)
        if value in scan.rows:
            known[value.name] = scan.sources[scan.rows.index(value)]
        elif value in scan.carried:
            i = scan.carried.index(value)
            known[value.name] = rows_before(build, scan, scan.starts[i], outputs[i])
        else:
            if value not in results:
                results.append(value)
                kind = stacked_type(value.type, scan.steps)
                outputs.append(Value(build.fresh(node.output.name), kind))
            known[value.name] = outputs[results.index(value)]

    stands_for = {}
    for output, result in zip(node.outputs, scan.region.results, strict=True):
        if result.name in makes:
            provide(result)
            stands_for[output.name] = known[result.name]
    kept = [i for i, value in enumerate(results) if value.name not in makes]
    region = replace(scan.region, results=tuple(results[i] for i in kept))
    smaller = replace(node, region=region, outputs=tuple(outputs[i] for i in kept))
    if kept:
        names = {value.name for value in smaller.outputs}
        build.nodes.insert(place, needed_scan(smaller, names))
    return stands_for


def late_nodes(scan: Scan, ops: Mapping[str, Op]) -> list[Node]:
    """The heavy nodes that nothing carried needs, and all that is made from them."""
    nodes = scan.region.nodes
    inner = needed(nodes, scan.carries)
    differs = reached(nodes, scan.rows + scan.carried)
    found: dict[str, Node] = {}
    for node in nodes:
        name = node.output.name
        reads_late = any(value.name in found for value in node.inputs)
        is_heavy = ops[node.op].family in HEAVY and name in differs
        if name not in inner and (is_heavy or reads_late):
            found[name] = node
    while True:
        stays = {
            name
            for name, node in found.items()
            if rule_for(node, ops, differs) is None
            or any(name in names_read(one) for one in nodes if one.output.name not in found)
        }
        if not stays:
            return list(found.values())
        found = {name: node for name, node in found.items() if name not in stays}


def names_read(node: Node) -> set[str]:
    return {value.name for value in node.inputs}


# --- sums over the steps ------------------------------------------------------------------------


def add_up_pads(build: Builder, node: Node, producers: Producers) -> Value | None:
    """The sum of what is padded with zeros in each step -> the padded sum."""
    maker = producers.get(node.inputs[0].name)
    if maker is None or maker.op != "pad" or node.named["axes"] != (0,):
        return None
    named, rank = maker.named, len(node.inputs[0].type.shape)
    apart = named.get("steps") or (1,) * rank
    if named["value"] != 0 or (named["low"][0], named["high"][0], apart[0]) != (0, 0, 1):
        return None
    total = build.sum(maker.inputs[0], axes=(0,))
    return build.pad(
        total, low=named["low"][1:], high=named["high"][1:], value=named["value"], steps=apart[1:]
    )


def leave_out_zeros(build: Builder, node: Node, producers: Producers) -> Value | None:
    """The sum of a product for each step, where what is carried starts as zeros -> the sum of the
    other steps."""
    maker = producers.get(node.inputs[0].name)
    if maker is None or maker.op != "matmul" or node.named["axes"] != (0,):
        return None
    for side, value in enumerate(maker.inputs):
        if found := without_zeros(build, value, producers):
            rest, first = found
            last = first + rest.type.shape[0]
            sides = [rows_between(build, one, first, last) for one in maker.inputs]
            sides[side] = rest
            return build.sum(build.matmul(*sides, **maker.named), axes=(0,))
    return None


def without_zeros(
    build: Builder, value: Value, producers: Producers
) -> tuple[Value, int] | None:
    """The steps of a stack that are more than zeros, and the first of them; None if all may be."""
    maker = producers.get(value.name)
    if maker and maker.op == "transpose" and maker.named["axes"][0] == 0:
        found = without_zeros(build, maker.inputs[0], producers)
        return found and (build.transpose(found[0], **maker.named), found[1])
    if maker is None or maker.op != "concat" or maker.named["axis"] != 0 or len(maker.inputs) != 2:
        return None
    head, tail = maker.inputs
    if is_zero(head, producers):
        return tail, head.type.shape[0]
    return (head, 0) if is_zero(tail, producers) else None


def is_zero(value: Value, producers: Producers) -> bool:
    maker = producers.get(value.name)
    if maker and maker.op in ("reshape", "broadcast"):
        return is_zero(maker.inputs[0], producers)
    return number_of(value, producers) == 0


def add_up_products(build: Builder, node: Node, producers: Producers) -> Value | None:
    """The sum of a product for each step -> one product, as deep as all of them."""
    maker = producers.get(node.inputs[0].name)
    if maker is None or maker.op != "matmul" or node.named["axes"] != (0,):
        return None
    a, b = maker.inputs
    if len(a.type.shape) != 3:
        return None
    steps, rows, depth = a.type.shape
    wide = build.reshape(build.transpose(a, axes=(1, 0, 2)), shape=(rows, steps * depth))
    tall = build.reshape(b, shape=(steps * depth, b.type.shape[-1]))
    return build.matmul(wide, tall, **maker.named)


def add_up_sums(build: Builder, node: Node, producers: Producers) -> Value | None:
    """The sum over the steps of a sum in each -> one sum."""
    maker = producers.get(node.inputs[0].name)
    if maker is None or maker.op != "sum" or node.named["axes"] != (0,):
        return None
    inner = maker.named["axes"]
    outer = next(a for a in range(len(inner) + 1) if a not in inner)
    return build.sum(maker.inputs[0], axes=tuple(sorted((outer, *inner))))
