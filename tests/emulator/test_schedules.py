"""Without any checks, the orders of threads and of copies alone show what is not ordered."""

import numpy as np
import pytest

from netc.emulator.build import build_module
from netc.emulator.launch import FORWARD, SCHEDULES, Schedule, launch
from netc.emulator.memory import buffer

SOURCE = """
extern "C" __global__ void last_one_wins(const float *x, float *y)
{
    y[0] = x[threadIdx.x];
}
extern "C" __global__ void sum_by_atomics(const float *x, float *y)
{
    atomicAdd(y, x[threadIdx.x]);
}
extern "C" __global__ void sum_in_order(const float *x, float *y)
{
    __shared__ float part[256];
    part[threadIdx.x] = x[threadIdx.x];
    for (int half = 128; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) part[threadIdx.x] += part[threadIdx.x + half];
    }
    if (threadIdx.x == 0) y[0] = part[0];
}
extern "C" __global__ void reads_what_others_write(const float *x, float *y)
{
    __shared__ float part[256];
    part[threadIdx.x] = x[threadIdx.x];
    y[threadIdx.x] = part[threadIdx.x ^ 128];
}
extern "C" __global__ void does_not_wait(const float *x, float *y)
{
    __shared__ __align__(16) float part[1024];
    netc_cp_async16(&part[4 * threadIdx.x], x);
    netc_cp_async_commit();
    y[threadIdx.x] = part[4 * threadIdx.x];
}
extern "C" __global__ void waits(const float *x, float *y)
{
    __shared__ __align__(16) float part[1024];
    netc_cp_async16(&part[4 * threadIdx.x], x);
    netc_cp_async_commit();
    netc_cp_async_wait<0>();
    y[threadIdx.x] = part[4 * threadIdx.x];
}
"""


@pytest.fixture(scope="module")
def results():
    """results(kernel): what 256 threads make of x in each schedule, as bytes."""
    module = build_module(SOURCE)
    x = np.random.default_rng(1).lognormal(sigma=3, size=256).astype(np.float32)

    def run(kernel: str, schedules: tuple[Schedule, ...] = SCHEDULES) -> set[bytes]:
        found = set()
        for schedule in schedules:
            y = np.zeros(256, np.float32)
            arguments = buffer("x", x), buffer("y", y)
            launch(module, kernel, (1,), (256,), arguments, schedule=schedule)
            found.add(y.tobytes())
        return found

    return run


@pytest.mark.parametrize("kernel", ["last_one_wins", "sum_by_atomics", "reads_what_others_write"])
def test_what_depends_on_the_order_of_threads_differs(results, kernel):
    assert len(results(kernel)) > 1


@pytest.mark.parametrize("kernel", ["sum_in_order", "waits"])
def test_what_is_ordered_is_the_same_in_every_order(results, kernel):
    assert len(results(kernel)) == 1


def test_a_copy_that_nobody_waits_for_comes_too_late(results):
    early_and_late = FORWARD, Schedule(0, is_late=True)
    assert len(results("does_not_wait", early_and_late)) == 2
    assert len(results("waits", early_and_late)) == 1


def test_arguments_must_fit_the_kernel():
    module = build_module(SOURCE)
    x, y = (buffer(name, np.zeros(256, np.float32)) for name in "xy")
    for wrong in ((x,), (x, y, y), (x, np.float32(1)), (x, np.int64(0))):
        with pytest.raises(ValueError, match="waits"):
            launch(module, "waits", (1,), (256,), wrong)
