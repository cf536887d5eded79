"""The device `emulate`: a program trained on its CUDA C, and the check of all its kernels."""

import re
import shutil

import numpy as np
import pytest

from netc.compiler.diagnostics import NetError, render
from netc.compiler.driver import compile_file
from netc.runtime.device import open_device
from netc.runtime.emulate_check import emulate_check
from netc.runtime.session import Session

# Pictures and words: convolutions, norms, pooling, attention, dropout, clipping.
MIXED = """
net picture(x: u8[N, 8, 8, 1]) {
    x = cast(x, f32) / 255 -> conv2d(4, pad=same) -> batch_norm -> relu -> max_pool(2)
    return x -> conv2d(6, stride=2) -> gelu -> flatten -> dropout(0.2) -> dense(3)
}

net words(x: i32[N, T]) {
    x = x -> embedding(5, 8)
    x = x + (x -> layer_norm -> multi_head_attention(2, causal=true))
    return mean(x -> rms_norm -> dense(12) -> silu, axis=1) -> dense(3)
}

train {
    take image: u8[N, 8, 8, 1], text: i32[N, 6], label: i32[N] from feed
    logits = picture(image) + words(text)
    minimize cross_entropy(logits, label, smoothing=0.1) with adamw(lr=cosine(1e-3, warmup=2))
    measure accuracy(logits, label)
    batch 4
    steps 5
    clip 1.0
}
"""


@pytest.fixture
def spoiled(small, tmp_path):
    """spoiled(pattern, new): the small program, with something else in its training step."""
    program, folder = small

    def spoil(pattern: str, new: str):
        shutil.copytree(folder, tmp_path / "build")
        source = tmp_path / "build" / "cuda" / "train.cu"
        text, count = re.subn(pattern, new, source.read_text(), count=1)
        assert count, pattern
        source.write_text(text)
        return program, tmp_path / "build"

    return spoil


def trained(name: str, program, folder) -> tuple[list[dict], dict[str, np.ndarray]]:
    """What five steps report, and the weights that they leave."""
    session = Session(program, folder, open_device(name, program, folder), seed=3)
    random = np.random.default_rng(4)
    reports = []
    for _ in range(5):
        x = random.normal(size=(16, 4)).astype(np.float32)
        label = random.integers(0, 3, 16).astype(np.int32)
        reports.append(session.step(x=x, label=label))
    return reports, dict(session.weights)


def test_training_is_that_of_the_reference(small):
    reports, weights = trained("emulate", *small)
    expected, expected_weights = trained("reference", *small)
    for report, other in zip(reports, expected, strict=True):
        assert report == pytest.approx(other, rel=1e-4)
    for name, weight in expected_weights.items():
        np.testing.assert_allclose(weights[name], weight, rtol=1e-3, atol=1e-5, err_msg=name)


def test_samples_are_taken_in_the_order_given(small):
    program, folder = small
    train = program.function("train")
    random = np.random.default_rng(5)
    fields = (random.normal(size=(40, 4)).astype(np.float32), random.integers(0, 3, 40, np.int32))
    order = random.permutation(40)[:32]
    logs = []
    for name in ("emulate", "reference"):
        device = open_device(name, program, folder)
        Session(program, folder, device, seed=1)
        logs.append(device.run(train, fields, order, 2))
    np.testing.assert_allclose(*logs, rtol=1e-4)


def test_every_kernel_of_a_program_is_right(small):
    assert emulate_check(*small) == ()


def test_every_kernel_of_pictures_and_words_is_right(tmp_path):
    (tmp_path / "mixed.net").write_text(MIXED)
    program, folder = compile_file(tmp_path / "mixed.net", out=tmp_path / "build")
    assert sum(len(function.kernels) for function in program.functions) > 100
    assert emulate_check(program, folder) == ()


def test_a_kernel_that_is_wrong_is_named_with_all_that_matters(spoiled):
    program, folder = spoiled(r"\[(n|i|[^\[\]]*c)\] = (\w+);", r"[\1 + 1] = \2;")
    found = emulate_check(program, folder)
    assert found
    text = render(found[0])
    assert re.match(r"error\[E0731\]: (out of bounds|race|unwritten).* in the kernel `k\d\d_", text)
    assert re.search(r"small\.net:\d+:", text)
    assert re.search(r"block 0,0,0, thread \d+,\d+,0", text)
    assert re.search(r"train\.cu:\d+: .* \+ 1\]", text)
    assert re.search(r"the buffer `\w+`, at byte \d+", text)


def test_a_training_run_stops_at_a_fault(spoiled):
    program, folder = spoiled(r"\n    (?=const int .*threadIdx)", r"\n    __trap();\n    ")
    with pytest.raises(NetError, match="E0731: trap in the kernel"):
        trained("emulate", program, folder)


def test_a_build_folder_without_cuda_is_told(small, tmp_path):
    program, folder = small
    shutil.copytree(folder, tmp_path / "build")
    shutil.rmtree(tmp_path / "build" / "cuda")
    with pytest.raises(NetError, match="E0614"):
        open_device("emulate", program, tmp_path / "build").prepare(program.functions[0])
