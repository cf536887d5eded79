"""Every op as C on this machine, forward and gradient, against its meaning in NumPy."""

import numpy as np
import pytest

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role
from netc.compiler.kernels.fuse import fuse, keep_apart
from netc.compiler.ops.table import OPS

CPU_DTYPES = ("f32", "i32", "u8", "bool")
PARTS = 4  # C files that the cases are shared out to


def runs_here(case) -> bool:
    kinds = (*case.operands, case.applied(Builder(OPS)).output.type)
    return all(kind.dtype in CPU_DTYPES for kind in kinds)


def forward(cases) -> tuple[Graph, dict]:
    """All cases side by side in one graph, and what its inputs are."""
    build, inputs, outputs = Builder(OPS), {}, []
    for number, case in enumerate(cases):
        values = [
            build.input(f"case_{number}.a{i}", kind, Role.FIELD)
            for i, kind in enumerate(case.operands)
        ]
        arrays = case.arrays()
        inputs |= {v.name: as_stored(v, a) for v, a in zip(values, arrays, strict=True)}
        outputs.append(Output(f"{number} {case}", build.apply(case.op, *values, **case.attributes)))
    return build.graph("forward", tuple(outputs)), inputs


def backward(cases) -> tuple[Graph, dict]:
    """The gradients of all cases side by side, each from an upstream that it is given."""
    build, inputs, outputs = Builder(OPS), {}, []
    random = np.random.default_rng(3)
    for number, case in enumerate(cases):
        values = [
            build.input(f"case_{number}.a{i}", kind, Role.FIELD)
            for i, kind in enumerate(case.operands)
        ]
        arrays = case.arrays()
        inputs |= {v.name: as_stored(v, a) for v, a in zip(values, arrays, strict=True)}
        build.apply(case.op, *values, **case.attributes)
        node = build.nodes[-1]
        upstream = build.input(f"case_{number}.upstream", node.output.type, Role.FIELD)
        inputs[upstream.name] = as_stored(upstream, random.normal(size=upstream.type.shape))
        for i, gradient in enumerate(OPS[case.op].gradient(build, node, upstream)):
            if gradient is not None:
                outputs.append(Output(f"{number} d{i} of {case}", gradient))
    return build.graph("backward", tuple(outputs)), inputs


def as_stored(value, array) -> np.ndarray:
    """The array as this dtype holds it in memory: exact reals are rounded to a float32 first."""
    return np.asarray(array, np.float32 if value.type.dtype == "f32" else None)


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("cut", [fuse, keep_apart])
def test_every_op_gives_what_numpy_does(op_cases, run_on_cpu, within_rounding, cut, part):
    cases = [case for case in op_cases if runs_here(case)]
    found = {case.op for case in cases} | {"scan"}  # a scan is what its region does
    assert found == set(OPS), "an op has no case on this target"
    graph, inputs = forward(cases[part::PARTS])
    found, _ = run_on_cpu(graph, inputs, cut=cut)
    within_rounding(graph, inputs, found)


@pytest.mark.parametrize("part", range(PARTS))
def test_every_gradient_gives_what_numpy_does(op_cases, run_on_cpu, within_rounding, part):
    cases = [
        case
        for case in op_cases
        if runs_here(case)
        and OPS[case.op].gradient
        and case.differentiable
        and case.applied(Builder(OPS)).output.type.is_float
    ]
    graph, inputs = backward(cases[part::PARTS])
    found, expected = run_on_cpu(graph, inputs)
    assert expected
    within_rounding(graph, inputs, found)
