"""Whole programs on the device `cuda`, over a stand-in for the driver, beside the device `cpu`."""

import numpy as np

from netc.compiler.driver import compile_file
from netc.runtime.cpu import open_cpu
from netc.runtime.cuda import Cuda
from netc.runtime.functions import is_number

PROGRAM = """
net classifier(image: f32[N, 10, 10, 1]) {
    x = image -> conv2d(4, 3) -> batch_norm -> relu -> max_pool(2) -> flatten
    return x -> dropout(0.25) -> dense(7) -> layer_norm -> gelu -> dense(5)
}
train {
    take image: u8[N, 10, 10, 1], label: i32[N] from feed
    logits = classifier(image / 255)
    minimize cross_entropy(logits, label) with sgd(lr=cosine(0.1, warmup=2), momentum=0.9)
    measure accuracy(logits, label)
    batch 4
    steps 5
    clip 1.0
}
"""


def test_every_function_gives_on_cuda_what_it_gives_on_the_cpu(fake_driver, tmp_path):
    (tmp_path / "small.net").write_text(PROGRAM)
    program, folder = compile_file(tmp_path / "small.net", out=tmp_path / "build")
    assert {function.name for function in program.functions} == {
        "train", "gradients", "evaluate", "run_classifier"
    }  # fmt: skip

    cuda = Cuda(fake_driver(), program, folder, fake_driver.modules)
    cpu = open_cpu(program, folder, 1)
    random = np.random.default_rng(4)
    for entry in program.persistent:
        array = np.zeros(entry.tensor.shape, np.float32)
        if entry.role in ("weight", "state"):
            array = random.uniform(0.1, 0.5, entry.tensor.shape)
        for device in (cuda, cpu):
            device.write(entry.tensor, array)
    for function, other in zip(program.on("cuda").functions, program.functions, strict=True):
        fields = tuple(drawn(random, tensor, 2 * function.batch) for tensor in function.fields)
        order = random.permutation(2 * function.batch)
        logs = cuda.run(function, fields, order, 2), cpu.run(other, fields, order, 2)
        np.testing.assert_allclose(*logs, rtol=1e-3, atol=1e-4, err_msg=function.symbol)
        lasting = [(entry.tensor, entry.tensor) for entry in program.persistent]
        for here, there in (*wide(function, other), *lasting):
            np.testing.assert_allclose(
                cuda.read(here), cpu.read(there), rtol=1e-3, atol=1e-4, err_msg=here.name
            )


def wide(function, other) -> list:
    """The places of the outputs of more than one number, on both devices."""
    pairs = zip(function.outputs, other.outputs, strict=True)
    return [(here, there) for (_, here), (_, there) in pairs if not is_number(here)]


def drawn(random, tensor, rows: int) -> np.ndarray:
    """Rows for a field: floats, or whole numbers that can be labels."""
    shape = (rows, *tensor.shape[1:])
    if tensor.dtype == "f32":
        return random.normal(size=shape).astype(np.float32)
    kind = {"i32": np.int32, "u8": np.uint8, "bool": np.bool_}[tensor.dtype]
    return random.integers(0, 2, shape).astype(kind)
