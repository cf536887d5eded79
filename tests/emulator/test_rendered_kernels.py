"""What netc renders runs without a finding, in any order of threads, and computes what it says."""

import re

import numpy as np
import pytest

from netc.compiler.interpret import interpret
from netc.compiler.targets import cuda_tiles
from netc.emulator.launch import SCHEDULES

CLOSE = {"rtol": 2e-5, "atol": 2e-5}
STEP = {"rtol": 2e-3, "atol": 2e-5}


@pytest.fixture
def agrees(cuda_on_cpu, graphs):
    """agrees(graph): checked, and the same bits in every order, near what the interpreter gives.
    Returns the source."""

    def check(graph, arrays=None, **tolerance) -> str:
        arrays = arrays or graphs.arrays_for(graph)
        expected, function = interpret(graph, arrays), cuda_on_cpu.function_of(graph)
        checked = cuda_on_cpu.CudaOnCpu(function, checked=True).results(arrays, SCHEDULES[-1])
        machine = cuda_on_cpu.CudaOnCpu(function)
        fast = [machine.results(arrays, schedule) for schedule in SCHEDULES]
        assert checked.keys() == expected.keys() and expected
        for name, array in expected.items():
            for results in fast:
                np.testing.assert_array_equal(results[name], fast[0][name], err_msg=name)
            for results in (checked, fast[0]):
                np.testing.assert_allclose(
                    results[name], array, err_msg=name, **(tolerance or CLOSE)
                )
        return cuda_on_cpu.source_of(function)

    return check


def test_every_op(agrees, op_graph):
    graph, arrays = op_graph
    assert len(graph.outputs) > 250
    agrees(graph, arrays)


@pytest.mark.parametrize("shape", [(37, 5), (130, 70), (3, 1500)], ids=str)
@pytest.mark.parametrize("name", ["softmax", "layer_norm"])
def test_rows(agrees, graphs, name, shape):
    agrees(getattr(graphs, name)(*shape))


@pytest.mark.parametrize("lanes", [1, 32, 256])
def test_rows_by_quads(agrees, graphs, monkeypatch, lanes):
    """As few rows go to a thread, a warp or a block each as many would."""
    monkeypatch.setattr(cuda_tiles, "row_lanes", lambda plan: lanes)
    for columns in (4 * lanes, 4 * lanes + 12):
        for graph in (graphs.softmax(37, columns), graphs.fold("argmax", (37, columns), (1,))):
            assert "quad += " in agrees(graph)


@pytest.mark.parametrize("shape", [(33, 36), (1, 1028), (7, 4)], ids=str)
def test_maps_by_quads(agrees, graphs, monkeypatch, shape):
    monkeypatch.setattr(cuda_tiles, "QUAD_THREADS", 0)
    source = agrees(graphs.maps(*shape))
    assert len(re.findall(r"const int .*\bquad = ", source)) >= 3


def test_a_map_whose_rows_are_no_quads_goes_by_elements(agrees, graphs, monkeypatch):
    monkeypatch.setattr(cuda_tiles, "QUAD_THREADS", 0)
    assert "netc_load4" not in agrees(graphs.maps(33, 37))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("name", ["argmax", "sum"])
def test_folds(agrees, graphs, name, axis):
    agrees(graphs.fold(name, (300, 70), (axis,)))


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("sizes", [(67, 41, 70), (64, 32, 64), (5, 700, 9)], ids=str)
def test_matrix_products(agrees, graphs, sizes, transposed):
    agrees(graphs.matmul(*sizes, transposed=transposed))


def test_batches_of_matrix_products(agrees, graphs):
    agrees(graphs.matmul(5, 7, 9, batch=(2, 3)))


def test_random_numbers(agrees, graphs):
    graph = graphs.random_numbers(103)
    arrays = graphs.arrays_for(graph) | {"seed": np.int32(-5), "step": np.int32(9)}
    agrees(graph, arrays, rtol=1e-5, atol=1e-6)


def test_a_training_step_of_a_convolutional_net(agrees, graphs):
    agrees(graphs.mnist(batch=3, size=12, filters=5, hidden=17), **STEP)


def test_a_training_step_of_a_residual_block(agrees, graphs):
    agrees(graphs.residual(batch=3, size=5, channels=6), **STEP)
