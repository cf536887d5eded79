"""Each op's type rule, kernel meaning and gradient against its reference, over all ops."""

from math import prod
from pathlib import Path

import numpy as np

from netc.compiler import ops
from netc.compiler.interpret import evaluate_elements, interpret
from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Output, Role
from netc.compiler.ir.operation import Family
from netc.compiler.ops.arrays import ARRAYS
from netc.compiler.ops.table import OPS
from netc.compiler.scalar.expression import Apply, Load, walk
from netc.compiler.scalar.index import linear, loop


def test_every_op_has_cases(cases):
    assert {case.op for case in cases} | {"scan"} == set(OPS)  # a scan is what its region does


def test_the_table_has_the_op_of_each_file_in_order():
    assert list(OPS) == sorted(OPS)
    files = Path(ops.__path__[0]).glob("*.py")
    assert set(OPS) == {path.stem for path in files if "\nOP = " in path.read_text()}


def test_the_type_is_what_the_reference_gives(case):
    result = np.asarray(OPS[case.op].reference(*case.arrays(), **case.attributes))
    kind = case.applied(Builder(OPS)).output.type
    assert result.shape == kind.shape
    assert result.dtype == ARRAYS[kind.dtype]


def test_the_kernel_computes_what_the_reference_does(case):
    op, arrays = OPS[case.op], case.arrays()
    node = case.applied(Builder(OPS))
    computed = fold if op.family is Family.REDUCE else evaluate_elements
    expected = op.reference(*arrays, **case.attributes)
    np.testing.assert_allclose(computed(node, arrays), expected, rtol=1e-12, atol=1e-12)


FOLDS = {
    "sum": sum,
    "product": prod,
    "max": max,
    "min": min,
    "argmax": lambda numbers: numbers.index(max(numbers)),
    "argmin": lambda numbers: numbers.index(min(numbers)),
}


def fold(node, arrays) -> np.ndarray:
    """A reduction as Python folds a list of the elements, in row-major order."""
    (array,), axes = arrays, node.named["axes"]
    output = np.empty(node.output.type.shape)
    for place in np.ndindex(output.shape):
        kept = iter(place)
        part = array[tuple(slice(None) if a in axes else next(kept) for a in range(array.ndim))]
        output[place] = FOLDS[node.op](np.ravel(part).tolist())
    return output


def test_an_op_that_only_moves_applies_no_function(case):
    op = OPS[case.op]
    if op.family is not Family.MAP:
        assert not op.moves_only and op.element is None
        return
    node = case.applied(Builder(OPS))
    index = tuple(loop(f"i{axis}", size) for axis, size in enumerate(node.output.type.shape))
    element = op.element(node, lambda value, at: Load(value, linear(at, value.type.shape)), index)
    assert op.moves_only is not any(isinstance(part, Apply) for part in walk(element))


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


def has_slope(case) -> bool:
    """Whether the case has a slope to compare with: stop_gradient denies its own."""
    kinds = (case.applied(Builder(OPS)).output.type, *case.operands)
    floats = kinds[0].is_float and any(kind.is_float for kind in kinds[1:])
    return floats and case.differentiable and case.op != "stop_gradient"


def test_every_gradient_is_compared_with_a_slope(cases):
    compared = {case.op for case in cases if has_slope(case)}
    assert compared >= {name for name, op in OPS.items() if op.gradient}


def test_the_gradient_is_the_slope_of_the_reference(case):
    if not has_slope(case):
        return
    kind = case.applied(Builder(OPS)).output.type
    upstream = np.random.default_rng(5).normal(size=kind.shape)
    found = gradients(case, upstream)
    for number, expected in slopes(case, upstream).items():
        # no gradient at all is a claim too: that the output does not change
        got = found.get(number, np.zeros_like(expected))
        np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-5)
