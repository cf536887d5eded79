"""A session in; what each kernel of one of its functions takes, on made-up rows, out.

On the cpu threads count their own time on the processor, so that a machine with other work to do
tells nearly the same as a quiet one. On a GPU each kernel runs many times by itself.
"""

import statistics
import time
from dataclasses import dataclass

import numpy as np

from netc.compiler.program import FunctionFacts, KernelFacts
from netc.runtime.arena import DTYPES
from netc.runtime.device import Device, Fields
from netc.runtime.errors import fail
from netc.runtime.session import Session

CHUNKS = 5  # the median of so many


@dataclass(frozen=True)
class KernelTime:
    """A kernel and its seconds in a step: those of all threads, shared out evenly among them. In a
    scan it runs many times in a step: the other figures are of all of them too."""

    kernel: KernelFacts
    seconds: float

    @property
    def predicted(self) -> float:
        return self.kernel.seconds * self.kernel.times

    @property
    def flops(self) -> int:
        return self.kernel.flops * self.kernel.times

    @property
    def bytes(self) -> int:
        return self.kernel.bytes * self.kernel.times

    @property
    def error(self) -> float:
        """How far the prediction is off, as a share of what was measured."""
        return abs(self.predicted - self.seconds) / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Profile:
    """A function's kernels in their order, and the seconds of a step by the clock."""

    function: FunctionFacts
    kernels: tuple[KernelTime, ...]
    step: float
    threads: int

    @property
    def busy(self) -> float:
        """The seconds of a step in which threads run kernels; the rest they wait for each other."""
        return sum(one.seconds for one in self.kernels)

    @property
    def predicted(self) -> float:
        return sum(one.predicted for one in self.kernels)

    @property
    def error(self) -> float:
        """The median error of the predictions, each kernel counted by its time."""
        total = 0.0
        for one in sorted(self.kernels, key=lambda one: one.error):
            total += one.seconds
            if total >= self.busy / 2:
                return one.error
        return 0.0


def profile(session: Session, function: FunctionFacts, seconds: float) -> Profile:
    """Run a function for about so many seconds. NetError where the device cannot time kernels."""
    kernels = kernel_times(session, function, seconds / 2)
    device, rows = session.device, rows_of(function)
    clock(device, function, rows, 1)
    steps = max(1, int(seconds / 2 / CHUNKS / clock(device, function, rows, 2)))
    step = statistics.median(clock(device, function, rows, steps) for _ in range(CHUNKS))
    return Profile(function, kernels, step, device.threads)


def kernel_times(
    session: Session, function: FunctionFacts, seconds: float
) -> tuple[KernelTime, ...]:
    """The kernels of a function, run for about so many seconds, in its order."""
    device = session.device
    if not hasattr(device, "profile"):
        message = f"kernels cannot be timed one by one on the device `{device.name}`"
        raise fail("E0714", message, help="leave `--device` out: the cpu can, and so can a GPU")
    rows = rows_of(function)
    device.profile(function, rows, order_of(function, 1), 1)
    start = time.perf_counter()
    device.profile(function, rows, order_of(function, 2), 2)
    steps = max(1, int(2 * seconds / CHUNKS / (time.perf_counter() - start)))
    order = order_of(function, steps)
    spent = [device.profile(function, rows, order, steps) for _ in range(CHUNKS)]
    return tuple(
        KernelTime(kernel, float(spent_time) / device.threads)
        for kernel, spent_time in zip(function.kernels, np.median(spent, axis=0), strict=True)
    )


def rows_of(function: FunctionFacts) -> Fields:
    return tuple(made_up(field, number) for number, field in enumerate(function.fields))


def clock(device: Device, function: FunctionFacts, rows: Fields, steps: int) -> float:
    order = order_of(function, steps)
    start = time.perf_counter()
    device.run(function, rows, order, steps)
    return (time.perf_counter() - start) / steps


def order_of(function: FunctionFacts, steps: int) -> np.ndarray:
    """The same batch in every step."""
    return np.tile(np.arange(function.batch, dtype=np.int64), steps)


def made_up(field, number: int) -> np.ndarray:
    """A batch of a field: normal numbers, or zeros and ones, which name a row of any table."""
    random = np.random.default_rng(number)
    if field.dtype == "f32":
        return random.normal(size=field.shape).astype(np.float32)
    return random.integers(0, 2, field.shape).astype(DTYPES[field.dtype])
