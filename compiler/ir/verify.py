"""A graph in, nothing out: raises InternalError where the graph breaks a rule of the IR."""

from collections.abc import Iterable, Mapping, Set

from netc.compiler.ir.graph import Graph, Node, Role, Value
from netc.compiler.ir.operation import Op, OpError
from netc.compiler.ir.scan import Scan, stacked_type
from netc.compiler.ir.tensor import TensorType

PERSISTENT = tuple(role for role in Role if role is not Role.FIELD)


class InternalError(AssertionError):
    """The compiler broke its own rules: a fault of netc, never of the user."""


def verify(graph: Graph, ops: Mapping[str, Op], verified: Graph | None = None) -> None:
    """Every value is assigned once and before its use, with the type that its op's rule gives;
    updates give a persistent input, once, a value of its own type; outputs have different names.

    The very nodes of a graph that is `verified` already have the types of their ops.
    """
    typed = {id(node) for node in verified.nodes} if verified else frozenset()
    known: dict[str, Value] = {}
    for entry in graph.inputs:
        define(known, entry.value, entry.value)
    check_nodes(graph.nodes, known, ops, typed)
    names = [value.name for value in graph.values()]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InternalError(f"{graph.name}: %{twice} is assigned twice, in a region too")
    for output in graph.outputs:
        check_use(known, output.value, f"output {output.name}")
    names = [output.name for output in graph.outputs]
    if len(set(names)) != len(names):
        raise InternalError(f"{graph.name}: two outputs have one name in {', '.join(names)}")
    check_updates(graph, known)


def check_nodes(
    nodes: Iterable[Node],
    known: dict[str, Value],
    ops: Mapping[str, Op],
    typed: Set[int] = frozenset(),
) -> None:
    """Adds what the nodes make to what is known to them; those with the ids `typed` are right."""
    for node in nodes:
        for value in node.inputs:
            check_use(known, value, node.output)
        if id(node) not in typed:
            (check_scan if node.region else check_types)(node, ops)
        for value in node.outputs:
            define(known, value, node.output)


def check_scan(node: Node, ops: Mapping[str, Op]) -> None:
    """The region sees nothing but its parameters, which are what one step is given."""
    scan, where = Scan.of(node), str(node.output)
    if len(node.region.parameters) != len(node.inputs):
        raise InternalError(f"{where}: {len(node.inputs)} operands for other parameters")
    wanted = [stacked_type(value.type, scan.steps) for value in scan.rows]
    wanted += [value.type for value in (*scan.carried, *scan.given)]
    if wanted != [value.type for value in node.inputs]:
        raise InternalError(f"{where}: parameters of other types than the operands")
    known: dict[str, Value] = {}
    for value in node.region.parameters:
        define(known, value, where)
    check_nodes(node.region.nodes, known, ops)
    for value in node.region.results:
        check_use(known, value, where)
    if [value.type for value in scan.carries] != [value.type for value in scan.carried]:
        raise InternalError(f"{where}: what is carried changes its type")
    if scan.types != tuple(value.type for value in node.outputs):
        raise InternalError(f"{where}: gives {', '.join(map(str, scan.types))}")


def define(known: dict[str, Value], value: Value, where: object) -> None:
    if value.name in known:
        raise InternalError(f"{where}: %{value.name} is assigned twice")
    known[value.name] = value


def check_use(known: Mapping[str, Value], value: Value, where: object) -> None:
    if value.name not in known:
        raise InternalError(f"{where}: %{value.name} is used before it is made")
    if known[value.name] != value:
        raise InternalError(f"{where}: reads {value}, which was made as {known[value.name]}")


def check_types(node: Node, ops: Mapping[str, Op]) -> None:
    if node.op not in ops:
        raise InternalError(f"{node.output}: there is no op called {node.op}")
    try:
        expected = ops[node.op].type(*(value.type for value in node.inputs), **node.named)
    except (OpError, TypeError) as error:
        raise InternalError(f"{node.output}: {node.op} refuses its operands: {error}") from error
    expected = (expected,) if isinstance(expected, TensorType) else tuple(expected)
    if expected != tuple(value.type for value in node.outputs):
        types = ", ".join(map(str, expected))
        raise InternalError(f"{node.output}: {node.op} gives {types}")


def check_updates(graph: Graph, known: Mapping[str, Value]) -> None:
    persistent = {entry.value for entry in graph.inputs if entry.role in PERSISTENT}
    updated: set[str] = set()
    for update in graph.updates:
        where = f"update of {update.target}"
        if update.target not in persistent:
            raise InternalError(f"{where}: it is no input that lasts from step to step")
        if update.target.name in updated:
            raise InternalError(f"{where}: it is updated twice")
        check_use(known, update.value, where)
        if update.value.type != update.target.type:
            raise InternalError(f"{where}: the new value is {update.value}")
        updated.add(update.target.name)
