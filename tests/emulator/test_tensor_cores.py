"""Tensor cores, asynchronous copies and their barriers, in whole kernels, against NumPy."""

import numpy as np
import pytest

from netc.emulator.build import build_module
from netc.emulator.findings import EmulatorError
from netc.emulator.launch import SCHEDULES, launch
from netc.emulator.memory import TensorMap, buffer

# c = a @ b for 16 x 8 x 8 in tf32: each lane loads what the layout gives it.
TF32 = """
extern "C" __global__ void tf32(const float *a, const float *b, float *c)
{
    const int row = threadIdx.x / 4, place = threadIdx.x % 4;
    float d[4] = {};
    const unsigned left[4] = {
        netc_cvt_tf32(a[row * 8 + place]), netc_cvt_tf32(a[(row + 8) * 8 + place]),
        netc_cvt_tf32(a[row * 8 + place + 4]), netc_cvt_tf32(a[(row + 8) * 8 + place + 4])};
    const unsigned right[2] = {
        netc_cvt_tf32(b[place * 8 + row]), netc_cvt_tf32(b[(place + 4) * 8 + row])};
    netc_mma_m16n8k8_tf32(d, left, right);
    for (int i = 0; i < 4; i++) c[(row + 8 * (i / 2)) * 8 + 2 * place + i % 2] = d[i];
}
"""
# c = a @ b.T for 64 x 64 tiles in bf16, the next tiles copied while the last are multiplied.
BF16 = """
#include <cuda_bf16.h>
extern "C" __global__ __launch_bounds__(128) void bf16(
    const __nv_bfloat16 *a, const __nv_bfloat16 *b, float *c, int columns, int depth)
{
    __shared__ __align__(16) __nv_bfloat16 left[2][64][40], right[2][64][40];
    const int thread = threadIdx.x, lane = thread % 32, warp = thread / 32;
    const int row = blockIdx.y * 64, column = blockIdx.x * 64;
    const int m = warp / 2 * 32, n = warp % 2 * 32;
    float d[2][4][4] = {};
    const int tiles = depth / 32;
    for (int tile = 0; tile <= tiles; tile++) {
        for (int e = thread; e < 256 && tile < tiles; e += 128) {
            const int r = e / 4, k = e % 4 * 8;
            netc_cp_async16(&left[tile % 2][r][k], a + (row + r) * depth + tile * 32 + k);
            netc_cp_async16(&right[tile % 2][r][k], b + (column + r) * depth + tile * 32 + k);
        }
        netc_cp_async_commit();
        if (tile == 0) continue;
        netc_cp_async_wait<1>();
        __syncthreads();
        const int stage = (tile - 1) % 2;
        for (int k = 0; k < 32; k += 16) {
            unsigned l[2][4], r[4][2];
            for (int i = 0; i < 2; i++)
                netc_ldmatrix_x4(l[i], &left[stage][m + i * 16 + lane % 16][k + lane / 16 * 8]);
            for (int j = 0; j < 4; j++)
                for (int i = 0; i < 2; i++)
                    r[j][i] = *(const unsigned *)&right[stage][n + j * 8 + lane / 4]
                                                       [k + lane % 4 * 2 + 8 * i];
            for (int i = 0; i < 2; i++)
                for (int j = 0; j < 4; j++) netc_mma_m16n8k16_bf16(d[i][j], l[i], r[j]);
        }
        __syncthreads();
    }
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 4; j++)
            for (int e = 0; e < 4; e++)
                c[(row + m + i * 16 + lane / 4 + e / 2 * 8) * columns
                  + column + n + j * 8 + lane % 4 * 2 + e % 2] = d[i][j][e];
}
"""
# The same product by a warp that loads with TMA and a warpgroup that multiplies, two tiles apart.
HOPPER = """
extern "C" __global__ __launch_bounds__(160) void hopper(
    const __grid_constant__ netc_tensor_map a, const __grid_constant__ netc_tensor_map b, float *c,
    int columns, int depth)
{
    NETC_DYN_SMEM(unsigned char, shared);
    const int bytes = 64 * 64 * 2, warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    unsigned char *const left = shared, *const right = shared + 2 * bytes;
    unsigned long long *const full = (unsigned long long *)(shared + 4 * bytes), *const empty = full + 2;
    if (threadIdx.x == 0) {
        for (int stage = 0; stage < 2; stage++) {
            netc_mbar_init(&full[stage], 1);
            netc_mbar_init(&empty[stage], 4);
        }
        netc_mbar_fence_init();
    }
    __syncthreads();
    if (warp == 4) {
        for (int tile = 0; tile < depth / 64 && lane == 0; tile++) {
            const int stage = tile % 2;
            netc_mbar_wait(&empty[stage], tile / 2 % 2 ^ 1);
            netc_mbar_arrive_tx(&full[stage], 2 * bytes);
            netc_tma_load_2d(left + stage * bytes, &a, &full[stage], tile * 64, blockIdx.y * 64);
            netc_tma_load_2d(right + stage * bytes, &b, &full[stage], tile * 64, blockIdx.x * 64);
        }
        return;
    }
    float d[32];
    for (int i = 0; i < 32; i++) d[i] = 0.0f;
    for (int tile = 0; tile < depth / 64; tile++) {
        const int stage = tile % 2;
        netc_mbar_wait(&full[stage], tile / 2 % 2);
        netc_wgmma_fence();
        for (int k = 0; k < 4; k++)
            netc_wgmma_m64n64k16_bf16(d, netc_wgmma_desc(left + stage * bytes + k * 32, 1024),
                                      netc_wgmma_desc(right + stage * bytes + k * 32, 1024), 1);
        netc_wgmma_commit();
        netc_wgmma_wait<0>();
        if (lane == 0) netc_mbar_arrive(&empty[stage]);
    }
    const int row = blockIdx.y * 64 + warp * 16 + lane / 4;
    for (int i = 0; i < 32; i++)
        c[(row + 8 * (i / 2 % 2)) * columns + blockIdx.x * 64 + i / 4 * 8 + lane % 4 * 2 + i % 2] = d[i];
}
"""  # noqa: E501
WITHOUT_EMPTY = HOPPER.replace("netc_mbar_wait(&empty[stage], tile / 2 % 2 ^ 1);", "")
CLOSE = {"rtol": 1e-4, "atol": 1e-4}


def rounded(array: np.ndarray, kept: int) -> np.ndarray:
    """Floats with so many bits of the fraction, to the nearest even."""
    drop = 23 - kept
    bits = array.astype(np.float32).view(np.uint32).astype(np.uint64)
    bits += (1 << (drop - 1)) - 1 + (bits >> drop & 1)
    return (bits >> drop << drop).astype(np.uint32).view(np.float32)


def bf16(array: np.ndarray) -> np.ndarray:
    return (rounded(array, 7).view(np.uint32) >> 16).astype(np.uint16)


@pytest.fixture
def random():
    return np.random.default_rng(2)


@pytest.fixture(params=[False, True], ids=["fast", "checked"])
def checked(request):
    return request.param


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_a_product_in_tf32(random, checked, schedule):
    a, b = (random.normal(size=size).astype(np.float32) for size in ((16, 8), (8, 8)))
    c = np.zeros((16, 8), np.float32)
    arguments = buffer("a", a), buffer("b", b), buffer("c", c, False)
    launch(build_module(TF32, checked=checked), "tf32", (1,), (32,), arguments, schedule=schedule)
    np.testing.assert_allclose(c, rounded(a, 10) @ rounded(b, 10), **CLOSE)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_a_product_in_bf16_with_copies_under_way(random, checked, schedule):
    a, b = (random.normal(size=size).astype(np.float32) for size in ((128, 96), (64, 96)))
    c = np.zeros((128, 64), np.float32)
    arguments = (buffer("a", bf16(a)), buffer("b", bf16(b)), buffer("c", c, False),
                 np.int32(64), np.int32(96))  # fmt: skip
    module = build_module(BF16, checked=checked)
    launch(module, "bf16", (1, 2), (128,), arguments, schedule=schedule)
    np.testing.assert_allclose(c, rounded(a, 7) @ rounded(b, 7).T, **CLOSE)


def hopper(source: str, random, checked, schedule):
    a, b = (random.normal(size=size).astype(np.float32) for size in ((128, 256), (64, 256)))
    c = np.zeros((128, 64), np.float32)
    maps = (
        TensorMap(buffer(name, bf16(array)), (256, len(array)), 512, (64, 64), 2, swizzle=3)
        for name, array in (("a", a), ("b", b))
    )
    arguments = (*maps, buffer("c", c, False), np.int32(64), np.int32(256))
    module = build_module(source, checked=checked)
    launch(module, "hopper", (1, 2), (160,), arguments, 4 * 8192 + 32, schedule)
    return c, rounded(a, 7) @ rounded(b, 7).T


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_a_product_of_a_warpgroup_fed_by_tma(random, checked, schedule):
    np.testing.assert_allclose(*hopper(HOPPER, random, checked, schedule), **CLOSE)


def test_a_producer_that_does_not_wait_for_free_tiles_is_found(random, checked):
    with pytest.raises(EmulatorError, match="deadlock|race"):
        hopper(WITHOUT_EMPTY, random, checked, SCHEDULES[0])


# One product of what lies in memory as it would in shared memory, by a descriptor for it.
LAID_OUT = """
extern "C" __global__ void laid_out(const unsigned int *image, float *c, int words, int lead, int stride, int mode)
{
    NETC_DYN_SMEM(unsigned int, tile);
    for (int i = threadIdx.x; i < words; i += 128) tile[i] = image[i];
    netc_fence_async();
    __syncthreads();
    float d[32] = {};
    const unsigned long long others = (unsigned long long)(1 ^ mode) << 62 ^ 1ull << 16;
    const unsigned long long form = others ^ (unsigned long long)(lead >> 4) << 16;
    netc_wgmma_fence();
    netc_wgmma_m64n64k16_bf16(d, netc_wgmma_desc(tile, stride) ^ form,
                              netc_wgmma_desc(tile + words / 2, stride) ^ form, 1);
    netc_wgmma_commit();
    netc_wgmma_wait<0>();
    const int row = threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4;
    for (int i = 0; i < 32; i++)
        c[(row + 8 * (i / 2 % 2)) * 64 + i / 4 * 8 + threadIdx.x % 4 * 2 + i % 2] = d[i];
}
"""  # noqa: E501
MODES = {0: 16, 1: 128, 2: 64, 3: 32}  # the manual's number: the span of the swizzle in bytes


def laid_out(matrix: np.ndarray, span: int) -> np.ndarray:
    """A matrix of 64 x 16 halves as the manual has it for this span: chunk c of 16 bytes of row r
    is at chunk (c xor r / (128 / span)) of its row, of span bytes; without a swizzle the chunks of
    eight rows lie together, and then those of the next depth."""
    image = np.zeros((64, max(span, 32)), np.uint8)
    rows = matrix.view(np.uint8)
    if span == 16:
        return rows.reshape(8, 8, 2, 16).transpose(0, 2, 1, 3).reshape(64, 32)
    for row, chunk in np.ndindex(64, 2):
        place = chunk ^ row * span // 128 % (span // 16)
        image[row, 16 * place : 16 * place + 16] = rows[row, 16 * chunk : 16 * chunk + 16]
    return image


@pytest.mark.parametrize("mode", MODES)
def test_a_descriptor_says_how_operands_lie(random, mode):
    span = MODES[mode]
    a, b = (random.integers(-9, 10, (64, 16)).astype(np.float32) for _ in range(2))
    image = np.concatenate([laid_out(bf16(array), span) for array in (a, b)])
    c, width = np.zeros((64, 64), np.float32), image.shape[1]
    numbers = (image.nbytes // 4, 128, 8 * width, mode)
    arguments = (buffer("image", image), buffer("c", c, False), *map(np.int32, numbers))
    module = build_module(LAID_OUT, checked=True)
    launch(module, "laid_out", (1,), (128,), arguments, image.nbytes)
    np.testing.assert_array_equal(c, a @ b.T)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"stride": 520}, "its lines begin at no multiples of 16 bytes"),
        ({"box": (64, 257)}, "a box has more than 256 elements along an axis"),
        ({"box": (12, 64)}, "a line of a box is no multiple of 16 bytes"),
        ({"box": (128, 64)}, "a line of a box is longer than its swizzle"),
        ({"box": (64, 64), "swizzle": 2}, "a line of a box is longer than its swizzle"),
    ],
)
def test_a_tensor_map_that_no_driver_takes_is_refused(facts, words):
    usual = {"sizes": (256, 64), "stride": 512, "box": (64, 64), "element_bytes": 2, "swizzle": 3}
    held = buffer("a", np.zeros(4, np.float32))
    assert TensorMap(held, **usual).pack(256).nbytes == 128
    with pytest.raises(ValueError, match=f"a tensor map of a: {words}"):
        TensorMap(held, **usual | facts).pack(256)
    with pytest.raises(ValueError, match="it begins at no multiple of 16 bytes"):
        TensorMap(held, **usual).pack(264)
