"""What a step does to what lasts: in place, by copies, from each other's old values."""

import numpy as np
import pytest

from netc.compiler.interpret import interpret
from netc.compiler.ir.graph import Role
from netc.compiler.ir.text import parse_graph
from netc.compiler.kernels.fuse import fuse, keep_apart

INPUTS = """input %x: f32[4, 4] field
input %a: f32[4, 4] weight
input %b: f32[4, 4] weight
input %c: f32[4, 4] weight
"""
CASES = {
    "weights that change places": "update %a = %b\nupdate %b = %a",
    "a ring of weights": "update %a = %b\nupdate %b = %c\nupdate %c = %a",
    "a weight that becomes what another was": (
        "%n: f32[4, 4] = add(%b, %x)\nupdate %a = %b\nupdate %b = %n"
    ),
    "one new value for two weights": "%n: f32[4, 4] = add(%a, %x)\nupdate %a = %n\nupdate %b = %n",
    "a field as the new value": 'update %a = %x\noutput "x" = %x',
    "a weight that stays as it is": 'update %a = %a\noutput "a" = %a\nupdate %b = %a',
    "an old value handed out": (
        '%n: f32[4, 4] = add(%a, %x)\noutput "old" = %a\noutput "new" = %n\nupdate %a = %n'
    ),
    "one value handed out twice": '%n: f32[4, 4] = add(%a, %x)\noutput "1" = %n\noutput "2" = %n',
    "an old value read across by a later kernel": (
        "%n: f32[4, 4] = add(%a, %x)\n%t: f32[4, 4] = transpose(%a) axes=(1, 0)\n"
        "%p: f32[4, 4] = matmul(%n, %t)\n%q: f32[4, 4] = matmul(%t, %p)\n"
        'output "q" = %q\nupdate %a = %n\nupdate %b = %p'
    ),
    "rows that are walked again": (
        "%m: f32[4] = sum(%a) axes=(1,)\n%r: f32[4, 1] = reshape(%m) shape=(4, 1)\n"
        "%w: f32[4, 4] = broadcast(%r) shape=(4, 4)\n%n: f32[4, 4] = subtract(%a, %w)\n"
        "%s: f32[4] = max(%n) axes=(1,)\n%r2: f32[4, 1] = reshape(%s) shape=(4, 1)\n"
        "%w2: f32[4, 4] = broadcast(%r2) shape=(4, 4)\n%y: f32[4, 4] = subtract(%n, %w2)\n"
        'output "s" = %s\nupdate %a = %y'
    ),
    "columns that are folded": (
        "%m: f32[4] = sum(%a) axes=(0,)\n%w: f32[4, 4] = broadcast(%m) shape=(4, 4)\n"
        "%n: f32[4, 4] = subtract(%a, %w)\nupdate %a = %n"
    ),
    "a weight that is turned over": "%n: f32[4, 4] = reverse(%a) axes=(0, 1)\nupdate %a = %n",
    "a weight that is transposed": "%n: f32[4, 4] = transpose(%a) axes=(1, 0)\nupdate %a = %n",
    "a product of a weight with itself": "%n: f32[4, 4] = matmul(%a, %a)\nupdate %a = %n",
    "a product that is added to its operand": (
        "%p: f32[4, 4] = matmul(%a, %x)\n%n: f32[4, 4] = add(%p, %a)\nupdate %a = %n"
    ),
    "nothing to compute": 'output "x" = %x\noutput "a" = %a',
}


@pytest.mark.parametrize("cut", [fuse, keep_apart])
@pytest.mark.parametrize("case", CASES)
def test_what_lasts_is_what_the_interpreter_says(build_on_cpu, case, cut):
    graph = parse_graph(f'graph "step"\n{INPUTS}{CASES[case]}')
    random = np.random.default_rng(1)
    names = [entry.value.name for entry in graph.inputs]
    inputs = {name: random.integers(-2, 3, (4, 4)).astype(np.float32) for name in names}
    found = build_on_cpu(graph, cut)(inputs, steps=3)
    lasting = {e.value.name: inputs[e.value.name] for e in graph.inputs if e.role is Role.WEIGHT}
    for _ in range(3):
        results = interpret(graph, inputs | lasting)
        lasting |= {update.target.name: results[update.target.name] for update in graph.updates}
    outputs = {output.name: results[output.name] for output in graph.outputs}
    for name, array in (lasting | outputs).items():  # small whole numbers: every sum is exact
        np.testing.assert_array_equal(found[name], array.astype(np.float32), err_msg=name)
