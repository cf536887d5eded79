"""A built graph in, the graph that a target cuts into kernels out: the one list of graph passes."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from netc.compiler.ir.graph import Graph
from netc.compiler.ir.operation import Op
from netc.compiler.ir.verify import verify
from netc.compiler.passes.collapse_folds import collapse_folds
from netc.compiler.passes.eliminate_common import eliminate_common
from netc.compiler.passes.factor_out import factor_out
from netc.compiler.passes.hoist import hoist
from netc.compiler.passes.lower_precision import lower_precision
from netc.compiler.passes.name_values import name_values
from netc.compiler.passes.parts import SplitFacts
from netc.compiler.passes.relu_after_max import relu_after_max
from netc.compiler.passes.remove_dead import remove_dead
from netc.compiler.passes.simplify import simplify
from netc.compiler.passes.split_reductions import split_reductions
from netc.compiler.passes.strided_gradients import strided_gradients
from netc.compiler.passes.sum_before_join import sum_before_join
from netc.compiler.passes.sum_before_spread import sum_before_spread
from netc.compiler.passes.winograd import winograd

Watch = Callable[[str, Graph], None]
Passes = tuple[tuple[str, Callable[[Graph], Graph]], ...]


def optimize(
    graph: Graph, ops: Mapping[str, Op], facts: SplitFacts, watch: Watch, precision: str = "f32"
) -> Graph:
    """Runs every pass; after each the graph is verified and then shown to `watch(name, graph)`.

    `precision` is what products round their operands to.
    """
    return suit(clean(graph, ops, watch), ops, facts, watch, precision)


def clean(graph: Graph, ops: Mapping[str, Op], watch: Watch) -> Graph:
    """The passes that do the same for every target."""
    passes = (
        ("built", lambda graph: graph),
        ("simplify", lambda graph: simplify(graph, ops)),
        ("eliminate_common", eliminate_common),
        ("remove_dead", remove_dead),
        # after the dead code: what nobody reads needs no place outside of a scan
        ("hoist", lambda graph: hoist(graph, ops)),
        ("relu_after_max", lambda graph: relu_after_max(graph, ops)),
        ("strided_gradients", lambda graph: strided_gradients(graph, ops)),
        ("sum_before_spread", lambda graph: sum_before_spread(graph, ops)),
        ("factor_out", lambda graph: factor_out(graph, ops)),
        ("sum_before_join", lambda graph: sum_before_join(graph, ops)),
        ("collapse_folds", lambda graph: collapse_folds(graph, ops)),
    )
    return run(passes, graph, ops, watch)


def suit(
    graph: Graph, ops: Mapping[str, Op], facts: SplitFacts, watch: Watch, precision: str = "f32"
) -> Graph:
    """The passes that follow, which look at a target's facts."""
    if precision != "f32":  # operands would be rounded after they were combined
        facts = replace(facts, combining=None)
    passes = (
        # after the dead code: a sum that nobody reads needs no parts
        ("split_reductions", lambda graph: split_reductions(graph, ops, facts)),
        # again: the parts are made with reshapes and transposes that meet others
        ("simplify_parts", lambda graph: simplify(graph, ops)),
        ("eliminate_common_parts", eliminate_common),
        ("remove_dead_parts", remove_dead),
        # after what is common: an image is combined again rather than kept for the way back
        ("winograd", lambda graph: winograd(graph, ops, facts)),
        ("lower_precision", lambda graph: lower_precision(graph, ops, precision)),
        ("name_values", name_values),
    )
    return run(passes, graph, ops, watch)


def run(passes: Passes, graph: Graph, ops: Mapping[str, Op], watch: Watch) -> Graph:
    verified = None
    for name, transform in passes:
        graph = transform(graph)
        verify(graph, ops, verified)
        verified = graph
        watch(name, graph)
    return graph
