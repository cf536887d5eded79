"""Layers of images with strides, paddings and dilations: the devices agree with the reference on
their outputs and on the gradients of all weights."""

import numpy as np
import pytest

from netc.compiler.driver import compile_file
from netc.runtime.device import open_device
from netc.runtime.session import Session

LAYERS = (
    "depthwise_conv2d(3)",
    "depthwise_conv2d((3, 2), 2, stride=2, pad=1)",
    "depthwise_conv2d(3, stride=(1, 2), pad=same, dilation=2)",
    "depthwise_conv2d(2, 3, pad=(2, 1), dilation=(1, 3), bias=false)",
    "conv2d_transpose(5)",
    "conv2d_transpose(3, (2, 4), stride=(3, 2))",
    "conv2d_transpose(4, 1, stride=2, bias=false)",
    "conv2d_transpose(2, 3, stride=2) -> conv2d(3, 3, stride=2, pad=same, dilation=2)",
    "upsample(2) -> conv2d(3, 2, pad=same)",
    "conv2d(4, 1) -> upsample((3, 1)) -> conv2d(2, (3, 2), stride=2)",
    "group_norm(2)",
    "conv2d(6, 3, pad=2, dilation=3) -> group_norm(3) -> relu -> max_pool(2, stride=1, pad=1)",
    "conv2d(4, 3, stride=3, pad=(1, 2)) -> batch_norm -> avg_pool((2, 1))",
)
SHAPE = (2, 7, 8, 4)  # an odd and an even size


def program() -> str:
    nets = [f"net layer_{i}(x: f32[N, H, W, C]) {{ return x -> {layer} }}"
            for i, layer in enumerate(LAYERS)]  # fmt: skip
    sums = " + ".join(f"mean(layer_{i}(x) * sin(3 * layer_{i}(x)))" for i in range(len(LAYERS)))
    size = ", ".join(map(str, SHAPE[1:]))
    train = f"train {{ take x: f32[N, {size}] from feed minimize {sums} with sgd(lr=0.1) batch 2 }}"
    return "\n".join([*nets, train])


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("layers")
    (folder / "layers.net").write_text(program())
    return compile_file(folder / "layers.net", out=folder / "build")


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return np.random.default_rng(2).normal(size=SHAPE).astype(np.float32)


def opened(compiled, device: str) -> Session:
    program, build = compiled
    return Session(program, build, open_device(device, program, build), seed=1)


@pytest.fixture(scope="module")
def reference(compiled):
    return opened(compiled, "reference")


@pytest.mark.parametrize("device", ("cpu", "emulate"))
def test_devices_agree_on_gradients(compiled, reference, x, device):
    session = opened(compiled, device)
    expected, found = reference.gradients(x=x), session.gradients(x=x)
    assert len(expected) == len(found) >= len(LAYERS)
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=2e-4, atol=2e-6, err_msg=name)


@pytest.mark.parametrize("number", range(len(LAYERS)))
def test_the_cpu_agrees_on_outputs_of_any_number_of_rows(compiled, reference, x, number):
    rows = np.concatenate([x, x[:1]])
    found = opened(compiled, "cpu").run(f"layer_{number}", x=rows)
    assert len(found) == 3
    expected = reference.run(f"layer_{number}", x=rows)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-6)
