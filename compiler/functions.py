"""A model in, its functions out: traced, through the passes, cut into kernels and laid out.

Each target has its own cuts, kernels and arena. What lasts from step to step is the same for all.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from types import MappingProxyType

from netc.compiler.ir.graph import Graph, Input, Role
from netc.compiler.ir.tensor import Shape
from netc.compiler.kernels.fuse import fuse
from netc.compiler.kernels.lower import Cut
from netc.compiler.kernels.memory import plan_persistent
from netc.compiler.language.model import Model
from netc.compiler.language.model import Traced as Step
from netc.compiler.language.settings import Settings
from netc.compiler.ops.table import OPS
from netc.compiler.passes.average import read_averages
from netc.compiler.passes.hoist import hoist
from netc.compiler.passes.move_rows import move_rows
from netc.compiler.passes.parts import SplitFacts
from netc.compiler.passes.pipeline import clean, suit
from netc.compiler.passes.relu_after_max import relu_after_max
from netc.compiler.passes.train import add_gradient_outputs, add_training
from netc.compiler.program import TARGETS
from netc.compiler.targets.cpu_cut import cut
from netc.compiler.targets.cuda_tiles import ARCHITECTURES, split_facts
from netc.compiler.targets.function import Function, make_function

Watch = Callable[[str, str, Graph], None]  # (function, stage, graph)
ARCH = "sm_80"  # whose sizes the CUDA C has in mind; it runs on every GPU
SPLITS = MappingProxyType(
    {
        "cpu": SplitFacts(
            minimum_tasks=16,
            minimum_depth=256,
            tile_rows=32,
            tile_columns=32,
            combining=16,  # measured: both ways take about as long where there are 16 channels
        ),
        "cuda": split_facts(ARCHITECTURES[ARCH]),
    }
)
CUTS: Mapping[str, Cut] = MappingProxyType({"cpu": cut, "cuda": fuse})


@dataclass(frozen=True)
class Given:
    """Other sizes than those of training: of a net its open dimensions by name, or of the data the
    shape of one sample by field."""

    net: str = ""
    sizes: tuple[tuple[str, int], ...] = ()
    shapes: tuple[tuple[str, Shape], ...] = ()


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
    sizes = batches(model)
    tests: list[Traced] = []
    averaged: set[str] = set()
    if model.train is not None:
        step = model.trace_step(batch)
        # first: what leaves a scan, or a pool before its relu, sends gradients as it then stands
        step = replace(step, graph=relu_after_max(hoist(step.graph, OPS), OPS))
        settings = model.settings
        trained = add_training(
            step.graph, step.objectives, settings.clip, OPS, settings.precision,
            settings.accumulate, settings.average,
        )  # fmt: skip
        found.append(Traced("train", batch, move_rows(trained, OPS)))
        gradients = add_gradient_outputs(step.graph, step.objectives, OPS, settings.precision)
        found.append(Traced("gradients", batch, gradients))
        tests = [Traced("evaluate", size, model.trace_evaluation(size)) for size in sizes]
        averaged = averaged_weights(model, step)
    for net in model.nets:
        tests += [Traced(f"run_{net}", size, model.trace_net(net, size)) for size in sizes]
    found += [replace(one, graph=read_averages(one.graph, averaged)) for one in tests]
    return tuple(found)


def trace_for(model: Model, given: Given) -> tuple[Traced, ...]:
    """The evaluation, or a net, for inputs of other sizes: that one function and nothing else."""
    sizes = batches(model)
    if given.net:
        name, others = f"run_{given.net}", dict(given.sizes)
        graphs = [model.trace_net(given.net, size, others) for size in sizes]
    else:
        name, shapes = "evaluate", dict(given.shapes)
        graphs = [model.trace_evaluation(size, shapes) for size in sizes]
    is_averaged = model.settings.average is not None
    averaged = averaged_weights(model, model.trace_step()) if is_averaged else set()
    pairs = zip(sizes, graphs, strict=True)
    return tuple(Traced(name, size, read_averages(graph, averaged)) for size, graph in pairs)


def batches(model: Model) -> tuple[int, ...]:
    """The batches that functions without updates are made for: together they make any number."""
    return tuple(dict.fromkeys((model.settings.batch, 1)))


def averaged_weights(model: Model, step: Step) -> set[str]:
    """The names of the weights whose averages are read in place of them."""
    if model.settings.average is None:
        return set()
    return {weight.name for one in step.objectives for weight in one.weights}


def lay_out(
    graphs: tuple[Traced, ...], watch: Watch, settings: Settings | None = None
) -> Mapping[str, tuple[Function, ...]]:
    """Passes, kernels and memory for each function, by targets; None for the usual settings."""
    made: dict[str, list[Function]] = {target: [] for target in TARGETS}
    for target, function in laid_out(graphs, watch, settings or Settings()):
        made[target].append(function)
    return {target: tuple(functions) for target, functions in made.items()}


def laid_out(
    graphs: tuple[Traced, ...], watch: Watch, settings: Settings
) -> Iterator[tuple[str, Function]]:
    """Each function of each target as soon as it is made, with its target: one target after the
    other. Targets that cut a graph alike share the function."""
    persistent = plan_persistent(lasting_inputs(graphs))
    cleaned: dict[str, Graph] = {}
    made: dict[str, list[tuple[Graph, Function]]] = {}
    for target, traced in product(TARGETS, graphs):
        name = symbol(traced)
        if name not in cleaned:
            cleaned[name] = clean(traced.graph, OPS, partial(watch, name))
        shown = name if target == "cpu" else f"{name} on {target}"
        facts = facts_of(target, settings)
        graph = suit(cleaned[name], OPS, facts, partial(watch, shown), settings.precision)
        graph = replace(graph, name=name)
        known = made.setdefault(name, [])
        like = (one for other, one in known if other == graph and not is_cut_apart(one))
        function = next(like, None)
        function = function or make_function(graph, traced.batch, OPS, persistent, CUTS[target])
        known.append((graph, function))
        yield target, function


def facts_of(target: str, settings: Settings) -> SplitFacts:
    """Those of the target, for what the settings allow."""
    facts = SPLITS[target]
    return facts if settings.winograd else replace(facts, combining=None)


def is_cut_apart(function: Function) -> bool:
    """Whether a target cut the function in a way of its own."""
    return any(
        one.group.pool or one.group.sums or one.group.squares for one in function.kernels
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
