"""`netc verify`: what is right passes on every device; what is wrong is named."""

import json
from dataclasses import replace

import pytest

from netc.commands.verify import choose
from netc.compiler import functions
from netc.compiler.ops.table import OPS
from netc.compiler.program import FunctionFacts, KernelFacts
from netc.compiler.targets import cpu

SOME = """\
net some(x: f32[N, 4]) {
    return x -> dense(5) -> tanh -> stop_gradient -> dense(6) -> tanh -> dropout(0.5) -> dense(3)
}

train {
    take x, label from blobs(count=40, features=4, classes=3)
    minimize cross_entropy(some(x), label) with adam(lr=0.01)
    batch 8
}
"""


@pytest.fixture
def some_file(in_folder):
    path = in_folder / "some.net"
    path.write_text(SOME)
    return path


@pytest.mark.parametrize("device", ["cpu", "emulate", "reference"])
def test_a_right_program_passes_kernel_by_kernel(netc, some_file, device):
    done = netc("verify", some_file, "--device", device, "--json")
    found = json.loads(done.out)
    functions = {entry["function"] for entry in found["kernels"]}
    assert done.code == 0 and found["passed"] and found["device"] == device
    nets = {"run_some_8", "run_some_1"}
    assert functions == {"train", "gradients", "evaluate_8", "evaluate_1"} | nets
    assert len(found["gradients"]) == 6 and len(found["kernels"]) > 30
    exact = device == "reference"
    assert all(entry["error"] <= (0.6 if exact else 4.0) for entry in found["kernels"])
    assert exact or max(entry["error"] for entry in found["kernels"]) > 0.01


def test_the_table_has_a_row_for_each_layer(netc, some_file):
    done = netc("verify", some_file)
    rows = {line.split()[0]: line.split()[1:] for line in done.out.splitlines() if line}
    assert {"some.dense_1", "some.dense_2", "some.dense_3"} <= rows.keys()
    assert all(rows[f"some.dense_{number}"][-1] == "right" for number in (1, 2, 3))
    assert "6 gradients on cpu" in done.out and done.code == 0


def test_a_wrong_kernel_is_named_with_its_line(netc, some_file, monkeypatch):
    monkeypatch.setitem(cpu.CPU.functions, "tanh", "(1.00001f * netc_tanh({0}))")
    done = netc("verify", some_file)
    wrong = [line for line in done.out.splitlines() if line.startswith("wrong: the kernel")]
    assert done.code == 1 and "WRONG" in done.out
    assert wrong and all("(line 2)" in line and "forward" in line for line in wrong)
    assert any("of run_some_1 " in line for line in wrong)
    assert "errors in roundings of float32: wrong" in done.out


def test_a_kernel_that_stores_nothing_is_wrong(netc, some_file, monkeypatch):
    monkeypatch.setitem(cpu.CPU.functions, "tanh", "(0.0f / 0.0f)")
    done = netc("verify", some_file, "--json")
    found = json.loads(done.out)
    assert done.code == 1 and not found["passed"]
    assert any(entry["error"] is None and not entry["passed"] for entry in found["kernels"])


def test_a_wrong_gradient_is_found_though_its_kernels_are_right(netc, some_file, monkeypatch):
    wrong = replace(OPS["tanh"], gradient=lambda build, node, upstream: (upstream,))
    monkeypatch.setattr(functions, "OPS", dict(OPS) | {"tanh": wrong})
    found = json.loads(netc("verify", some_file, "--json").out)
    assert all(entry["passed"] for entry in found["kernels"])
    failed = {entry["weight"] for entry in found["gradients"] if not entry["passed"]}
    assert failed == {"some.dense_2.kernel", "some.dense_2.bias"}


@pytest.mark.parametrize("precision", ["tf32", "bf16", "f16"])
def test_products_of_rounded_factors_are_what_the_reference_makes(netc, some_file, precision):
    some_file.write_text(SOME.replace("batch 8", f"batch 8\n    precision {precision}"))
    found = json.loads(netc("verify", some_file, "--json").out)
    assert found["passed"]
    assert max(entry["error"] for entry in found["gradients"]) > 1e-6


def test_one_function_is_checked_alone(netc, some_file):
    found = json.loads(netc("verify", some_file, "--function", "evaluate_1", "--json").out)
    assert {entry["function"] for entry in found["kernels"]} == {"evaluate_1"}
    assert found["gradients"] == []
    done = netc("verify", some_file, "--function", "evaluate_2")
    assert done.code == 2 and "there is no function `evaluate_2`" in done.err


def test_trained_weights_are_checked_as_they_are(netc, some_file):
    assert netc("train", some_file, "--steps", "3", "--quiet").code == 0
    checkpoint = next(some_file.parent.glob("runs/*/*.safetensors"))
    done = netc("verify", some_file, "--checkpoint", checkpoint)
    assert done.code == 0, done.err


def test_what_takes_the_reference_too_long_is_said_to_be_left_out():
    def function(symbol: str, flops: int) -> FunctionFacts:
        kernel = KernelFacts("k01", "map", "", "forward", (), flops, 1, 0.0)
        return FunctionFacts(symbol, 1, symbol, (), (), (kernel,), (), 0)

    functions = function("train", 10**12), function("evaluate_1", 10**6)
    assert choose(functions, None, False) == (functions[1:], ("train",))
    assert choose(functions, None, True) == (functions, ())


def test_a_folder_is_not_verified(netc, in_folder):
    done = netc("verify", ".")
    assert done.code == 2 and "name the `.net` file" in done.err
