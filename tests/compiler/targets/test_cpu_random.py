"""Random programs as C against the interpreter: as built, after each pass, fused and apart.

NETC_RANDOM_PROGRAMS=300 runs more of them than the few that every run of the tests does.
"""

import os

import pytest

from netc.compiler.interpret import interpret
from netc.compiler.ir.graph import Graph
from netc.compiler.ir.verify import verify
from netc.compiler.kernels.fuse import fuse, keep_apart
from netc.compiler.ops.table import OPS
from netc.compiler.passes.parts import SplitFacts
from netc.compiler.passes.pipeline import optimize

SEEDS = range(int(os.environ.get("NETC_RANDOM_PROGRAMS", "36")))
SPLIT = SplitFacts(minimum_tasks=4, minimum_depth=4, tile_rows=4, tile_columns=4)
WAYS = ("as built", "optimized", "apart")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_program_gives_what_the_interpreter_does(
    random_program, run_on_cpu, within_rounding, marches, seed
):
    graph, inputs = random_program(seed)
    verify(graph, OPS)
    way, march = WAYS[seed % len(WAYS)], marches[seed // len(WAYS) % len(marches)]
    runs = optimize(graph, OPS, SPLIT, lambda *_: None) if way == "optimized" else graph
    found, _ = run_on_cpu(runs, inputs, cut=keep_apart if way == "apart" else fuse, march=march)
    within_rounding(graph, inputs, found, f"seed {seed} {way} on {march}: ")


@pytest.mark.parametrize("seed", range(2 * len(SEEDS)))
def test_no_pass_changes_the_results_of_a_random_program(random_program, within_rounding, seed):
    graph, inputs = random_program(seed)
    seen = []

    def watch(name: str, after: Graph) -> None:
        seen.append(name)
        within_rounding(graph, inputs, interpret(after, inputs), f"seed {seed} after {name}: ")

    optimize(graph, OPS, SPLIT, watch)
    assert len(seen) > 5
