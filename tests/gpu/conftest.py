"""The device that these tests are about: a GPU, or with `--gpu=stand-in` a stand-in for one."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from netc.emulator.launch import FORWARD
from netc.runtime.cuda import Cuda, open_cuda
from netc.runtime.emulate import Emulate


@pytest.fixture
def gpu(request, fake_driver):
    """gpu(program, folder) -> Cuda."""
    opened = []

    def open_gpu(program, folder) -> Cuda:
        if request.config.getoption("--gpu") == "stand-in":
            driver = fake_driver()
            opened.append(Cuda(driver, program, folder, driver.modules, encode=driver.encode))
        else:
            opened.append(open_cuda(program, folder, 0))
        return opened[-1]

    yield open_gpu
    for device in opened:
        device.close()


@dataclass
class Both:
    """A GPU and the emulator at once: how far what a kernel stores on one is from what it stores on
    the other, for each tensor."""

    gpu: Cuda
    emulator: Emulate
    apart: dict[str, float] = field(default_factory=dict)
    name = "both"

    def write(self, tensor, array) -> None:
        self.gpu.write(tensor, array)
        self.emulator.write(tensor, array)

    def run_kernel(self, function, number) -> None:
        self.gpu.run_kernel(function, number)
        self.emulator.run_kernel(function, number)
        for tensor in function.kernels[number].writes:
            found, expected = self.gpu.read(tensor), self.emulator.read(tensor)
            np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))
            numbers = np.isfinite(expected)
            difference = np.subtract(found[numbers], expected[numbers], dtype=np.float64)
            self.apart[tensor.name] = float(np.abs(difference).max(initial=0.0))

    def read(self, tensor) -> np.ndarray:
        return self.gpu.read(tensor)


@pytest.fixture
def both(gpu):
    return lambda program, folder: Both(
        gpu(program, folder), Emulate(program, folder, False, FORWARD)
    )
