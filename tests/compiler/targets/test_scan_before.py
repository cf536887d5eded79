"""A scan that reads what another one carried reads it where it lies, on both targets."""

import numpy as np
import pytest

from netc.compiler.interpret import interpret
from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Region, Role, Value
from netc.compiler.ir.scan import Before, Scan, add_scan, rows_before
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.table import OPS
from netc.compiler.targets.function import make_function

STEPS, ROW = 4, TensorType("f32", (6, 5))


def accumulate(build: Builder, source: Value, start: Value, reverse: bool, slope: float) -> Value:
    """For each step, the row and `slope` times what came out of the step before."""
    row, last = Value(build.fresh("row"), ROW), Value(build.fresh("last"), ROW)
    with build.apart() as nodes:
        result = build.add(row, build.multiply(last, slope))
    region = Region((row, last), tuple(nodes), (result,))
    (stack,) = add_scan(build, Scan(STEPS, reverse, (source,), (start,), (), region))
    return stack


def two_scans(first_reverse: bool, second_reverse: bool) -> Graph:
    """A second scan whose source is what the first one carried into each step."""
    build = Builder(OPS)
    x = build.input("x", TensorType("f32", (STEPS, *ROW.shape)), Role.FIELD)
    start = build.input("start", ROW, Role.FIELD)
    states = accumulate(build, x, start, first_reverse, 0.5)
    scan = Scan.of(build.nodes[-1])
    before = rows_before(build, scan, start, states)
    again = accumulate(build, before, start, second_reverse, 0.25)
    return build.graph("two", (Output("states", states), Output("again", again)))


WAYS = [(first, second) for first in (False, True) for second in (False, True)]


@pytest.mark.parametrize("first, second", WAYS)
def test_what_was_carried_into_a_step_is_read_where_it_lies(
    first, second, run_on_cpu, cuda_on_cpu, graphs
):
    graph = two_scans(first, second)
    kernels = make_function(graph, 6, OPS, ()).kernels
    assert len(kernels) == 2 and all(kernel.scan for kernel in kernels), "nothing is copied"
    arrays = graphs.arrays_for(graph)
    expected = interpret(graph, arrays)
    on_gpu = cuda_on_cpu.CudaOnCpu(cuda_on_cpu.function_of(graph)).results(arrays)
    for found in (run_on_cpu(graph, arrays, 1)[0], run_on_cpu(graph, arrays)[0], on_gpu):
        for name, array in expected.items():
            np.testing.assert_allclose(found[name], array, rtol=1e-6, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("reverse", [False, True])
def test_the_parts_of_what_was_carried_are_found_again(reverse):
    graph = two_scans(reverse, reverse)
    producers = graph.producers()
    scan = Scan.of(graph.nodes[-1])
    before = Before.of(scan.sources[0], producers)
    assert before is not None and before.stack.name == graph.outputs[0].value.name
    assert before.ahead == (1 if reverse else -1)
    assert Before.of(before.stack, producers) is None
