"""Every schedule's IR against its Python reference; the references at known places."""

from math import cos, pi

import pytest

from netc.compiler.interpret import interpret
from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ir.verify import verify
from netc.compiler.ops.table import OPS
from netc.compiler.schedules import SCHEDULES, Rate, needs_total, rate_reference, rate_value

TOTAL = 20
CASES = {
    "constant": ({"rate": 0.1}, {"rate": 0.1, "warmup": 5}),
    "cosine": (
        {"peak": 0.3}, {"peak": 0.3, "warmup": 4, "floor": 0.1}, {"peak": 1.0, "steps": 7},
        {"peak": 1.0, "steps": 12, "warmup": 3}, {"peak": 1.0, "warmup": 30},
    ),
    "step": (
        {"rate": 0.5, "every": 3}, {"rate": 0.5, "every": 4, "factor": 0.5, "warmup": 2},
    ),
    "linear": ({"start": 0.2}, {"start": 0.2, "end": 0.1, "warmup": 3, "steps": 10}),
    "exponential": (
        {"rate": 0.5, "factor": 0.9}, {"rate": 0.5, "factor": 0.5, "every": 4, "warmup": 2},
    ),
    "one_cycle": (
        {"peak": 0.4},
        {"peak": 0.4, "steps": 11, "rise": 0.5},
        {"peak": 1.0, "steps": 1},
    ),
}  # fmt: skip
RATES = [Rate(kind, tuple(each.items())) for kind, cases in CASES.items() for each in cases]


def test_every_schedule_has_cases():
    assert CASES.keys() == SCHEDULES.keys()


def rate_graph(rate: Rate) -> Graph:
    build, number = Builder(OPS), TensorType("i32", ())
    step = build.input("step", number, Role.COUNTER)
    total = build.input("total", number, Role.COUNTER)
    value = rate_value(build, rate, step, total if needs_total(rate) else None)
    return build.graph(rate.kind, (Output("rate", value),))


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_the_rate_of_every_step_agrees_with_the_reference(rate):
    graph = rate_graph(rate)
    verify(graph, OPS)
    assert graph.outputs[0].value.type == TensorType("f32", ())
    for step in range(TOTAL + 3):
        found = interpret(graph, {"step": step, "total": TOTAL})["rate"]
        assert found == pytest.approx(rate_reference(rate, step, TOTAL), rel=1e-12, abs=1e-15)


def rates(kind: str, *steps: int, **parameters) -> list[float]:
    rate = Rate(kind, tuple(parameters.items()))
    return [rate_reference(rate, step, TOTAL) for step in steps]


def test_warmup_rises_in_a_line_to_the_peak():
    assert rates("cosine", 0, 1, 3, 4, peak=0.4, warmup=4) == pytest.approx([0.1, 0.2, 0.4, 0.4])


def test_cosine_falls_from_the_peak_to_the_floor():
    found = rates("cosine", 0, 5, 10, 20, 25, peak=1.0, floor=0.5)
    quarter = 0.5 + 0.5 * (1 + cos(pi / 4)) / 2
    assert found == pytest.approx([1.0, quarter, 0.75, 0.5, 0.5])


def test_step_falls_by_its_factor():
    assert rates("step", 0, 2, 3, 6, rate=8.0, every=3, factor=0.5) == [8, 8, 4, 2]


def test_linear_ends_at_its_end():
    assert rates("linear", 0, 10, 20, 30, start=1.0, end=0.5) == [1.0, 0.75, 0.5, 0.5]


def test_exponential_takes_its_factor_every_so_often():
    assert rates("exponential", 0, 2, 4, rate=1.0, factor=0.25, every=2) == [1, 0.25, 0.0625]


def test_one_cycle_starts_low_peaks_and_ends_lowest():
    found = rates("one_cycle", 0, 5, 19, peak=1.0)
    assert found == pytest.approx([1 / 25, 1.0, 1 / 25 / 1e4])


def test_only_a_schedule_that_spans_the_run_needs_its_length():
    assert needs_total(Rate("cosine", (("peak", 1.0),)))
    assert not needs_total(Rate("cosine", (("peak", 1.0), ("steps", 100))))
    assert not needs_total(Rate("constant", (("rate", 1.0),)))


@pytest.mark.parametrize("rate", [Rate("cosine"), Rate("constant", (("rate", 1), ("floor", 2)))])
def test_a_rate_with_a_missing_or_unknown_parameter_is_refused(rate):
    with pytest.raises(KeyError, match="is wrong about (peak|floor)"):
        rate_reference(rate, 0, TOTAL)
