"""A graph in, the same graph without the nodes that no output and no update needs out."""

from collections.abc import Iterable
from dataclasses import replace

from netc.compiler.ir.graph import Graph, Node
from netc.compiler.ir.scan import Scan


def remove_dead(graph: Graph) -> Graph:
    """Inputs stay, used or not: they are what the graph is called with."""
    nodes = needed_nodes(graph.nodes, {value.name for value in graph.results})
    return replace(graph, nodes=nodes)


def needed_nodes(nodes: Iterable[Node], needed: set[str]) -> tuple[Node, ...]:
    """The nodes that make what is needed; of a scan, only what is needed of it."""
    kept = []
    for node in reversed(tuple(nodes)):
        if any(value.name in needed for value in node.outputs):
            node = node if node.region is None else needed_scan(node, needed)
            needed |= {value.name for value in node.inputs}
            kept.append(node)
    return tuple(reversed(kept))


def needed_scan(node: Node, needed: set[str]) -> Node:
    """The scan without the results that nobody reads, in this step or in a later one."""
    scan = Scan.of(node)
    count = len(scan.starts)
    wanted = {i for i, value in enumerate(node.outputs) if value.name in needed}
    while True:
        results = {node.region.results[i].name for i in wanted}
        nodes = needed_nodes(node.region.nodes, set(results))
        read = results | {value.name for one in nodes for value in one.inputs}
        more = {i for i in range(count) if scan.carried[i].name in read}
        if more <= wanted:
            break
        wanted |= more

    def used(values, parameters):
        return tuple(v for v, p in zip(values, parameters, strict=True) if p.name in read)

    def live(values):
        return tuple(value for i, value in enumerate(values) if i in wanted)

    parameters = used(scan.rows, scan.rows) + live(scan.carried) + used(scan.given, scan.given)
    region = replace(
        node.region, parameters=parameters, nodes=nodes, results=live(node.region.results)
    )
    scan = replace(
        scan,
        sources=used(scan.sources, scan.rows),
        starts=live(scan.starts),
        shared=used(scan.shared, scan.given),
        region=region,
    )
    return replace(scan.put_into(node), outputs=live(node.outputs))
