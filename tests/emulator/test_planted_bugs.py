"""Bugs of hand-written kernels are found and named; their correct look-alikes are silent."""

from dataclasses import dataclass

import numpy as np
import pytest

from netc.emulator.build import build_module
from netc.emulator.findings import EmulatorError, Finding
from netc.emulator.launch import Schedule, launch
from netc.emulator.memory import Buffer, buffer


@dataclass(frozen=True)
class Planted:
    """A kernel `NAME(const float *x, float *y, int n)`, of which x is 0, 1, 2 ... and n its length.

    `kinds` are the findings that are right; the line at fault ends in `// here`. Without kinds the
    kernel is right. `y` has no values where `start` is None.
    """

    name: str
    body: str
    kinds: str = ""
    count: int = 256
    results: int = 256
    start: float | None = None
    block: int = 256
    grid: int = 1
    shared_bytes: int = 0
    before: str = ""

    def __str__(self) -> str:
        return self.name

    @property
    def symbol(self) -> str:
        return "".join(letter if letter.isalnum() else "_" for letter in self.name)

    @property
    def source(self) -> str:
        return (
            f'{self.before}\nextern "C" __global__ void {self.symbol}'
            f"(const float *x, float *y, int n)\n"
            f"{{\n    const int t = threadIdx.x;\n{self.body.rstrip()}\n}}\n"
        )

    def arguments(self) -> tuple[Buffer | np.generic, ...]:
        x = np.arange(self.count, dtype=np.float32)
        y = np.full(self.results, self.start or 0, np.float32)
        return buffer("x", x), buffer("y", y, self.start is not None), np.int32(self.count)


OVERFLOWS = """
__device__ __noinline__ float deeper(int depth, const float *x)
{
    volatile float local[4096];
    local[depth % 4096] = x[0];
    return local[depth % 4096] + deeper(depth + 1, x) + local[0];
}
"""
# A 64 x 64 tile of both operands is stored by hand and multiplied by wgmma.
WGMMA = """
    NETC_DYN_SMEM(__nv_bfloat16, tile);
    for (int i = t; i < 2 * 4096; i += 128) tile[i] = __float2bfloat16(x[i & 255]);
    {fence}
    __syncthreads();
    float d[32];
    for (int i = 0; i < 32; i++) d[i] = 0.0f;
    netc_wgmma_fence();
    netc_wgmma_m64n64k16_bf16(d, netc_wgmma_desc(tile, 1024), netc_wgmma_desc(tile + 4096, 1024), 1); // here
    netc_wgmma_commit();
    netc_wgmma_wait<0>();
    for (int i = 0; i < 32; i++) y[t * 32 + i] = d[i];
"""  # noqa: E501

# The same product twice; between them each thread doubles its sums.
FENCED = WGMMA.replace("{fence}", "netc_fence_async();")
PRODUCT = "    netc_wgmma_m64" + FENCED.partition("    netc_wgmma_m64")[2].partition("    for (")[0]
DOUBLES = "    for (int i = 0; i < 32; i++) d[i] *= 2.0f;\n    {again}\n"
TWICE = FENCED.replace("// here", "").replace(
    "    for (int i = 0; i < 32; i++) y[", DOUBLES + PRODUCT + "    for (int i = 0; i < 32; i++) y["
)

# The block that comes last adds what the others left: y holds four parts, a counter and the sum.
LAST_BLOCK = """
    __shared__ bool is_last;
    if (t == 0) {
        y[blockIdx.x] = x[blockIdx.x];
        {fence}
        is_last = atomicAdd((int *)y + 4, 1) == (int)gridDim.x - 1;
    }
    __syncthreads();
    if (is_last && t == 0) y[5] = y[0] + y[1] + y[2] + y[3]; // here
"""

BUGS = (
    Planted("missing barrier after a store", """
    __shared__ float s[256];
    s[t] = x[t];
    y[t] = s[255 - t]; // here""", "race|uninitialised"),
    Planted("missing barrier before a store", """
    __shared__ float s[256];
    s[t] = x[t];
    __syncthreads();
    const float v = s[(t + 1) & 255];
    s[t] = v + 1.0f; // here
    __syncthreads();
    y[t] = s[t];""", "race"),
    Planted("missing syncwarp", """
    __shared__ float s[256];
    s[t] = x[t];
    y[t] = s[t ^ 1]; // here""", "race|uninitialised"),
    Planted("read past the end", "y[t] = x[t + 1]; // here", "out of bounds"),
    Planted("write past the end", "y[t + 1] = x[t]; // here", "out of bounds"),
    Planted("write before the start", "y[t - 2] = x[t]; // here", "out of bounds"),
    Planted("missing guard of the tail", """
    const int i = blockIdx.x * 128 + t;
    y[i] = x[i]; // here""", "out of bounds", count=200, results=200, block=128, grid=2),
    Planted("static shared index too large", """
    __shared__ float s[256];
    __shared__ float u[4];
    s[t + (n == 256)] = x[t]; // here
    if (t < 4) u[t] = 0.0f;
    __syncthreads();
    y[t] = s[t];""", "out of bounds"),
    Planted("pointer past the end of static shared memory", """
    __shared__ float s[256];
    const float *p = s;
    s[t] = x[t];
    __syncthreads();
    y[t] = p[t + (n == 256)]; // here""", "out of bounds"),
    Planted("dynamic shared memory too small", """
    NETC_DYN_SMEM(float, s);
    s[t] = x[t]; // here
    __syncthreads();
    y[t] = s[t];""", "out of bounds", shared_bytes=512),
    Planted("barrier in a branch", """
    if (t < 128) __syncthreads(); // here
    y[t] = 0.0f;""", "barrier divergence"),
    Planted("two different barriers", """
    if (t < 128) {
        y[t] = 1.0f;
        __syncthreads();
    } else {
        __syncthreads(); // here
    }""", "barrier divergence"),
    Planted("return before a barrier", """
    if (t >= 200) return;
    __syncthreads(); // here
    y[t] = 0.0f;""", "barrier divergence"),
    Planted("shuffle in a branch with a full mask", """
    float v = x[t];
    if (t & 1) v = __shfl_xor_sync(0xffffffffu, v, 2); // here
    y[t] = v;""", "warp divergence"),
    Planted("shuffle from a lane outside of the mask", """
    float v = x[t];
    if ((t & 31) < 16) v = __shfl_sync(0xffffu, v, 20); // here
    y[t] = v;""", "warp divergence"),
    Planted("shared memory that nobody set", """
    __shared__ float s[256];
    if (t < 255) s[t] = x[t];
    __syncthreads();
    y[t] = s[t]; // here""", "uninitialised"),
    Planted("global memory that nobody set", "y[t] = y[t] + x[t]; // here", "uninitialised"),
    Planted("write through const", """
    ((float *)x)[t] = 1.0f; // here
    y[t] = 0.0f;""", "const"),
    Planted("missing wait for cp async", """
    __shared__ __align__(16) float s[1024];
    netc_cp_async16(&s[t * 4], x + t * 4);
    netc_cp_async_commit();
    __syncthreads();
    y[t] = s[t]; // here""", "uninitialised|race", count=1024),
    Planted("missing barrier after the wait for cp async", """
    __shared__ __align__(16) float s[1024];
    netc_cp_async16(&s[t * 4], x + t * 4);
    netc_cp_async_commit();
    netc_cp_async_wait<0>();
    y[t] = s[t]; // here""", "uninitialised|race", count=1024),
    Planted("blocks overlap", "y[blockIdx.x * 128 + t] = x[t]; // here",
            "race between blocks", grid=2, block=129, results=257),
    Planted("plain sum across blocks", "if (t == 0) y[0] += x[blockIdx.x]; // here",
            "race between blocks", results=1, start=0.0, grid=4),
    Planted("misaligned vector", "((float4 *)(y + 1))[0] = make_float4(0, 0, 0, 0); // here",
            "misaligned", block=1),
    Planted("division by zero", "y[t] = (float)(t / (n - 256)); // here", "division by zero"),
    Planted("stack overflow", "y[t] = deeper(t, x);", "stack overflow|out of bounds",
            before=OVERFLOWS),
    Planted("wrong parity of an mbarrier", """
    __shared__ unsigned long long b;
    if (t == 0) netc_mbar_init(&b, 256);
    __syncthreads();
    netc_mbar_arrive(&b);
    netc_mbar_wait(&b, 1); // here
    netc_mbar_wait(&b, 1); // here
    y[t] = 0.0f;""", "deadlock"),
    Planted("mbarrier without a wait", """
    __shared__ unsigned long long b;
    __shared__ float s;
    if (t == 0) netc_mbar_init(&b, 1);
    __syncthreads();
    if (t == 0) {
        s = x[0];
        netc_mbar_arrive(&b);
    }
    if (t == 200) y[t] = s; // here""", "race|uninitialised"),
    Planted("endless loop", """
    volatile float *v = y;
    while (v[0] != 5.0f) v[0] = 0.0f;""", "timeout", start=0.0, block=1),
    Planted("failed assertion", "assert(t != 77); // here\n    y[t] = 0.0f;", "trap"),
    Planted("the last block without a fence", LAST_BLOCK.replace("{fence}", ""),
            "race between blocks", results=6, start=0.0, grid=4),
    Planted("stores feed wgmma without a proxy fence", WGMMA.replace("{fence}", ""),
            "missing proxy fence", block=128, results=4096, shared_bytes=16384),
    Planted("sums that change without a fence of wgmma", TWICE.replace("{again}", ""), "misuse",
            block=128, results=4096, shared_bytes=16384),
    Planted("a warp that leaves its warpgroup", FENCED.replace("// here", "").replace(
            "    float d[32];", "    if (t < 32) return;\n    float d[32];"), "misuse",
            block=128, results=4096, shared_bytes=16384),
)  # fmt: skip

RIGHT = (
    Planted("handed over at barriers", """
    __shared__ float s[256];
    s[t] = x[t];
    __syncthreads();
    const float v = s[255 - t];
    __syncthreads();
    s[t] = v;
    __syncthreads();
    y[t] = s[(t + 3) & 255];"""),
    Planted("handed over at syncwarp", """
    __shared__ float s[256];
    s[t] = x[t];
    __syncwarp();
    y[t] = s[t ^ 1];"""),
    Planted("handed over at an mbarrier", """
    __shared__ unsigned long long b;
    __shared__ float s;
    if (t == 0) netc_mbar_init(&b, 1);
    __syncthreads();
    if (t == 0) {
        s = x[0];
        netc_mbar_arrive(&b);
    }
    if (t == 200) {
        netc_mbar_wait(&b, 0);
        y[t] = s;
    }"""),
    Planted("handed over at a named barrier", """
    __shared__ float s[128];
    if (t < 128) {
        s[t] = x[t];
        netc_bar_arrive(1, 256);
    } else {
        netc_bar_sync(1, 256);
        y[t] = s[t - 128];
    }"""),
    Planted("atomics between blocks", "atomicAdd(&y[t & 7], x[t]);", results=8, start=0.0, grid=4),
    Planted("masks of parts of a warp", """
    float v = x[t];
    if ((t & 31) < 16) v = __shfl_xor_sync(0xffffu, v, 8);
    else v = __shfl_xor_sync(0xffff0000u, v, 4);
    y[t] = v;"""),
    Planted("neighbours of two bytes", "((__nv_bfloat16 *)y)[t] = __float2bfloat16(x[t]);"),
    Planted("proxy fence before wgmma", WGMMA.replace("{fence}", "netc_fence_async();"),
            block=128, results=4096, shared_bytes=16384),
    Planted("sums that change before a fence of wgmma", TWICE.replace(
            "{again}", "netc_wgmma_fence();"), block=128, results=4096, shared_bytes=16384),
    Planted("the last block sums up", LAST_BLOCK.replace("{fence}", "__threadfence();"),
            results=6, start=0.0, grid=4),
    Planted("in place", "y[t] = y[t] * 2.0f;", start=1.0),
)  # fmt: skip


@pytest.fixture(scope="module")
def module():
    """Every kernel in one source: a compilation costs more than the launches."""
    return build_module("\n".join(case.source for case in (*BUGS, *RIGHT)), "planted.cu", True)


def findings(module, case: Planted) -> tuple[Finding, ...]:
    late = Schedule(0, is_late=True)
    try:
        launch(module, case.symbol, (case.grid,), (case.block,), case.arguments(),
               case.shared_bytes, late, seconds=1.0)  # fmt: skip
    except EmulatorError as error:
        return error.findings
    return ()


def test_the_table_is_whole():
    assert (len(BUGS), len(RIGHT)) == (33, 11)


@pytest.mark.parametrize("case", BUGS, ids=str)
def test_a_bug_is_found_at_its_line(module, case):
    found = findings(module, case)
    assert found
    lines = [one.text for one in found if one.kind in case.kinds.split("|")]
    assert lines, found
    assert "// here" not in case.body or any(line.endswith("// here") for line in lines), found


@pytest.mark.parametrize("case", RIGHT, ids=str)
def test_a_kernel_that_is_right_is_silent(module, case):
    assert findings(module, case) == ()


EDGES = """
extern "C" __global__ void edges(const float *x, float *y, int faulty)
{
    __shared__ float s[32];
    if (blockIdx.x != faulty) s[threadIdx.x] = x[threadIdx.x];
    __syncwarp();
    y[blockIdx.x * 32 + threadIdx.x] = s[threadIdx.x ^ 1];
}
extern "C" __global__ void overlaps(const float *x, float *y, int faulty)
{
    y[(blockIdx.x - (blockIdx.x == faulty)) * 32 + threadIdx.x] = x[threadIdx.x];
}
"""


@pytest.mark.parametrize(
    ("kernel", "faulty", "is_found"),
    [("edges", 0, True), ("edges", 99, True), ("edges", 37, False), ("overlaps", 37, True)],
)
def test_a_sample_of_blocks_has_the_edges_of_the_grid_and_all_of_global_memory(
    kernel, faulty, is_found
):
    module = build_module(EDGES, checked=True)
    x, y = np.zeros(32, np.float32), np.zeros(3200, np.float32)
    found = False
    try:
        arguments = buffer("x", x), buffer("y", y, False), np.int32(faulty)
        launch(module, kernel, (100,), (32,), arguments, schedule=Schedule(sample=8))
    except EmulatorError:
        found = True
    assert found == is_found
