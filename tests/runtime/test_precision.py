"""Programs with a precision, on every device: the same steps, and the form that suits the GPU."""

from dataclasses import replace

import numpy as np
import pytest

from netc.compiler.build.cuda_modules import CudaModule
from netc.compiler.driver import compile_file
from netc.compiler.ops.precision import FRACTION
from netc.compiler.targets import cuda_tiles
from netc.runtime.cpu import open_cpu
from netc.runtime.cuda import Cuda
from netc.runtime.initialize import initial

PROGRAM = """
net small(x: f32[N, 6, 6, 2]) { return x -> conv2d(4, 3) -> relu -> flatten -> dense(3) }
train {
    take x: f32[N, 6, 6, 2], y: i32[N] from feed
    logits = small(x)
    minimize cross_entropy(logits, y) with adam(lr=0.01)
    batch 8
    steps 4
    precision PRECISION
}
"""

# The steps of a scan are launched one by one, each with the copies of its own operands.
SCANNED = PROGRAM.replace("conv2d(4, 3) -> relu", "reshape((N, 6, 12)) -> rnn(5)")


@pytest.fixture
def losses(fake_driver, tmp_path):
    """losses(precision, architecture) -> (steps on cuda, steps on the cpu, sources compiled)."""

    def run(precision: str, architecture: str, text: str = PROGRAM):
        (tmp_path / "small.net").write_text(text.replace("PRECISION", precision))
        program, folder = compile_file(tmp_path / "small.net", out=tmp_path / "build")
        sources = []

        def compile(source: str, architecture: str) -> tuple[CudaModule, ...]:
            sources.append(source)
            return fake_driver.modules(source, architecture)

        driver = fake_driver()
        run.driver = driver
        cuda = Cuda(driver, program, folder, compile, encode=driver.encode)
        cuda.facts = replace(cuda.facts, architecture=architecture)
        random = np.random.default_rng(4)
        x, y = random.normal(size=(32, 6, 6, 2)).astype(np.float32), np.arange(32) % 3
        (train,) = (f for f in program.functions if f.name == "train")
        logs = []
        for device in (cuda, open_cpu(program, folder, 1)):
            for entry in program.persistent:
                tensor = entry.tensor
                start = initial(entry.initializer, tensor.shape, np.float32, 1, tensor.name)
                device.write(tensor, start)
            logs.append(device.run(train, (x, y.astype(np.int32)), np.arange(32), 4))
        return *logs, sources

    return run


@pytest.mark.parametrize("architecture", ["sm_75", "sm_90a"])
@pytest.mark.parametrize("precision", FRACTION)
def test_steps_are_those_of_the_cpu_with_and_without_tensor_cores(losses, precision, architecture):
    on_cuda, on_cpu, (source,) = losses(precision, architecture)
    np.testing.assert_allclose(on_cuda, on_cpu, rtol=2e-3)
    has_tensor_cores = precision != "f32" and architecture != "sm_75"
    assert ("netc_mma_" in source) == has_tensor_cores


@pytest.mark.parametrize("precision", ["tf32", "bf16", "f16"])
def test_steps_with_tensor_maps_are_those_of_the_cpu(losses, precision, monkeypatch):
    monkeypatch.setattr(cuda_tiles, "pays", lambda *_: True)
    on_cuda, on_cpu, (source,) = losses(precision, "sm_90a")
    np.testing.assert_allclose(on_cuda, on_cpu, rtol=2e-3)
    assert "netc_wgmma_m64n" in source and "netc_left_deep" not in source
    asked = {kernel[1]: size for kernel, _, size in losses.driver.named("cuFuncSetAttribute")}
    launched = {kernel[1]: shared for kernel, *_, shared, _, _, _ in launches_of(losses.driver)}
    assert asked == {name: size for name, size in launched.items() if size > 48 * 1024}
    assert len(asked) >= 4
    assert len(losses.driver.named("cuMemAlloc")) >= 5  # one of them the workspace


def launches_of(driver):
    return driver.named("cuLaunchKernel")


def test_the_steps_of_a_scan_copy_their_own_operands(losses, monkeypatch):
    monkeypatch.setattr(cuda_tiles, "pays", lambda *_: True)
    on_cuda, on_cpu, _ = losses("bf16", "sm_90a", SCANNED)
    np.testing.assert_allclose(on_cuda, on_cpu, rtol=2e-3)
    launched = [kernel[1] for kernel, *_ in launches_of(losses.driver)]
    assert max(launched.count(name) for name in launched if name.endswith("_left")) == 6
