"""What tests of the compiler share: graphs run as C on this machine, and what rounding may do."""

import ctypes
import itertools
import mmap
import os
import platform
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from netc.compiler.build.cc import NATIVE, build_library, instruction_sets
from netc.compiler.build.processor import processor_flags
from netc.compiler.functions import lay_out, trace
from netc.compiler.interpret import interpret
from netc.compiler.ir.builder import is_pointwise
from netc.compiler.ir.graph import Graph, Node, Role
from netc.compiler.ir.operation import Family
from netc.compiler.kernels.memory import plan_persistent
from netc.compiler.language.model import load_model
from netc.compiler.ops.arrays import ARRAYS
from netc.compiler.ops.table import OPS
from netc.compiler.targets import cpu
from netc.compiler.targets.cpu_cut import cut
from netc.compiler.targets.function import Function, make_function
from netc.compiler.targets.machine import machine_of

MEMORY = {"f32": np.float32, "i32": np.int32, "u8": np.uint8, "bool": np.uint8}
EPSILON = 2.0**-24  # half a unit in the last place of a float32: the error of one rounding
ULPS = 4  # of the worst function of one float, as netc_math.h and the C library state them

Arrays = dict[str, np.ndarray]

PERCEPTRON = """
net perceptron(x: f32[N, 12]) {
    return x -> dense(20) -> relu -> dropout(0.25) -> dense(3)
}

train {
    take x: f32[N, 12], y: i32[N] from feed
    logits = perceptron(x)
    minimize cross_entropy(logits, y) with adam(lr=0.01)
    measure accuracy(logits, y)
    batch 24
    steps 20
    seed 5
}
"""
CONVOLUTION = """
net pixels(image: u8[N, 10, 9, 2]) {
    return image / 255 -> conv2d(5, kernel=3) -> relu -> max_pool(2) -> flatten -> dense(3)
}

train {
    take image: u8[N, 10, 9, 2], label: i32[N] from feed
    minimize cross_entropy(pixels(image), label) with sgd(lr=0.05, momentum=0.9)
    batch 16
    steps 20
}
"""


# NETC_MARCH=x86-64-v3 runs the tests of C as a processor with narrower vectors would.
MARCH = os.environ.get("NETC_MARCH", NATIVE)


class Field(ctypes.Structure):
    _fields_ = [("rows", ctypes.c_void_p), ("bytes", ctypes.c_int64)]


class CpuRun:
    """A function built for a processor, this one if not told, and the arena that it works in."""

    def __init__(self, function: Function, folder: Path, march: str) -> None:
        self.function, self.graph, self.memory = function, function.graph, function.memory
        source = folder / f"{function.name}.c"
        folder.mkdir(parents=True)
        for header in cpu.HEADERS:
            text = (files("netc.templates") / header).read_text()
            (folder / Path(header).name).write_text(text)
        source.write_text(cpu.render_function(function, machine_of(march), ()))
        self.library = ctypes.CDLL(str(build_library(source, march=march)))
        self.arena = guarded(self.memory.arena_bytes)
        self.scalars = [
            output.name for output in self.graph.outputs if output.value.type.count == 1
        ]

    def place(self, value, array=None) -> np.ndarray:
        """The value's elements in the arena; filled with `array` where one is given."""
        buffer = self.memory.buffer(value.name)
        view = self.arena[buffer.offset : buffer.offset + buffer.bytes]
        view = view.view(MEMORY[value.type.dtype]).reshape(value.type.shape)
        if array is not None:
            view[...] = array
        return view

    def steps(self, inputs: Arrays, threads: int, steps: int) -> np.ndarray:
        """Runs so many steps on the same fields; returns the log."""
        lasting = [e.value for e in self.graph.inputs if e.role is not Role.FIELD]
        taken = [e.value for e in self.graph.inputs if e.role is Role.FIELD]
        for value in lasting:
            if value.name in dict(self.memory.places):
                self.place(value, inputs[value.name])
        rows = [np.ascontiguousarray(inputs[v.name], MEMORY[v.type.dtype]) for v in taken]
        fields = (Field * max(len(rows), 1))(*(Field(r.ctypes.data, r.nbytes) for r in rows))
        order = np.zeros(steps, np.int64)
        log = np.zeros((steps, max(len(self.scalars), 1)), np.float32)
        self.library.netc_start(threads)
        getattr(self.library, self.function.name)(
            ctypes.c_void_p(self.arena.ctypes.data),
            fields,
            ctypes.c_void_p(order.ctypes.data),
            ctypes.c_int64(steps),
            ctypes.c_void_p(log.ctypes.data),
        )
        self.library.netc_start(1)
        return log

    def __call__(self, inputs: Arrays, threads: int = 2, steps: int = 1) -> Arrays:
        """Every output by its name and every update by its target's, as `interpret` gives them."""
        log = self.steps(inputs, threads, steps)
        found = {o.name: self.place(o.value).copy() for o in self.graph.outputs}
        for number, name in enumerate(self.scalars):
            shown = np.float32(found[name].reshape(()))
            np.testing.assert_array_equal(log[-1, number], shown, err_msg=f"log of {name}")
        lasting = (e.value for e in self.graph.inputs if e.role is not Role.FIELD)
        return {value.name: self.place(value).copy() for value in lasting} | found


def guarded(size: int) -> np.ndarray:
    """So many bytes, NaN for every float, that end where memory does: whoever reads or writes
    behind them is stopped by the processor, and the tests with him."""
    pages = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
    whole = mmap.mmap(-1, pages + mmap.PAGESIZE)
    array = np.frombuffer(whole, np.uint8)
    libc = ctypes.CDLL(None, use_errno=True)
    behind = ctypes.c_void_p(array.ctypes.data + pages)
    assert libc.mprotect(behind, ctypes.c_size_t(mmap.PAGESIZE), 0) == 0
    array[:pages] = 0xFF
    return array[pages - size : pages]


@pytest.fixture(params=["perceptron", "pixels"])
def net_file(request, tmp_path) -> Path:
    """A small complete program: a net of two layers, or one with a convolution."""
    path = tmp_path / f"{request.param}.net"
    path.write_text(PERCEPTRON if request.param == "perceptron" else CONVOLUTION)
    return path


@pytest.fixture
def functions(net_file) -> tuple[Function, ...]:
    """Every function of the small program, laid out for the cpu: `train` comes first."""
    return lay_out(trace(load_model(net_file, {}, None)), lambda *stage: None)["cpu"]


@pytest.fixture(scope="session")
def _libraries(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("libraries")
    numbers = itertools.count()
    return lambda: folder / str(next(numbers))


@pytest.fixture
def build_on_cpu(_libraries, monkeypatch) -> Callable[..., CpuRun]:
    """build_on_cpu(graph, cut=cut, march=MARCH) -> CpuRun: the graph as C for a processor; its
    fields hold one sample."""

    def build(graph: Graph, cut=cut, march: str = MARCH) -> CpuRun:
        folder = _libraries()
        monkeypatch.setenv("NETC_CACHE", str(folder / "cache"))
        persistent = plan_persistent(tuple(e for e in graph.inputs if e.role is not Role.FIELD))
        return CpuRun(make_function(graph, 1, OPS, persistent, cut), folder, march)

    return build


@pytest.fixture(scope="session")
def marches() -> tuple[str, ...]:
    """This processor, and those with narrower vectors that it can stand in for."""
    is_x86 = platform.machine() == "x86_64"
    others = ("x86-64-v3", "x86-64") if is_x86 else ()
    return (MARCH, *(one for one in others if instruction_sets(one) <= processor_flags()))


@pytest.fixture
def run_on_cpu(build_on_cpu) -> Callable[..., tuple[Arrays, Arrays]]:
    """run_on_cpu(graph, inputs, threads=2) -> (what the C gives, what the interpreter gives)."""

    def run(
        graph: Graph, inputs: Arrays, threads: int = 2, cut=cut, march: str = MARCH
    ) -> tuple[Arrays, Arrays]:
        return build_on_cpu(graph, cut, march)(inputs, threads), interpret(graph, inputs)

    return run


@pytest.fixture
def within_rounding() -> Callable[..., None]:
    """within_rounding(graph, inputs, found): fails unless `found` differs from the exact results by
    no more than float32 explains."""

    def check(graph: Graph, inputs: Arrays, found: Arrays, note: str = "") -> None:
        expected, allowed = interpret(graph, inputs), rounding(graph, inputs)
        for name, array in expected.items():
            got = np.asarray(found[name], np.float64)
            exact = np.asarray(array, np.float64)
            with np.errstate(invalid="ignore", over="ignore"):
                wrong = ~(np.abs(got - exact) <= allowed[name])
                wrong &= ~(np.isnan(got) & np.isnan(exact)) & (got != exact)
                wrong &= ~((np.abs(exact) > 3.4e38) & (got == np.sign(exact) * np.inf))
            if wrong.any():
                at = tuple(np.argwhere(wrong)[0])
                raise AssertionError(
                    f"{note}{name}{list(at)} is {got[at]}, not {exact[at]} +- {allowed[name][at]}; "
                    f"{wrong.sum()} of {wrong.size} are wrong"
                )

    return check


def rounding(graph: Graph, inputs: Arrays, draws: int = 8) -> Arrays:
    """How far each result may be off: the farthest that it moves when every operation errs by as
    much as its float32 arithmetic can, in random directions, and then as far again twice over."""
    exact = interpret(graph, inputs)
    worst = {name: np.full(np.shape(array), 1e-37) for name, array in exact.items()}
    random = np.random.default_rng(7)
    for _ in range(draws):
        noisy = run_noisily(graph, inputs, random)
        for name, array in exact.items():
            with np.errstate(all="ignore"):
                moved = np.abs(np.asarray(noisy[name], np.float64) - np.asarray(array, np.float64))
            worst[name] = np.fmax(worst[name], moved)
    return {name: 3 * array for name, array in worst.items()}


def run_noisily(graph: Graph, inputs: Arrays, random: np.random.Generator) -> Arrays:
    known = {
        e.value.name: np.asarray(inputs[e.value.name], ARRAYS[e.value.type.dtype])
        for e in graph.inputs
    }
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            arrays = [known[value.name] for value in node.inputs]
            result = np.asarray(OPS[node.op].reference(*arrays, **node.named))
            if node.output.type.is_float and not OPS[node.op].moves_only:
                noise = random.uniform(-1.0, 1.0, result.shape)  # equal sizes would often cancel
                error = error_of(node, arrays, result) * noise
                result = result + np.where(np.isfinite(result), error, 0.0)
            known[node.output.name] = result
    results = {output.name: output.value for output in graph.outputs}
    results |= {update.target.name: update.value for update in graph.updates}
    return {name: known[value.name] for name, value in results.items()}


def error_of(node: Node, arrays: list[np.ndarray], result: np.ndarray) -> np.ndarray:
    """What one op's float32 arithmetic may add to its result: a few roundings of the result, or one
    for each term of a sum, of the size of all that is summed."""
    op = OPS[node.op]
    if node.op == "random_normal":  # the angle, below 2 pi, is rounded; the radius is below 6
        return np.full(result.shape, 2 * np.pi * 6 * EPSILON)
    if is_pointwise(op) or node.op in ("max", "min"):
        return ULPS * EPSILON * np.abs(result)
    if op.family is Family.ATTEND:
        return error_of_attention(node, arrays, result)
    absolute = [np.abs(array) for array in arrays]
    if node.op == "move_rows":  # it takes away, and what it takes away from may be as large
        absolute[-1] = -absolute[-1]
    named = node.named
    if node.op == "combine":
        named["matrix"] = np.abs(named["matrix"])
    sizes = op.reference(*absolute, **named)
    terms = max(1, op.flops(node) // max(2 * node.output.type.count, 1))
    return EPSILON * (terms + 1) * sizes


def error_of_attention(node: Node, arrays: list[np.ndarray], result: np.ndarray) -> np.ndarray:
    """A rounding of the result, and what follows from one of each operand for each term of a sum:
    a weight is as wrong as its score, and the difference of two slopes as wrong as they are."""
    op, random = OPS[node.op], np.random.default_rng(17)
    terms = max(array.shape[-1] for array in arrays[:3]) + 2
    off = [
        array * (1 + terms * EPSILON * random.choice((-1, 1), array.shape))
        if array.dtype.kind == "f" else array
        for array in arrays
    ]  # fmt: skip
    return ULPS * EPSILON * np.abs(result) + np.abs(op.reference(*off, **node.named) - result)
