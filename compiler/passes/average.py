"""The averages of the weights over a run's steps: kept by a training step, read by evaluations."""

from collections.abc import Collection, Iterable
from dataclasses import replace

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Input, Origin, Role, Update, Value
from netc.compiler.passes.rewrite import redirect, redirected

ENDING = ".average"


def add_averages(
    build: Builder, moves: Iterable[Update], keep: float, step: Value
) -> list[Update]:
    """Updates of an input `<weight>.average` for each weight that moves; `step` is from 0.

    An average is that of the weights after every step so far, each of which counts `keep` times
    as much as the one after it. The first step's is its weight: what was there before is gone.
    """
    done = build.cast(step, dtype="f32")
    before = build.subtract(1.0, build.power(keep, done))
    after = build.subtract(1.0, build.power(keep, build.add(done, 1.0)))
    part = build.divide(build.multiply(before, keep), after)
    updates = []
    for move in moves:
        weight = move.target
        with build.at(Origin(build.origin.line, weight.name, "update")):
            average = build.input(weight.name + ENDING, weight.type, Role.AVERAGE)
            old = build.multiply(average, part)
            new = build.multiply(move.value, build.subtract(1.0, part))
            updates.append(Update(average, build.add(old, new)))
    return updates


def read_averages(graph: Graph, trained: Collection[str]) -> Graph:
    """The graph with each of the trained weights replaced by its average."""
    stands_for = {
        entry.value.name: Value(entry.value.name + ENDING, entry.value.type)
        for entry in graph.inputs
        if entry.value.name in trained
    }
    inputs = tuple(
        Input(stands_for[entry.value.name], Role.AVERAGE)
        if entry.value.name in stands_for
        else entry
        for entry in graph.inputs
    )
    nodes = tuple(redirected(node, stands_for) for node in graph.nodes)
    return redirect(replace(graph, inputs=inputs, nodes=nodes), stands_for)
