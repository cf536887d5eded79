"""For every function of netc_ptx.cuh a kernel that calls it, and what it must store, by formula."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np


def sibling(name: str):
    """Another helper of this folder."""
    spec = spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


layouts, wrapper = sibling("layouts"), sibling("wrapper")
Wrapper, words, whole = wrapper.Wrapper, wrapper.words, wrapper.whole


def floats() -> np.ndarray:
    """Numbers of all sizes, and middles between neighbours of 7 and of 10 bits."""
    random = np.random.default_rng(3)
    found = [random.normal(size=128).astype(np.float32) * 2.0 ** random.integers(-20, 15, 128)]
    for drop in (13, 16):
        bits = random.integers(0x38000000, 0x47000000, 64).astype(np.uint32) >> drop << drop
        found.append((bits + (1 << (drop - 1))).astype(np.uint32).view(np.float32))
    found.append(np.asarray([0, -0.0, np.inf, -np.inf] * 16, np.float32))
    return np.concatenate(found).astype(np.float32)


def nearest_even(numbers: np.ndarray, drop: int) -> np.ndarray:
    """The bits without the last `drop` ones, of two equally near the even."""
    bits = numbers.view(np.uint32).astype(np.uint64)
    return ((bits + (1 << (drop - 1)) - 1 + (bits >> drop & 1)) >> drop).astype(np.uint32)


# --- conversions


def pack(name: str, halves: np.ndarray) -> Wrapper:
    body = f"""
    for (int i = t; i < 160; i += 32)
        y[i] = netc_{name}(__uint_as_float(x[2 * i]), __uint_as_float(x[2 * i + 1]));"""
    pairs = halves.astype(np.uint32)
    return Wrapper(f"netc_{name}", body, floats().view(np.uint32), pairs[::2] | pairs[1::2] << 16)


def convert() -> Wrapper:
    """Of two equally near, the one farther from zero."""
    body = """
    for (int i = t; i < 320; i += 32) y[i] = netc_cvt_tf32(__uint_as_float(x[i])) & ~0x1fffu;"""
    bits = floats().view(np.uint32).astype(np.uint64)
    expected = (bits + 0x1000 & ~np.uint64(0x1FFF)).astype(np.uint32)
    return Wrapper("netc_cvt_tf32", body, floats().view(np.uint32), expected)


def conversions() -> tuple[Wrapper, ...]:
    with np.errstate(over="ignore"):
        f16 = floats().astype(np.float16).view(np.uint16)
    return pack("pack_bf16", nearest_even(floats(), 16)), pack("pack_f16", f16), convert()


# --- warps


def multiply(shape: str, kind: str, depth: int) -> Wrapper:
    a, b, d = whole(16, depth), whole(depth, 8, seed=4), whole(16, 8, seed=5)
    parts = (
        layouts.left_of_mma(a, kind),
        layouts.right_of_mma(b, kind),
        layouts.sums_of_mma(d).view(np.uint32),
    )
    name = f"netc_mma_{shape}_{kind}"
    body = f"""
    const unsigned int *const own = x + t * 10;
    const unsigned int a[4] = {{own[0], own[1], own[2], own[3]}}, b[2] = {{own[4], own[5]}};
    float d[4];
    for (int i = 0; i < 4; i++) d[i] = __uint_as_float(own[6 + i]);
    {name}(d, a, b);
    for (int i = 0; i < 4; i++) y[t * 4 + i] = __float_as_uint(d[i]);"""
    result = layouts.sums_of_mma(d + a @ b).view(np.uint32)
    return Wrapper(name, body, np.concatenate(parts, axis=1), result)


def load_matrices(name: str, count: int, is_turned: bool) -> Wrapper:
    """Lane l names line 5 l + 3 (mod 32) of 16 bytes; matrix i has those that lanes 8 i on name."""
    lines = words(128)
    body = f"""
    __shared__ __align__(16) unsigned int tile[32][4];
    for (int i = 0; i < 4; i++) tile[t][i] = x[t * 4 + i];
    __syncwarp();
    unsigned int r[{count}];
    netc_{name}(r, tile[(5 * t + 3) % 32]);
    for (int i = 0; i < {count}; i++) y[t * {count} + i] = r[i];"""
    halves = lines.view(np.uint16).reshape(32, 8)
    expected = np.zeros((32, count, 2), np.uint16)
    for lane, i, half in np.ndindex(expected.shape):
        row, column = lane // 4, lane % 4 * 2 + half
        row, column = (column, row) if is_turned else (row, column)
        expected[lane, i, half] = halves[(5 * (8 * i + row) + 3) % 32, column]
    return Wrapper(f"netc_{name}", body, lines, expected.view(np.uint32))


def warps() -> tuple[Wrapper, ...]:
    return (
        multiply("m16n8k8", "tf32", 8),
        multiply("m16n8k16", "bf16", 16),
        multiply("m16n8k16", "f16", 16),
        load_matrices("ldmatrix_x4", 4, False),
        load_matrices("ldmatrix_x4_trans", 4, True),
        load_matrices("ldmatrix_x2_trans", 2, True),
    )


# --- copies that go on beside the arithmetic


def copy_async(name: str, count: int, call: str, filled: np.ndarray | None = None) -> Wrapper:
    """Lane l copies the words of lane 7 l (mod 32)."""
    numbers = words(32 * count)
    body = f"""
    __shared__ __align__(16) unsigned int tile[{32 * count}];
    {call}
    netc_cp_async_commit();
    netc_cp_async_wait<0>();
    for (int i = 0; i < {count}; i++) y[t * {count} + i] = tile[t * {count} + i];"""
    expected = numbers.reshape(32, count)[np.arange(32) * 7 % 32]
    return Wrapper(name, body, numbers, expected * (1 if filled is None else filled))


def copy_groups(name: str) -> Wrapper:
    """The older of two groups is there when one may be under way, the other at the last wait."""
    numbers = words(64)
    body = """
    __shared__ __align__(16) unsigned int tile[64];
    netc_cp_async4(&tile[t], x + t);
    netc_cp_async_commit();
    netc_cp_async4(&tile[32 + t], x + 32 + t);
    netc_cp_async_commit();
    netc_cp_async_wait<1>();
    y[t] = tile[t];
    netc_cp_async_wait<0>();
    y[32 + t] = tile[32 + t];"""
    return Wrapper(name, body, numbers, numbers)


def copies() -> tuple[Wrapper, ...]:
    kept = (np.arange(32) % 5)[:, None] > np.arange(4)
    source = "x + t * 7 % 32 * 4"
    return (
        copy_async("netc_cp_async16", 4, f"netc_cp_async16(&tile[t * 4], {source});"),
        copy_async("netc_cp_async4", 1, "netc_cp_async4(&tile[t], x + t * 7 % 32);"),
        copy_async(
            "netc_cp_async16_zfill", 4,
            f"netc_cp_async16_zfill(&tile[t * 4], {source}, t % 5 * 4);", kept.astype(np.uint32),
        ),
        copy_groups("netc_cp_async_commit"),
        copy_groups("netc_cp_async_wait"),
    )  # fmt: skip


# --- meeting


def meet(name: str, body: str, threads: int, expected: np.ndarray) -> Wrapper:
    return Wrapper(f"netc_{name}", body, words(threads), expected, threads)


def meetings() -> tuple[Wrapper, ...]:
    x = words(128)
    exchanged = x.reshape(2, 64)[:, ::-1].reshape(-1)
    handed = x[:64]
    sync = """
    __shared__ unsigned int tile[2][64];
    const int half = t / 64;
    tile[half][t % 64] = x[t];
    netc_bar_sync(1 + half, 64);
    y[t] = tile[half][63 - t % 64];"""
    arrive = """
    __shared__ unsigned int tile[64];
    if (t >= 64) {
        tile[t - 64] = x[t - 64];
        netc_bar_arrive(1, 128);
    } else {
        netc_bar_sync(1, 128);
        y[t] = tile[63 - t];
    }"""
    return (
        meet("bar_sync", sync, 128, exchanged),
        meet("bar_arrive", arrive, 128, handed[::-1]),
    )


WRAPPERS = (*conversions(), *warps(), *copies(), *meetings())
