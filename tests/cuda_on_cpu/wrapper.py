"""A kernel that calls one function with inline PTX, and how it is run, on any device."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from netc.compiler.program import FunctionFacts, Layout, Program, Tensor
from netc.compiler.targets.cuda_launches import CudaLaunch, CudaStep, Matrix, Pointer, to_json

MOST_BYTES = 1 << 16  # of the words in, and of those out


@dataclass(frozen=True)
class Wrapper:
    """A kernel NAME(const unsigned int *x, unsigned int *y), with tensor maps of x before them."""

    name: str
    body: str
    x: np.ndarray = field(repr=False)
    expected: np.ndarray = field(repr=False)
    threads: int = 32
    shared_bytes: int = 0
    matrices: tuple[Matrix, ...] = ()
    arch: str = "sm_80"

    def __str__(self) -> str:
        return self.name

    @property
    def kernel(self) -> str:
        return f"calls_{self.name}"

    @property
    def source(self) -> str:
        maps = "".join(
            f"const __grid_constant__ netc_tensor_map map_{i}, " for i in range(len(self.matrices))
        )
        return (
            f'extern "C" __global__ __launch_bounds__({self.threads}) void {self.kernel}(\n'
            f"    {maps}const unsigned int *__restrict__ x, unsigned int *__restrict__ y)\n"
            f"{{\n    const int t = threadIdx.x;\n{self.body.rstrip()}\n}}\n"
        )

    @property
    def step(self) -> CudaStep:
        x = Pointer("arena", 0, self.x.nbytes, "x")
        y = Pointer("arena", MOST_BYTES, self.expected.nbytes, "y", is_result=True)
        maps = tuple(
            Pointer("arena", 0, self.x.nbytes, "x", matrix=matrix) for matrix in self.matrices
        )
        launch = CudaLaunch(
            self.kernel, (1, 1, 1), (self.threads, 1, 1), self.shared_bytes, (*maps, x, y)
        )
        last = CudaLaunch("nothing", (1, 1, 1), (1, 1, 1), 0, ())
        return CudaStep("wrapper", self.arch, 1, (), 1, (launch,), (), last)


def words(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**32, count, np.uint64).astype(np.uint32)


def whole(*shape: int, seed: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).integers(-9, 10, shape).astype(np.float32)


def program_of(
    wrapper: Wrapper, source: str, arch: str, folder: Path
) -> tuple[Program, FunctionFacts]:
    """A program with one function, which launches one kernel; its sources are in the folder."""
    for place in (folder / "cuda", folder / "cuda" / arch):  # one is the runtime's choice
        place.mkdir(exist_ok=True)
        (place / "wrapper.cu").write_text(source)
        (place / "wrapper.json").write_text(to_json(wrapper.step))
    facts = FunctionFacts("wrapper", 1, "wrapper", (), (), (), (), 0)
    layout = Layout("cuda", 2 * MOST_BYTES, (facts,))
    program = Program(
        "wrapper", "0", "0", "", str(folder), MOST_BYTES, (), (layout,), None, None
    )
    return program, facts


def check(wrapper: Wrapper, source: str, arch: str, open_device, folder: Path) -> None:
    """The kernel stores what it must, on the device that `open_device(program, folder)` opens."""
    program, facts = program_of(wrapper, source, arch, folder)
    device = open_device(program, folder)
    assert max(wrapper.x.nbytes, wrapper.expected.nbytes) <= MOST_BYTES
    device.write(Tensor("x", "i32", wrapper.x.shape, 0), wrapper.x.view(np.int32))
    device.run(facts, (), None, 1)
    found = device.read(Tensor("y", "i32", wrapper.expected.shape, MOST_BYTES))
    np.testing.assert_array_equal(found.view(np.uint32), wrapper.expected, err_msg=wrapper.name)
