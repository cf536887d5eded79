"""Each op's type rule, kernel meaning and gradient against its reference, over all ops."""

import numpy as np

from netc.compiler.interpret import evaluate_elements, interpret
from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Output, Role
from netc.compiler.ir.operation import Family
from netc.compiler.ops.arrays import ARRAYS
from netc.compiler.ops.table import OPS


def test_every_op_has_cases(cases):
    assert {case.op for case in cases} == set(OPS)


def test_the_table_names_each_op_once_and_in_order():
    assert list(OPS) == sorted(OPS)
    assert all(op.name == name for name, op in OPS.items())


def test_the_type_is_what_the_reference_gives(case):
    result = np.asarray(OPS[case.op].reference(*case.arrays(), **case.attributes))
    kind = case.applied(Builder(OPS)).output.type
    assert result.shape == kind.shape
    assert result.dtype == ARRAYS[kind.dtype]


def test_the_kernel_computes_what_the_reference_does(case):
    op, arrays = OPS[case.op], case.arrays()
    if op.family is Family.REDUCE:
        assert op.element is None and op.contraction is None
        return
    node = case.applied(Builder(OPS))
    expected = op.reference(*arrays, **case.attributes)
    np.testing.assert_allclose(evaluate_elements(node, arrays), expected, rtol=1e-12, atol=1e-12)


def slopes(case, upstream: np.ndarray) -> dict[int, np.ndarray]:
    """d(sum(upstream * output)) by each element of each float operand, by central differences."""
    arrays, step = case.arrays(), 1e-6

    def weighted(changed: int, array: np.ndarray) -> float:
        operands = (array if i == changed else other for i, other in enumerate(arrays))
        return float(np.sum(upstream * OPS[case.op].reference(*operands, **case.attributes)))

    found = {}
    for number, kind in enumerate(case.operands):
        if not kind.is_float:
            continue
        found[number] = np.empty(kind.shape)
        for place in np.ndindex(kind.shape):
            up, down = arrays[number].copy(), arrays[number].copy()
            up[place] += step
            down[place] -= step
            found[number][place] = (weighted(number, up) - weighted(number, down)) / (2 * step)
    return found


def gradients(case, upstream: np.ndarray) -> dict[int, np.ndarray]:
    """The same by the op's own gradient; operands that it sends nothing to are missing."""
    build = Builder(OPS)
    node = case.applied(build)
    seed = build.input("upstream", node.output.type, Role.FIELD)
    parts = OPS[case.op].gradient(build, node, seed) if OPS[case.op].gradient else ()
    named = tuple(Output(str(i), part) for i, part in enumerate(parts) if part is not None)
    values = {f"a{i}": array for i, array in enumerate(case.arrays())} | {"upstream": upstream}
    for output in named:
        assert output.value.type == case.operands[int(output.name)]
    return {int(name): array for name, array in interpret(build.graph("g", named), values).items()}


def test_the_gradient_is_the_slope_of_the_reference(case):
    kind = case.applied(Builder(OPS)).output.type
    if not case.differentiable or not kind.is_float or case.op == "stop_gradient":
        return
    upstream = np.random.default_rng(5).normal(size=kind.shape)
    found = gradients(case, upstream)
    for number, expected in slopes(case, upstream).items():
        # no gradient at all is a claim too: that the output does not change
        got = found.get(number, np.zeros_like(expected))
        np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-5)
