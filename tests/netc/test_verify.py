"""`netc verify`: what is right passes on every device; what is wrong is named."""

import json
from dataclasses import replace

import numpy as np
import pytest

from netc.commands.verify import choose
from netc.compiler import functions
from netc.compiler.ops.table import OPS
from netc.compiler.passes import pipeline
from netc.compiler.program import FunctionFacts, KernelFacts
from netc.compiler.targets import cpu
from netc.runtime.cpu import Cpu

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
IMAGES = """\
net look(image: u8[N, 8, 8, 3]) {{
    x = image / 255 - 0.5
    return {body} -> flatten -> dense(3)
}}

train {{
    take image, label from shapes_on_canvas(count=20, size=8, channels=3, classes=3)
    minimize cross_entropy(look(image), label) with adam(lr=0.01)
    batch 4
}}
"""
TOKENS = """\
net read(words: i32[N, 6]) {{
    x = words -> embedding(7, 8)
    return {body} -> flatten -> dense(3)
}}

train {{
    take words: i32[N, 6], label: i32[N] from feed
    minimize cross_entropy(read(words), label) with adam(lr=0.01)
    batch 4
}}
"""
BLANK = """\
net level(x: f32[N, 16384, 8]) {
    return mean(x -> batch_norm, axis=(1, 2))
}

train {
    take x: f32[N, 16384, 8], y: f32[N] from feed
    minimize mean_squared_error(level(x), y) with sgd(lr=0.01)
    batch 4
}
"""
# a layer of each kind in a net, and an op that only it is made of
LAYERS = {
    "dense": (IMAGES.format(body="x -> flatten -> dense(4) -> sigmoid"), "sigmoid"),
    "conv2d": (IMAGES.format(body="x -> conv2d(4) -> conv2d(4)"), "conv2d"),
    "conv2d_transpose": (
        IMAGES.format(body="x -> conv2d_transpose(2, 2, stride=2) -> conv2d_transpose(2, 2)"),
        "conv2d_image_gradient",
    ),
    "depthwise_conv2d": (IMAGES.format(body="x -> conv2d(4) -> depthwise_conv2d(3)"), "conv2d"),
    "max_pool": (IMAGES.format(body="x -> conv2d(4) -> max_pool(2)"), "max"),
    "batch_norm": (IMAGES.format(body="x -> conv2d(4) -> batch_norm -> tanh"), "rsqrt"),
    "layer_norm": (IMAGES.format(body="x -> dense(4) -> layer_norm"), "rsqrt"),
    "upsample": (IMAGES.format(body="x -> dense(2) -> upsample(2)"), "broadcast"),
    "embedding": (TOKENS.format(body="x -> tanh"), "gather"),
    "attention": (TOKENS.format(body="x -> multi_head_attention(2)"), "attention"),
    "lstm": (TOKENS.format(body="x -> lstm(4)"), "sigmoid"),
    "gelu": (TOKENS.format(body="x -> dense(8) -> gelu"), "erf"),
}


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


def without_the_last(op):
    """A product whose kernels lose the last term of each sum."""

    def contraction(node, read):
        found = op.contraction(node, read)
        return replace(found, depth=found.depth - 1)

    return replace(op, contraction=contraction)


def from_the_next_row(op):
    def scatter(node, read):
        found = op.scatter(node, read)
        return replace(found, value=lambda k, c: found.value((k + 1) % found.count, c))

    return replace(op, scatter=scatter)


def next_element(op):
    def element(node, read, index):
        *others, last = index
        return op.element(node, read, (*others, (last + 1) % node.output.type.shape[-1]))

    return replace(op, element=element)


@pytest.mark.parametrize(
    ("layer", "op", "mistake"),
    [
        ("dense", "matmul", without_the_last),
        ("conv2d", "conv2d", without_the_last),
        ("conv2d", "conv2d_kernel_gradient", without_the_last),
        ("embedding", "scatter_rows", from_the_next_row),
        ("embedding", "gather", next_element),
    ],
)
def test_a_kernel_with_a_mistake_is_found(netc, in_folder, monkeypatch, layer, op, mistake):
    path = in_folder / "net.net"
    path.write_text(LAYERS[layer][0])
    monkeypatch.setattr(functions, "OPS", dict(OPS) | {op: mistake(OPS[op])})
    found = json.loads(netc("verify", path, "--function", "gradients", "--json").out)
    assert not all(entry["passed"] for entry in found["kernels"])
    assert max(entry["slope"] for entry in found["gradients"]) < 1e-5


def test_a_sum_of_equal_numbers_may_round_to_one_side_but_lose_none(
    netc, in_folder, monkeypatch
):
    path = in_folder / "blank.net"
    path.write_text(BLANK)
    np.savez("blank.npz", x=np.full((4, 16384, 8), 0.1, np.float32), y=np.ones(4, np.float32))
    words = ("verify", path, "--function", "train", "--data", "blank.npz", "--json")
    right = json.loads(netc(*words).out)
    render = cpu.render_function
    monkeypatch.setattr(
        cpu, "render_function", lambda *given: render(*given).replace("k < 4096;", "k < 4095;")
    )
    wrong = json.loads(netc(*words).out)
    assert right["passed"] and not wrong["passed"]


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


def scaled(op):
    """The op with gradients that are a hundredth too large."""

    def gradient(build, node, upstream):
        found = op.gradient(build, node, upstream)
        return tuple(one and build.multiply(one, 1.01) for one in found)

    return replace(op, gradient=gradient)


def without_the_second(op):
    return replace(op, gradient=lambda *given: (op.gradient(*given)[0], None))


def transposed(op):
    """A product of squares whose second factor's gradient is turned around."""

    def gradient(build, node, upstream):
        left, right = op.gradient(build, node, upstream)
        is_square = len({*right.type.shape}) == 1
        return left, build.transpose(right, axes=(1, 0)) if is_square else right

    return replace(op, gradient=gradient)


def gradients_of(netc, path) -> list[dict]:
    """The checks of its gradients, as NumPy computes them; their kernels are right."""
    words = ("--device", "reference", "--function", "gradients", "--json")
    found = json.loads(netc("verify", path, *words).out)
    assert all(entry["passed"] for entry in found["kernels"])
    assert found["passed"] == all(entry["passed"] for entry in found["gradients"])
    return found["gradients"]


@pytest.mark.parametrize("layer", LAYERS)
def test_a_gradient_a_hundredth_too_large_is_found_in_every_layer(
    netc, in_folder, monkeypatch, layer
):
    text, op = LAYERS[layer]
    path = in_folder / "net.net"
    path.write_text(text)
    assert all(entry["passed"] for entry in gradients_of(netc, path))
    monkeypatch.setattr(functions, "OPS", dict(OPS) | {op: scaled(OPS[op])})
    assert not all(entry["passed"] for entry in gradients_of(netc, path))


@pytest.mark.parametrize(
    ("op", "mistake"), [("multiply", without_the_second), ("matmul", transposed)]
)
def test_a_lost_term_and_a_swapped_index_are_found(netc, in_folder, monkeypatch, op, mistake):
    path = in_folder / "net.net"
    path.write_text(TOKENS.format(body="x -> layer_norm -> dense(8, bias=false)"))
    monkeypatch.setattr(functions, "OPS", dict(OPS) | {op: mistake(OPS[op])})
    assert max(entry["slope"] for entry in gradients_of(netc, path)) > 0.01


def test_a_pass_that_confuses_two_gradients_is_found(netc, in_folder, monkeypatch):
    def turn(graph, ops):
        names = {"read.dense_1.kernel": "read.dense_2.kernel"}
        names |= {new: old for old, new in names.items()}
        turned = (replace(one, name=names.get(one.name, one.name)) for one in graph.outputs)
        return replace(graph, outputs=tuple(turned))

    path = in_folder / "net.net"
    path.write_text(TOKENS.format(body="x -> dense(8, bias=false) -> dense(8, bias=false)"))
    assert all(entry["passed"] for entry in gradients_of(netc, path))
    monkeypatch.setattr(pipeline, "collapse_folds", turn)
    wrong = {entry["weight"] for entry in gradients_of(netc, path) if not entry["passed"]}
    assert wrong == {"read.dense_1.kernel", "read.dense_2.kernel"}


def test_a_run_that_reads_other_rows_is_found_though_its_kernels_are_right(
    netc, some_file, monkeypatch
):
    run = Cpu.run

    def next_rows(self, function, fields, order, steps):
        first, *others = fields
        return run(self, function, (np.roll(first, 1, axis=0), *others), order, steps)

    monkeypatch.setattr(Cpu, "run", next_rows)
    found = json.loads(netc("verify", some_file, "--function", "gradients", "--json").out)
    assert all(entry["passed"] for entry in found["kernels"])
    assert max(entry["slope"] for entry in found["gradients"]) < 1e-5
    wrong = [entry["error"] for entry in found["gradients"] if not entry["passed"]]
    assert len(wrong) == 4 and min(wrong) > 1000  # the first layer's gradients are stopped


@pytest.mark.parametrize("precision", ["tf32", "bf16", "f16"])
def test_products_of_rounded_factors_are_what_the_reference_makes(netc, some_file, precision):
    some_file.write_text(SOME.replace("batch 8", f"batch 8\n    precision {precision}"))
    found = json.loads(netc("verify", some_file, "--json").out)
    assert found["passed"]
    assert max(entry["slope"] for entry in found["gradients"]) < 1e-5


def test_a_step_of_f16_that_goes_too_far_is_right(netc, some_file):
    """Gradients are infinite then, on the device as in the reference, and nothing moves."""
    text = SOME.replace("batch 8", "batch 8\n    precision f16")
    some_file.write_text(text.replace("minimize", "minimize 1e6 * "))
    done = netc("verify", some_file, "--json")
    assert done.code == 0 and not done.err and json.loads(done.out)["passed"]


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
