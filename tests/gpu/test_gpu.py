"""What a GPU computes, kernel by kernel and step by step: only `make gpu` collects these tests."""

from pathlib import Path

import numpy as np
import pytest

from netc.compiler.driver import compile_file
from netc.compiler.interpret import interpret
from netc.compiler.ir.graph import Role
from netc.compiler.program import FunctionFacts, Layout, Program, Tensor
from netc.compiler.targets.cuda import build_files
from netc.runtime.cuda import OWN_FORMS
from netc.runtime.emulate_check import made_up
from netc.runtime.reference import Reference
from netc.runtime.session import Session
from netc.runtime.verify_gradients import leave_kinks
from netc.runtime.verify_kernels import ALLOWED, check_kernels

FOLDER = Path(__file__).parents[2] / "examples"
EXAMPLES = [path for path in sorted(FOLDER.glob("*.net")) if "\ntrain" in path.read_text()]
BLOCKS = {"recommend": "factors"}  # the train block where none is without a name
STEPS = 5


@pytest.fixture(params=EXAMPLES, ids=lambda path: path.stem)
def example(request, tmp_path):
    """(program, build folder) of each example."""
    train = BLOCKS.get(request.param.stem)
    return compiled(request.param, tmp_path, train)


def compiled(path: Path, folder: Path, train: str | None = None) -> tuple[Program, Path]:
    """The program as the GPU has it, and where its files are."""
    program, built = compile_file(path, train=train, out=folder / "build")
    return program.on("cuda"), built


def losses(device, program, folder) -> np.ndarray:
    """The losses of some steps on one batch of made-up rows."""
    session = Session(program, folder, device, seed=1)
    leave_kinks(session)
    function = program.function("train")
    order = np.tile(np.arange(function.batch), STEPS)
    return device.run(function, made_up(function), order, STEPS)[:, 0]


def test_every_kernel_stores_what_the_reference_does(gpu, example):
    session = Session(*example, gpu(*example), seed=1)
    leave_kinks(session)
    functions = tuple(one for one in example[0].functions if one.symbol in ("train", "evaluate_1"))
    checks = list(check_kernels(session, functions, {}))
    assert len(checks) == sum(len(one.kernels) for one in functions) > 10
    wrong = [f"{one.kernel.name}: {one.error:.3g}" for one in checks if not one.passed]
    assert not wrong


def test_the_emulator_stores_what_the_gpu_does(both, example):
    """But for roundings: each contracts products and sums, and has functions, of its own."""
    program, folder = example
    device = both(program, folder)
    session = Session(program, folder, device.gpu, seed=1)
    leave_kinks(session)
    session.device = device
    step = program.function("train")
    checks = list(check_kernels(session, (step,), {}))
    assert len(checks) == len(step.kernels)
    for check in checks:
        for name, unit in check.units.items():
            assert device.apart[name] <= 2 * ALLOWED * unit, f"{check.kernel.name}: {name}"


def test_training_follows_the_reference(gpu, example):
    program, folder = example
    found = losses(gpu(program, folder), program, folder)
    expected = losses(Reference(program, folder), program, folder)
    assert len(found) == STEPS and expected[-1] != expected[0]
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_the_same_seed_gives_the_same_bits(gpu, example):
    program, folder = example
    first, again = (losses(gpu(program, folder), program, folder) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_every_op_gives_what_its_reference_does(gpu, cuda_on_cpu, op_graph, tmp_path):
    graph, arrays = op_graph
    function = cuda_on_cpu.function_of(graph)
    for arch, place in (("sm_80", "cuda"), *((own, f"cuda/{own}") for own in OWN_FORMS)):
        for name, text in build_files(function, arch, "ops", ()).items():
            path = tmp_path / place / Path(name).name  # one of them is the runtime's choice
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    facts = FunctionFacts("ops", 1, "ops", (), (), (), (), 0)
    program = Program(
        "ops", "0", "0", "ops.net", str(tmp_path), 0, (),
        (Layout("cuda", function.memory.arena_bytes, (facts,)),), None, None,
    )  # fmt: skip
    device = gpu(program, tmp_path)

    def tensor(value) -> Tensor:
        place = function.memory.buffer(value.name).offset
        return Tensor(value.name, value.type.dtype, value.type.shape, place)

    fields = []
    for entry in graph.inputs:
        if entry.role is Role.FIELD:
            fields.append(np.ascontiguousarray(arrays[entry.value.name])[None])
        elif entry.value.name in dict(function.memory.places):
            device.write(tensor(entry.value), arrays[entry.value.name])
    device.run(facts, tuple(fields), None, 1)
    expected = interpret(graph, arrays)
    assert len(graph.outputs) > 250
    for output in graph.outputs:
        np.testing.assert_allclose(
            device.read(tensor(output.value)), expected[output.name],
            rtol=2e-5, atol=2e-5, err_msg=output.name,
        )  # fmt: skip


WIDE = """
net wide(x: f32[N, 1016]) { return x -> dense(2056) -> relu -> dense(4104) -> gelu }
train {
    take x: f32[N, 1016], y: f32[N, 4104] from feed
    minimize mean_squared_error(wide(x), y) with sgd(lr=0.01)
    batch 4100
    steps 1
    precision PRECISION
}
"""


@pytest.mark.parametrize("precision", ["tf32", "bf16", "f16"])
def test_products_that_are_worth_copies_are_those_of_the_reference(gpu, tmp_path, precision):
    path = tmp_path / "wide.net"
    path.write_text(WIDE.replace("PRECISION", precision))
    program, folder = compiled(path, tmp_path)
    assert "netc_wgmma_m64n" in (folder / "cuda" / "sm_90a" / "run_wide_4100.cu").read_text()
    session = Session(program, folder, gpu(program, folder), seed=1)
    leave_kinks(session)
    function = next(one for one in program.functions if one.symbol == "run_wide_4100")
    checks = list(check_kernels(session, (function,), {}))
    assert [one.kernel.name for one in checks if not one.passed] == [] and len(checks) >= 2


@pytest.mark.parametrize("precision", ["tf32", "bf16", "f16"])
def test_products_on_tensor_cores_are_those_of_the_reference(gpu, tmp_path, precision):
    text = (FOLDER / "mlp.net").read_text()
    path = tmp_path / "mlp.net"
    path.write_text(text.replace("    batch 64", f"    precision {precision}\n    batch 64"))
    example = compiled(path, tmp_path)
    assert "netc_mma_" in (example[1] / "cuda" / "train.cu").read_text()
    session = Session(*example, gpu(*example), seed=1)
    leave_kinks(session)
    checks = list(check_kernels(session, (example[0].function("train"),), {}))
    assert [one.kernel.name for one in checks if not one.passed] == [] and len(checks) > 10
