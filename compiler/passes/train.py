"""A forward graph and what to minimize in, the graph of a whole training step out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Node, Origin, Output, Region, Role, Update, Value
from netc.compiler.ir.operation import Op
from netc.compiler.ir.tensor import TensorType
from netc.compiler.optimizers.optimizer import Parameters
from netc.compiler.optimizers.table import OPTIMIZERS
from netc.compiler.passes.accumulate import Parts, add_parts, gather
from netc.compiler.passes.average import add_averages
from netc.compiler.passes.gradients import add_gradients, reads
from netc.compiler.passes.loss_scale import (
    LossScale,
    add_loss_scale,
    add_scaled_gradients,
    are_finite,
    next_scale,
)
from netc.compiler.schedules import Rate, needs_total, rate_value

NUMBER = TensorType("i32", ())
MOST_ALIKE = 16  # values in one sum: each of its elements asks which of them it is of
SMALL = 1e-6  # keeps the clip finite where all gradients are zero; PyTorch's value


@dataclass(frozen=True)
class Objective:
    """Move `weights` by the optimizer so that `loss`, an f32 scalar of the forward graph, falls."""

    loss: Value
    optimizer: str
    parameters: Parameters
    rate: Rate
    weights: tuple[Value, ...]


def add_training(
    graph: Graph, objectives: tuple[Objective, ...], clip: float | None, ops: Mapping[str, Op],
    precision: str = "f32", accumulate: int = 1, average: float | None = None,
) -> Graph:  # fmt: skip
    """One step: gradients, the clip of their common norm, the optimizers, and the step counter.

    Adds inputs: `<weight>.<moment>` (Role.MOMENT, zero at first), and the counters `step` (0 in
    the first step) and, for a schedule that needs it, `total`. Objectives run in order: a later one
    sees the weights that an earlier one has moved. Keeps the graph's outputs and updates. In the
    precision f16 the loss is scaled, and an objective whose gradients overflow moves nothing; a
    step in which all of them do changes nothing at all but the scale. `accumulate` and `average`
    are told of in the files of these names.
    """
    build = Builder.extending(ops, graph)
    producers = graph.producers()
    runs = counter(build, "step")
    scaling = add_loss_scale(build) if precision == "f16" else None
    with build.at(Origin(phase="update")):
        parts = add_parts(build, runs, accumulate) if accumulate > 1 else None
    step, is_last = (parts.step, parts.is_last) if parts else (runs, None)
    finite: list[Value] = []
    moved: dict[str, Value] = {}
    updates: list[Update] = []
    for objective in objectives:
        current = tuple(moved.get(weight.name, weight) for weight in objective.weights)
        arrived = moved_gradients(build, graph, objective, current, moved, scaling)
        maker = producers.get(objective.loss.name)
        with build.at(Origin(maker.origin.line if maker else 0, phase="update")):
            if parts:
                arrived, gathered = gather(build, parts, objective.weights, arrived)
                updates += gathered
            good = are_finite(build, arrived) if scaling else None
            finite += [good] if good else []
            clipped = clip_together(build, arrived, clip) if clip else arrived
            news = run_optimizer(build, objective, current, clipped, step)
            condition = both(build, good, is_last)
            moved_now, updates_now = only_where(build, condition, objective, current, *news)
        moved |= moved_now
        updates += updates_now
    moves = [Update(weight_named(graph, name), new) for name, new in moved.items()]
    with build.at(Origin(phase="update")):
        anything = reduce(build.logical_or, finite) if finite else None
        own = updates_where(build, anything, [*graph.updates])
        means = add_averages(build, moves, average, step) if average is not None else []
        updates += updates_where(build, both(build, anything, is_last), means)
        updates.append(Update(runs, next_run(build, runs, parts, anything)))
        if scaling:
            scale = next_scale(build, scaling, reduce(build.logical_and, finite))
            updates += updates_where(build, is_last, list(scale))
    return build.graph(graph.name, graph.outputs, (*own, *moves, *updates))


def moved_gradients(
    build: Builder,
    graph: Graph,
    objective: Objective,
    current: tuple[Value, ...],
    moved: Mapping[str, Value],
    scaling: LossScale | None,
) -> tuple[Value, ...]:
    """The gradients of an objective where the weights are those that earlier ones have moved."""
    nodes, seen = with_moved_weights(build, graph.nodes, moved)
    loss = seen.get(objective.loss.name, objective.loss)
    gradients = gradients_of(build, loss, current, nodes, scaling)
    return tuple(gradients[weight.name] for weight in current)


def both(build: Builder, one: Value | None, other: Value | None) -> Value | None:
    """Whether both conditions hold; None is one that always does."""
    return build.logical_and(one, other) if one and other else one or other


def next_run(build: Builder, runs: Value, parts: Parts | None, anything: Value | None) -> Value:
    """The counter after this run of the graph: a step that moved nothing is done once more."""
    done = build.add(runs, 1)
    if anything is None:
        return done
    if parts is None:
        return build.where(anything, done, runs)
    is_lost = build.logical_and(parts.is_last, build.logical_not(anything))
    return build.where(is_lost, build.subtract(runs, parts.count - 1), done)


def add_gradient_outputs(
    graph: Graph,
    objectives: tuple[Objective, ...],
    ops: Mapping[str, Op],
    precision: str = "f32",
) -> Graph:
    """The graph with one more output for each weight: its gradient, under the weight's name.

    Nothing is updated. A weight of several objectives has the sum of their gradients.
    """
    build = Builder.extending(ops, graph)
    scaling = add_loss_scale(build) if precision == "f16" else None
    total: dict[str, Value] = {}
    for objective in objectives:
        wanted = objective.weights
        gradients = gradients_of(build, objective.loss, wanted, graph.nodes, scaling)
        with build.at(Origin(phase="backward")):
            for name, gradient in gradients.items():
                total[name] = build.add(total[name], gradient) if name in total else gradient
    outputs = tuple(Output(name, gradient) for name, gradient in total.items())
    return build.graph(graph.name, graph.outputs + outputs)


def gradients_of(
    build: Builder,
    loss: Value,
    wanted: tuple[Value, ...],
    nodes: tuple[Node, ...],
    scaling: LossScale | None,
) -> dict[str, Value]:
    if scaling is None:
        return add_gradients(build, loss, wanted, nodes)
    return add_scaled_gradients(build, loss, wanted, nodes, scaling.scale)


def only_where(
    build: Builder,
    condition: Value | None,
    objective: Objective,
    current: tuple[Value, ...],
    moved: Mapping[str, Value],
    updates: list[Update],
) -> tuple[dict[str, Value], list[Update]]:
    """What an optimizer does where the condition holds, and nothing else where it does not.

    No condition is one that always holds."""
    if condition is None:
        return dict(moved), updates
    old = dict(zip((weight.name for weight in objective.weights), current, strict=True))
    kept = {name: build.where(condition, new, old[name]) for name, new in moved.items()}
    return kept, updates_where(build, condition, updates)


def updates_where(
    build: Builder, condition: Value | None, updates: list[Update]
) -> list[Update]:
    if condition is None:
        return updates
    return [Update(u.target, build.where(condition, u.value, u.target)) for u in updates]


def counter(build: Builder, name: str) -> Value:
    """The counter called `name`: the graph's own where it has one."""
    known = next((entry.value for entry in build.inputs if entry.value.name == name), None)
    return known or build.input(name, NUMBER, Role.COUNTER)


def weight_named(graph: Graph, name: str) -> Value:
    entry = graph.input(name)
    assert entry, f"{name} is trained, but is no input of {graph.name}"
    return entry.value


def with_moved_weights(
    build: Builder, nodes: tuple[Node, ...], moved: Mapping[str, Value]
) -> tuple[tuple[Node, ...], dict[str, Value]]:
    """The forward nodes as a later objective sees them, and what each changed value became.

    What depends on a moved weight is computed anew; what of it nobody needs is dead code.
    """
    seen, ran = dict(moved), []
    for node in nodes:
        if not reads(node, seen.keys()):
            ran.append(node)
            continue
        inputs = tuple(seen.get(value.name, value) for value in node.inputs)
        outputs = tuple(Value(build.fresh(value.name), value.type) for value in node.outputs)
        region = node.region and renamed_region(build, node.region)
        ran.append(replace(node, inputs=inputs, outputs=outputs, region=region))
        build.nodes.append(ran[-1])
        seen |= {old.name: new for old, new in zip(node.outputs, outputs, strict=True)}
    return tuple(ran), seen


def renamed_region(build: Builder, region: Region) -> Region:
    """The same region, all of its values under new names."""
    new = {value.name: Value(build.fresh(value.name), value.type) for value in region.values()}

    def now(values: tuple[Value, ...]) -> tuple[Value, ...]:
        return tuple(new[value.name] for value in values)

    nodes = (replace(n, inputs=now(n.inputs), outputs=now(n.outputs)) for n in region.nodes)
    return Region(now(region.parameters), tuple(nodes), now(region.results))


def clip_together(build: Builder, gradients: tuple[Value, ...], clip: float) -> tuple[Value, ...]:
    """All gradients scaled by one factor, so that their common norm is at most `clip`."""
    if not gradients:
        return gradients
    norm = build.sqrt(sum_of_squares(build, gradients))
    scale = build.minimum(build.divide(clip, build.add(norm, SMALL)), 1.0)
    return tuple(build.multiply(gradient, scale) for gradient in gradients)


def sum_of_squares(build: Builder, values: tuple[Value, ...]) -> Value:
    """Of all elements of all values; those of one shape are a single sum, for few kernels."""
    alike: list[list[Value]] = []
    last: dict[tuple[int, ...], list[Value]] = {}  # of each shape, the one that has room
    for value in values:
        same = last.get(value.type.shape)
        if same is None or len(same) == MOST_ALIKE:
            same = last[value.type.shape] = []
            alike.append(same)
        same.append(value)
    sums = []
    for same in alike:
        whole = same[0] if len(same) == 1 else stacked(build, same)
        axes = tuple(range(len(whole.type.shape)))
        sums.append(build.sum(build.multiply(whole, whole), axes=axes))
    return reduce(build.add, sums)


def stacked(build: Builder, values: list[Value]) -> Value:
    """Values of one shape as one, along a new first axis."""
    rows = [build.reshape(value, shape=(1, *value.type.shape)) for value in values]
    return build.concat(*rows, axis=0)


def run_optimizer(
    build: Builder,
    objective: Objective,
    weights: tuple[Value, ...],
    gradients: tuple[Value, ...],
    step: Value,
) -> tuple[dict[str, Value], list[Update]]:
    """The new value of each weight by its name, and the updates of its moments."""
    optimizer = OPTIMIZERS[objective.optimizer]
    parameters = optimizer.filled(objective.parameters)
    moved, updates = {}, []
    total = counter(build, "total") if needs_total(objective.rate) else None
    rate = rate_value(build, objective.rate, step, total)
    count = build.cast(build.add(step, 1), dtype="f32")
    for target, weight, gradient in zip(objective.weights, weights, gradients, strict=True):
        moments = {
            name: build.input(f"{target.name}.{name}", target.type, Role.MOMENT)
            for name in optimizer.moments(rank=len(target.type.shape), **parameters)
        }
        with build.at(replace(build.origin, path=target.name)):
            new, after = optimizer.update(
                build, weight, gradient, moments, count, rate, **parameters
            )
        moved[target.name] = new
        updates += [Update(moments[name], value) for name, value in after.items()]
    return moved, updates
