"""A training step in; one whose tables move only in the rows that a batch names, where that is so.

Plain sgd moves a weight by its gradient alone. That of a table is a sum of rows at the places that
the batch names, and zero everywhere else: there is no need to write it down.
"""

from collections.abc import Mapping
from dataclasses import replace

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Node, Role, Update, Value
from netc.compiler.ir.operation import Op

ENDING = ".room"


def move_rows(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """Each update of a weight by `weight - scatter_rows(indices, values) * rate` becomes a
    `move_rows`, where the table has more rows than the batch names.

    Adds inputs `<weight>.room` (Role.ROOM).
    """
    build = Builder.extending(ops, graph)
    producers, readers = graph.producers(), graph.consumers()
    updates = []
    for update in graph.updates:
        parts = parts_of(update, producers)
        if parts and not readers.get(update.value.name) and pays(update.target, parts[0]):
            updates.append(Update(update.target, moved(build, update.target, *parts, producers)))
        else:
            updates.append(update)
    return build.graph(graph.name, graph.outputs, tuple(updates))


def pays(table: Value, indices: Value) -> bool:
    return table.type.shape[0] > indices.type.count


def parts_of(
    update: Update, producers: Mapping[str, Node]
) -> tuple[Value, Value, Value] | None:
    """The indices, the values and the rate of an update that only moves the rows they name."""
    move = made_by("subtract", update.value, producers)
    step = move and move.inputs[0] == update.target and made_by(
        "multiply", move.inputs[1], producers
    )
    if not step:
        return None
    sums = made_by("scatter_rows", step.inputs[0], producers)
    rate = made_by("broadcast", step.inputs[1], producers)
    is_rate = rate and not rate.inputs[0].type.shape
    return (*sums.inputs, rate.inputs[0]) if sums and is_rate else None


def made_by(op: str, value: Value, producers: Mapping[str, Node]) -> Node | None:
    maker = producers.get(value.name)
    return maker if maker and maker.op == op else None


def moved(
    build: Builder, table: Value, indices: Value, values: Value, rate: Value,
    producers: Mapping[str, Node],
) -> Value:  # fmt: skip
    origin = producers[values.name].origin if values.name in producers else build.origin
    with build.at(replace(origin, path=table.name, phase="update")):
        room = build.input(table.name + ENDING, table.type, Role.ROOM)
        return build.move_rows(table, room, indices, values, rate)
