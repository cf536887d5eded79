"""Scans whose rows do not need each other are shared out by rows; the others go step by step."""

import numpy as np
import pytest

from netc.compiler.ir.text import parse_graph
from netc.compiler.kernels.plan import runs
from netc.compiler.ops.table import OPS
from netc.compiler.targets.cpu import function_shares
from netc.compiler.targets.cpu_shares import Shares, best_shares
from netc.compiler.targets.cpu_tiles import CpuMachine
from netc.compiler.targets.function import make_function

MACHINE = CpuMachine("avx512", vector_bytes=64, registers=32)
# A step: the next state of each of 10 rows, from `mixed`, which the cases make of the last one.
STEP = """graph "test"
input %x: f32[3, 10, 4] field
input %h0: f32[10, 4] field
input %w: f32[4, 4] weight
%hs: f32[3, 10, 4] = scan(%x, %h0, %w) carries=1 reverse={reverse} sources=1 steps=3 \
{{  # line 1 net forward
  given %row: f32[10, 4], %h: f32[10, 4], %kernel: f32[4, 4]
{lines}
  %next: f32[10, 4] = add(%row, %mixed)
  gives %next
}}
output "y" = %hs
"""
ALONE = {
    "a product": "%mixed: f32[10, 4] = matmul(%h, %kernel)",
    "two kernels": (
        "%p: f32[10, 4] = matmul(%h, %kernel)\n%t: f32[10, 4] = tanh(%p)\n"
        "%mixed: f32[10, 4] = matmul(%t, %kernel)"
    ),
    "a fold of each row": (
        "%s: f32[10] = sum(%h) axes=(1,)\n%r: f32[10, 1] = reshape(%s) shape=(10, 1)\n"
        "%b: f32[10, 4] = broadcast(%r) shape=(10, 4)\n%mixed: f32[10, 4] = tanh(%b)"
    ),
    "parts side by side": (
        "%t: f32[10, 4] = tanh(%h)\n%e: f32[10, 4] = sin(%h)\n"
        "%both: f32[10, 8] = concat(%t, %e) axis=1\n"
        "%k: f32[8, 4] = concat(%kernel, %kernel) axis=0\n%mixed: f32[10, 4] = matmul(%both, %k)"
    ),
}
TOGETHER = {
    "a fold of all rows": (
        "%s: f32[4] = sum(%h) axes=(0,)\n%b: f32[10, 4] = broadcast(%s) shape=(10, 4)\n"
        "%mixed: f32[10, 4] = tanh(%b)"
    ),
    "the next row": (
        "%a: f32[9, 4] = slice(%h) starts=(1, 0) steps=(1, 1) stops=(10, 4)\n"
        "%p: f32[10, 4] = pad(%a) high=(1, 0) low=(0, 0) value=0.5\n"
        "%mixed: f32[10, 4] = matmul(%p, %kernel)"
    ),
    "rows as columns": (
        "%t: f32[4, 10] = transpose(%h) axes=(1, 0)\n%o: f32[10, 10] = matmul(%h, %t)\n"
        "%p: f32[10, 4] = matmul(%o, %h)\n%mixed: f32[10, 4] = tanh(%p)"
    ),
}
CASES = [(lines, True) for lines in ALONE.values()]
CASES += [(lines, False) for lines in TOGETHER.values()]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lines, alone", CASES, ids=[*ALONE, *TOGETHER])
def test_rows_that_do_not_need_each_other_are_shared_out(lines, alone, reverse, run_on_cpu):
    lines = "\n".join(f"  {line}" for line in lines.split("\n"))
    graph = parse_graph(STEP.format(lines=lines, reverse=reverse))
    function = make_function(graph, 10, OPS, ())
    scans = [node for node, _ in runs(function.kernels) if node]
    assert len(scans) == 1
    assert bool(function_shares(function, MACHINE)) == alone
    random = np.random.default_rng(6)
    inputs = {entry.value.name: random.normal(size=entry.value.type.shape).astype(np.float32) / 3
              for entry in graph.inputs}  # fmt: skip
    found, exact = run_on_cpu(graph, inputs)
    np.testing.assert_allclose(found["y"], exact["y"], rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(
    "total, cores, shares",
    [(128, 2, Shares(128, 32)), (100, 2, Shares(100, 50)), (7, 2, Shares(7, 2)),
     (64, 16, Shares(64, 2))],
)  # fmt: skip
def test_shares_end_soonest_on_all_cores(total, cores, shares):
    machine = CpuMachine("avx512", vector_bytes=64, registers=32, cores=cores)
    assert best_shares(total, machine) == shares
    assert shares.count >= cores
