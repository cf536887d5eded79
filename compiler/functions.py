"""A model in, its functions out: traced, through the passes, cut into kernels and laid out."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from netc.compiler.ir.graph import Graph, Input, Role
from netc.compiler.kernels.memory import plan_persistent
from netc.compiler.language.model import Model
from netc.compiler.ops.table import OPS
from netc.compiler.passes.pipeline import optimize
from netc.compiler.passes.split_reductions import SplitFacts
from netc.compiler.passes.train import add_gradient_outputs, add_training
from netc.compiler.targets.function import Function, make_function

Watch = Callable[[str, str, Graph], None]  # (function, stage, graph)
SPLIT = SplitFacts(minimum_tasks=16, minimum_depth=256, tile_rows=32, tile_columns=32)


@dataclass(frozen=True)
class Traced:
    """A graph before the passes, under the name of its function and for its batch."""

    name: str
    batch: int
    graph: Graph


def trace(model: Model) -> tuple[Traced, ...]:
    """Every function of a program: a training step and its gradients, the evaluation, the nets.

    What is called with any number of samples exists for the batch and for one sample.
    """
    found: list[Traced] = []
    batch = model.settings.batch
    sizes = dict.fromkeys((batch, 1))
    if model.train is not None:
        step = model.trace_step(batch)
        settings = model.settings
        trained = add_training(step.graph, step.objectives, settings.clip, OPS, settings.precision)
        found.append(Traced("train", batch, trained))
        gradients = add_gradient_outputs(step.graph, step.objectives, OPS, settings.precision)
        found.append(Traced("gradients", batch, gradients))
        found += [Traced("evaluate", size, model.trace_evaluation(size)) for size in sizes]
    for net in model.nets:
        found += [Traced(f"run_{net}", size, model.trace_net(net, size)) for size in sizes]
    return tuple(found)


def lay_out(
    graphs: tuple[Traced, ...], watch: Watch, precision: str = "f32"
) -> tuple[Function, ...]:
    """Passes, kernels and memory for each function; what lasts has the same place in all."""
    optimized = []
    for traced in graphs:
        name = symbol(traced)
        graph = optimize(
            traced.graph,
            OPS,
            SPLIT,
            lambda stage, graph, name=name: watch(name, stage, graph),
            precision,
        )
        optimized.append(replace(graph, name=name))
    persistent = plan_persistent(lasting_inputs(graphs))
    return tuple(
        make_function(graph, traced.batch, OPS, persistent)
        for graph, traced in zip(optimized, graphs, strict=True)
    )


def symbol(traced: Traced) -> str:
    """The C function of a traced graph: its name, and its batch where there are several."""
    alone = traced.name in ("train", "gradients")
    return traced.name if alone else f"{traced.name}_{traced.batch}"


def lasting_inputs(graphs: tuple[Traced, ...]) -> tuple[Input, ...]:
    """Everything that lasts in the functions, each once: weights first, in the order of Role."""
    order = list(Role)
    found = {
        entry.value.name: entry
        for traced in graphs
        for entry in traced.graph.inputs
        if entry.role is not Role.FIELD
    }
    return tuple(sorted(found.values(), key=lambda entry: order.index(entry.role)))
