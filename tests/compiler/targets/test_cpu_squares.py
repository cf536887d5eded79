"""Products that are combined with each other, as C: ragged squares, blocks and machines."""

from dataclasses import replace

import numpy as np
import pytest

from netc.compiler.functions import SPLITS
from netc.compiler.interpret import interpret
from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.kernels.fuse import keep_apart
from netc.compiler.kernels.group import Kind
from netc.compiler.ops.table import OPS
from netc.compiler.passes.winograd import winograd
from netc.compiler.targets.cpu_cut import cut

FREE = replace(SPLITS["cpu"], combining=0.0, minimum_depth=2)
MEMORY = {"f32": np.float32, "i32": np.int32}
PLAIN = {"stride": (1, 1), "dilation": (1, 1)}
# images, filters, padding: odd sizes, channels beside the lanes of a vector, more than a block has
CASES = (
    ((2, 8, 8, 16), 16, ((1, 1), (1, 1))),
    ((3, 7, 5, 3), 5, ((1, 1), (1, 1))),
    ((1, 9, 12, 17), 33, ((0, 0), (0, 0))),
    ((2, 6, 11, 40), 7, ((2, 0), (1, 2))),
    ((5, 4, 4, 300), 150, ((1, 1), (1, 1))),
)


def convolutions(
    cases=CASES, whole: bool = True, facts=FREE
) -> tuple[Graph, dict[str, np.ndarray]]:
    """Convolutions and their gradients, with work before and behind; numbers whose sums are exact
    where they are `whole`."""
    build, inputs, outputs = Builder(OPS), {}, []
    random = np.random.default_rng(4)

    def tensor(*shape: int):
        value = build.input("x", TensorType("f32", shape), Role.FIELD)
        drawn = random.integers(-3, 4, size=shape) if whole else random.normal(size=shape)
        inputs[value.name] = drawn.astype(np.float32)
        return value

    for image, filters, pad in cases:
        geometry = PLAIN | {"pad": pad}
        x, w = tensor(*image), tensor(3, 3, image[3], filters)
        y = build.conv2d(x, w, **geometry)
        u = tensor(*y.type.shape)
        bias = build.broadcast_to(tensor(filters), y.type.shape)
        dx = build.conv2d_image_gradient(u, w, shape=image, **geometry)
        dw = build.conv2d_kernel_gradient(x, u, shape=w.type.shape, **geometry)
        outputs += [build.relu(build.add(y, bias)), build.multiply(dx, x), build.subtract(w, dw)]
    named = tuple(Output(f"out{number}", value) for number, value in enumerate(outputs))
    return winograd(build.graph("squares", named), OPS, facts), inputs


@pytest.fixture(scope="module")
def exact() -> tuple[Graph, dict[str, np.ndarray]]:
    return convolutions()


def exactly(found, expected) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_ragged_squares_give_what_numpy_does_on_any_threads(build_on_cpu, exact):
    graph, inputs = exact
    run, expected = build_on_cpu(graph), interpret(graph, inputs)
    for threads in (1, 3):
        exactly(run(inputs, threads), expected)


def test_so_do_kernels_that_combine_apart(run_on_cpu, exact):
    exactly(*run_on_cpu(*exact, cut=keep_apart))


def test_neither_what_is_multiplied_nor_products_are_stored(exact):
    graph, _ = exact
    groups = [group for group in cut(graph, OPS) if group.kind is Kind.MATMUL]
    assert len(groups) == 3 * len(CASES) and all(group.squares for group in groups)
    stored = {value.name for group in cut(graph, OPS) for value in group.stored}
    multiplied = {node.inputs[0].name for node in graph.nodes if node.op == "matmul"}
    assert not stored & multiplied


def test_products_that_others_read_are_stored(run_on_cpu):
    build = Builder(OPS)
    a = build.input("a", TensorType("f32", (4, 5, 3)), Role.FIELD)
    b = build.input("b", TensorType("f32", (4, 3, 6)), Role.FIELD)
    products = build.matmul(a, b)
    square = build.reshape(products, shape=(2, 2, 5, 6))
    found = build.combine(square, matrix=((1, -1), (0, 2), (1, 1)), axes=(0, 2))
    named = (Output("found", found), Output("products", products))
    graph = build.graph("shared", named)
    assert not any(group.squares for group in cut(graph, OPS))
    random = np.random.default_rng(1)
    inputs = {
        name: random.integers(-3, 4, size=shape).astype(np.float32)
        for name, shape in (("a", (4, 5, 3)), ("b", (4, 3, 6)))
    }
    exactly(*run_on_cpu(graph, inputs))


def test_rounding_is_about_that_of_the_direct_sum(run_on_cpu):
    """Of 64 channels and 30 filters, the mean square: no more than twice as large."""
    cases = (((2, 8, 8, 64), 30, ((1, 1), (1, 1))),)
    graphs = [convolutions(cases, whole=False, facts=facts) for facts in (FREE, SPLITS["cuda"])]
    (found, exact), (direct, _) = (run_on_cpu(*one) for one in graphs)
    for name, array in exact.items():
        errors = [np.sqrt(np.mean((one[name] - array) ** 2)) for one in (found, direct)]
        assert errors[0] <= 2 * errors[1], name


def joined(build, tensor):
    return build.concat(tensor("f32", 2, 6, 7, 10), tensor("f32", 2, 6, 7, 8), axis=3)


def joined_down(build, tensor):
    return build.concat(tensor("f32", 2, 4, 7, 18), tensor("f32", 2, 2, 7, 18), axis=1)


def turned(build, tensor):
    return build.transpose(tensor("f32", 2, 18, 6, 7), axes=(0, 2, 3, 1))


def whole_numbers(build, tensor):
    return build.cast(tensor("i32", 2, 6, 7, 18), dtype="f32")


def padded(build, tensor):
    return build.pad(tensor("f32", 2, 6, 7, 15), low=(0, 0, 0, 2), high=(0, 0, 0, 1), value=1.0)


def reversed_channels(build, tensor):
    return build.reverse(tensor("f32", 2, 6, 7, 18), axes=(3,))


def spread(build, tensor):
    return build.broadcast_to(tensor("f32", 2, 6, 7, 1), (2, 6, 7, 18))


def chosen(build, tensor):
    shape = (2, 6, 7, 18)
    x = tensor("f32", *shape)
    return build.where(build.greater(x, tensor("f32", *shape)), x, tensor("f32", *shape))


IMAGES = (joined, joined_down, turned, whole_numbers, padded, reversed_channels, spread, chosen)


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.__name__)
def test_images_that_are_no_rows_of_one_tensor(run_on_cpu, image):
    """What is combined is read from wherever it lies, or is laid out before."""
    build, inputs, random = Builder(OPS), {}, np.random.default_rng(2)

    def tensor(dtype: str, *shape: int):
        value = build.input("x", TensorType(dtype, shape), Role.FIELD)
        inputs[value.name] = random.integers(-3, 4, size=shape).astype(MEMORY[dtype])
        return value

    geometry = PLAIN | {"pad": ((1, 1), (1, 1))}
    x, w, u = image(build, tensor), tensor("f32", 3, 3, 18, 20), tensor("f32", 2, 6, 7, 20)
    found = build.conv2d(x, w, **geometry)
    slopes = build.conv2d_kernel_gradient(x, u, shape=w.type.shape, **geometry)
    graph = build.graph("images", (Output("found", found), Output("slopes", slopes)))
    exactly(*run_on_cpu(winograd(graph, OPS, FREE), inputs))
