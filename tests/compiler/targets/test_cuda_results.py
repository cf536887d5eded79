"""The CUDA C of every kernel family, run on this CPU, against the NumPy interpreter."""

import numpy as np
import pytest

from netc.compiler.interpret import interpret
from netc.compiler.ir.graph import Role
from netc.compiler.targets import cuda_matmul
from netc.compiler.targets.cuda_matmul import MATMUL_SHAPES
from netc.emulator.launch import Schedule

BACKWARD = Schedule(order=1)
CLOSE = {"rtol": 2e-5, "atol": 2e-5}


@pytest.fixture
def agrees(cuda_on_cpu, graphs):
    """agrees(graph): the kernels give what the interpreter gives, whichever thread comes first."""

    def check(graph, arrays=None, **tolerance) -> None:
        arrays = arrays or graphs.arrays_for(graph)
        expected = interpret(graph, arrays)
        machine = cuda_on_cpu.CudaOnCpu(cuda_on_cpu.function_of(graph))
        forward, backward = machine.results(arrays), machine.results(arrays, BACKWARD)
        assert forward.keys() == expected.keys() and expected
        for name, array in expected.items():
            np.testing.assert_array_equal(forward[name], backward[name], err_msg=name)
            np.testing.assert_allclose(forward[name], array, err_msg=name, **(tolerance or CLOSE))

    return check


def test_every_op_gives_what_its_reference_does(agrees, op_graph):
    graph, arrays = op_graph
    assert len(graph.outputs) > 250
    agrees(graph, arrays)


# a row for a thread, for part of a warp, for a warp, and for a block
SHAPES = [(8200, 5), (37, 5), (1030, 70), (3, 1500)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", ["softmax", "layer_norm"])
def test_rows_are_walked_stage_by_stage(agrees, graphs, name, shape):
    agrees(getattr(graphs, name)(*shape))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("name", ["argmax", "argmin", "max", "product"])
def test_folds_keep_the_first_extreme_and_nan(agrees, graphs, name, axis, shape):
    graph = graphs.fold(name, shape, (axis,))
    x = np.random.default_rng(5).integers(-2, 3, shape).astype(np.float32)  # full of ties
    x[1, 2:5] = np.nan
    x[2] = -np.inf
    agrees(graph, {"x": x})


@pytest.mark.parametrize("dtype", ["i32"])
@pytest.mark.parametrize("name", ["argmax", "argmin", "max", "min", "sum"])
def test_whole_numbers_fold_exactly(agrees, graphs, name, dtype):
    graph = graphs.fold(name, (70, 60), (0,), dtype)
    x = np.random.default_rng(5).integers(-(2**24) - 9, -(2**24), (70, 60))
    agrees(graph, {"x": x}, rtol=0)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((200, 3), (0,)), ((2, 37, 40), (1,)), ((5, 4, 3, 33), (1, 2)), ((1000, 1, 2), (0,)),
     ((3, 100, 130), (0,)), ((300, 1000), (0,))],
)  # fmt: skip
def test_strided_elements_fold_in_parts(agrees, graphs, shape, axes):
    agrees(graphs.fold("sum", shape, axes))


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", MATMUL_SHAPES, ids=str)
def test_matrix_products_of_every_tile_have_ragged_edges(
    agrees, graphs, shape, transposed, monkeypatch
):
    monkeypatch.setattr(cuda_matmul, "MATMUL_SHAPES", (shape,))
    agrees(graphs.matmul(shape.rows + 3, 2 * shape.depth + 5, shape.columns + 1,
                         transposed=transposed))  # fmt: skip


def test_matrix_products_that_fill_their_tiles(agrees, graphs):
    agrees(graphs.matmul(64, 32, 64))


def test_matrix_products_run_in_batches(agrees, graphs):
    agrees(graphs.matmul(5, 7, 9, batch=(2, 3)))


def test_users_may_use_the_words_of_the_source(agrees, graphs):
    words = "x k left lane class log expf netc_relu step order float blockIdx"
    agrees(graphs.named(words.split(" ")))


def test_random_numbers_are_those_of_the_reference(agrees, graphs):
    graph = graphs.random_numbers(103)
    arrays = graphs.arrays_for(graph) | {"seed": np.int32(-5), "step": np.int32(9)}
    agrees(graph, arrays, rtol=1e-5, atol=1e-6)


def test_a_training_step_of_a_convolutional_net(agrees, graphs):
    agrees(graphs.mnist(batch=3, size=12, filters=5, hidden=17), rtol=2e-3, atol=2e-5)


def test_a_training_step_of_a_residual_block(agrees, graphs):
    agrees(graphs.residual(batch=3, size=5, channels=6), rtol=2e-3, atol=2e-5)


def test_steps_take_their_samples_in_order_and_log_each(cuda_on_cpu, graphs):
    graph = graphs.mnist(batch=2, size=8, filters=3, hidden=5)
    function = cuda_on_cpu.function_of(graph, batch=2)
    machine = cuda_on_cpu.CudaOnCpu(function)
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (9, 8, 8, 1)).astype(np.uint8)
    labels = random.integers(0, 10, 9).astype(np.int32)
    order = random.permutation(9)[:6]
    state = {}
    for entry in graph.inputs:
        if entry.role is not Role.FIELD:
            state[entry.value.name] = random.normal(size=entry.value.type.shape) * 0.1
            if entry.role is not Role.WEIGHT:
                state[entry.value.name] *= 0
            machine.write(entry.value, state[entry.value.name])
    log = machine.run([images, labels], order, steps=3)
    for step, rows in enumerate(order.reshape(3, 2)):
        state |= interpret(graph, state | {"image": images[rows], "label": labels[rows]})
        np.testing.assert_allclose(
            log[step], [state["loss"], state["accuracy"]], rtol=1e-3, err_msg=str(step)
        )
