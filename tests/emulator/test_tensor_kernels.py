"""Products with rounded operands, as netc renders them, on tensor cores and without them."""

import numpy as np
import pytest

from netc.compiler.interpret import interpret
from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.precision import rounded
from netc.compiler.ops.table import OPS
from netc.compiler.targets import cuda_tensor
from netc.compiler.targets.cuda_tensor import FORMATS, TENSOR_SHAPES
from netc.emulator.findings import EmulatorError
from netc.emulator.launch import SCHEDULES

CLOSE = {"rtol": 2e-5, "atol": 2e-5}
PADDED = {"stride": (1, 1), "pad": ((1, 1), (1, 1)), "dilation": (1, 1)}


class Products:
    """A graph of products of one precision, side by side, with its inputs."""

    def __init__(self, precision: str) -> None:
        self.build, self.inputs, self.outputs = Builder(OPS), {}, []
        self.random, self.precision = np.random.default_rng(4), precision

    def tensor(self, *shape: int):
        value = self.build.input("x", TensorType("f32", shape), Role.STATE)
        self.inputs[value.name] = self.random.normal(size=shape).astype(np.float32)
        return value

    def out(self, op: str, *operands, **attributes) -> None:
        value = self.build.apply(op, *operands, precision=self.precision, **attributes)
        self.outputs.append(Output(f"{len(self.outputs)} {op}", value))

    def matmul(self, rows: int, depth: int, columns: int, turned: bool) -> None:
        a, b = self.tensor(rows, depth), self.tensor(depth, columns)
        if turned:
            a, b = self.tensor(depth, rows), self.tensor(columns, depth)
            a, b = (self.build.transpose(value, axes=(1, 0)) for value in (a, b))
        self.out("matmul", a, b)

    def conv2d(self, shape: tuple[int, ...], filters: int) -> None:
        image, kernel = self.tensor(*shape), self.tensor(3, 3, shape[3], filters)
        output = self.tensor(*shape[:3], filters)
        self.out("conv2d", image, kernel, **PADDED)
        self.out("conv2d_image_gradient", output, kernel, shape=shape, **PADDED)
        to_kernel = {"shape": (3, 3, shape[3], filters), **PADDED}
        self.out("conv2d_kernel_gradient", image, output, **to_kernel)

    @property
    def graph(self) -> Graph:
        return self.build.graph("products", tuple(self.outputs))


@pytest.fixture
def agrees(cuda_on_cpu):
    """agrees(products, arch): checked, and the same bits in every order, near the interpreter's."""

    def check(products: Products, arch: str = "sm_80") -> str:
        function, arrays = cuda_on_cpu.function_of(products.graph), products.inputs
        expected = interpret(products.graph, arrays)
        checked = cuda_on_cpu.CudaOnCpu(function, checked=True, arch=arch)
        found = [checked.results(arrays, SCHEDULES[-1])]
        fast = cuda_on_cpu.CudaOnCpu(function, arch=arch)
        found += [fast.results(arrays, schedule) for schedule in SCHEDULES]
        for results in found:
            for name, array in expected.items():
                np.testing.assert_array_equal(results[name], found[0][name], err_msg=name)
                np.testing.assert_allclose(results[name], array, err_msg=name, **CLOSE)
        return cuda_on_cpu.source_of(function, arch)

    return check


def around(shape, precision: str) -> Products:
    """Products that a block of this shape fits exactly, and that it does not fit at all."""
    products, depth = Products(precision), FORMATS[precision].depth
    for turned in (False, True):
        products.matmul(shape.rows + 3, 2 * depth + 5, shape.columns + 1, turned)
        products.matmul(shape.rows + 4, depth + 4, shape.columns + 8, turned)
    products.matmul(shape.rows, depth, shape.columns, False)
    return products


@pytest.mark.parametrize("shape", TENSOR_SHAPES, ids=lambda s: f"{s.rows}x{s.columns}")
@pytest.mark.parametrize("precision", ["bf16", "tf32"])
def test_products_of_every_tile(agrees, precision, shape, monkeypatch):
    monkeypatch.setattr(cuda_tensor, "TENSOR_SHAPES", (shape,))
    source = agrees(around(shape, precision))
    assert source.count(f"{FORMATS[precision].multiply}(sums") == 5
    wide = "netc_cp_async16_zfill(&" if precision == "tf32" else "*(const float4 *)&"
    assert wide in source


def test_products_of_f16(agrees):
    agrees(around(TENSOR_SHAPES[2], "f16"))


@pytest.mark.parametrize("precision", FORMATS)
def test_convolutions_and_their_gradients(agrees, precision):
    products = Products(precision)
    products.conv2d((2, 5, 7, 3), 5)
    products.conv2d((1, 6, 6, 8), 12)  # neighbours are loaded four at a time
    agrees(products)


@pytest.mark.parametrize("precision", FORMATS)
def test_products_without_tensor_cores(agrees, precision):
    products = Products(precision)
    products.matmul(37, 70, 41, False)
    products.conv2d((2, 5, 7, 3), 5)
    assert "netc_mma" not in agrees(products, "sm_75")


def identity(numbers: np.ndarray, precision: str) -> tuple[Graph, dict[str, np.ndarray]]:
    """Each number by one: what is left of it when it is rounded."""
    products = Products(precision)
    x, one = products.tensor(len(numbers), 1), products.tensor(1, 1)
    products.out("matmul", x, one)
    inputs = {x.name: numbers.reshape(-1, 1), one.name: np.ones((1, 1), np.float32)}
    return products.graph, inputs


@pytest.mark.parametrize("arch", ["sm_75", "sm_80"])
@pytest.mark.parametrize("precision", FORMATS)
def test_operands_are_rounded_to_the_nearest_even(cuda_on_cpu, hard_to_round, precision, arch):
    graph, inputs = identity(hard_to_round, precision)
    machine = cuda_on_cpu.CudaOnCpu(cuda_on_cpu.function_of(graph), arch=arch)
    (found,) = machine.results(inputs).values()
    np.testing.assert_array_equal(found[:, 0], rounded(hard_to_round, precision))


# What nobody may forget or confuse in these kernels, and what the emulator says of it.
SPOILED = {
    "no wait for a copy": ("tf32", "netc_cp_async_wait<0>();", "", "race|uninitialised|wrong"),
    "no barrier after filling a tile": ("bf16", "__syncthreads();", "", "race|uninitialised"),
    "one tile instead of two": ("bf16", "stage ^= 1", "stage ^= 0", "race|uninitialised"),
    "a row that ldmatrix cannot read": ("bf16", "[64][40]", "[64][39]", "misaligned"),
    "left and right confused": ("bf16", "netc_right_flat(", "netc_left_flat(", "wrong"),
    "the layout of the other side": ("tf32", "netc_right_flat(", "netc_left_flat(", "wrong"),
    "deep read as flat": ("bf16", "netc_left_deep(", "netc_left_flat(", "wrong|out of bounds"),
    "the other 16-bit type": ("f16", "netc_mma_m16n8k16_f16(", "netc_mma_m16n8k16_bf16(", "wrong"),
    "tf32 in 16 bits": ("tf32", "start += 16", "start += 8", "wrong"),
    "no guard of the depth": ("bf16", " && k < 40", "", "out of bounds"),
    "a copy that does not fill up": ("tf32", "? 16 : 0", "? 16 : 16", "out of bounds|wrong"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_misuse_is_found(cuda_on_cpu, name, monkeypatch):
    precision, old, new, kinds = SPOILED[name]
    monkeypatch.setattr(cuda_tensor, "TENSOR_SHAPES", (TENSOR_SHAPES[2],))
    products = Products(precision)
    products.matmul(68, 40, 68, False)
    function = cuda_on_cpu.function_of(products.graph)
    head, kernel = cuda_on_cpu.source_of(function, "sm_80").split("// k01_")
    assert old in kernel
    spoiled = f"{head}// k01_{kernel.replace(old, new)}"
    machine = cuda_on_cpu.CudaOnCpu(function, checked=True, source=spoiled, arch="sm_80")
    found = set()
    for schedule in SCHEDULES:
        try:
            (result,) = machine.results(products.inputs, schedule).values()
        except EmulatorError as error:
            found |= {finding.kind for finding in error.findings}
            continue
        (expected,) = interpret(products.graph, products.inputs).values()
        if not np.allclose(result, expected, **CLOSE):
            found.add("wrong")
    assert found & set(kinds.split("|")), found
