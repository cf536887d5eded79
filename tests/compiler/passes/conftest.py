"""What the tests of passes share: graphs as text, and running them before and after."""

from collections.abc import Callable

import numpy as np
import pytest

from netc.compiler.interpret import interpret
from netc.compiler.ir.graph import Graph
from netc.compiler.ir.text import parse_graph, print_graph
from netc.compiler.ir.verify import verify
from netc.compiler.ops.table import OPS

NUMBERS = np.array([0.0, 1.0, -1.0, 2.0, -3.0, 0.5, 7.0, np.inf, -np.inf, np.nan])


def random_inputs(graph: Graph, special: bool, seed: int = 0) -> dict[str, np.ndarray]:
    """Small whole numbers and halves, whose sums are exact; `special` adds infinities and NaN."""
    random = np.random.default_rng(seed)
    choice = NUMBERS if special else NUMBERS[:7]
    arrays = {}
    for entry in graph.inputs:
        numbers = random.choice(choice, size=entry.value.type.shape)
        if not entry.value.type.is_float:
            numbers = np.abs(np.nan_to_num(numbers, posinf=9, neginf=9))
        arrays[entry.value.name] = numbers
    return arrays


@pytest.fixture
def same_results() -> Callable[..., None]:
    """same_results(before, after): fails unless both graphs give exactly the same, NaN included."""

    def compare(before: Graph, after: Graph, special: bool = True) -> None:
        verify(before, OPS)
        verify(after, OPS)
        inputs = random_inputs(before, special)
        expected, found = interpret(before, inputs), interpret(after, inputs)
        assert expected.keys() == found.keys()
        for name in expected:
            np.testing.assert_array_equal(found[name], expected[name], err_msg=name)

    return compare


@pytest.fixture
def rewrites(same_results) -> Callable[..., None]:
    """rewrites(transform, before, after): the pass makes this text of that text, with its results.

    The texts leave out the line `graph`; `before` hands out %y unless it says otherwise.
    """

    def check(transform: Callable[[Graph], Graph], before: str, after: str, special=True) -> None:
        graph = graph_of(before)
        result = transform(graph)
        same_results(graph, result, special)
        lines = print_graph(result).splitlines()
        assert "\n".join(lines[1:]) == "\n".join(after.strip().splitlines())

    return check


def graph_of(lines: str) -> Graph:
    """The graph of these lines, with `%y` as its output unless they name another."""
    output = "" if "output" in lines else '\noutput "y" = %y'
    return parse_graph(f'graph "test"\n{lines.strip()}{output}')
