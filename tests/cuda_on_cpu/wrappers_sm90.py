"""For every function of netc_ptx_sm90.cuh a kernel that calls it, and what it must store."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np

from netc.compiler.targets.cuda_launches import Matrix


def sibling(name: str):
    """Another helper of this folder."""
    spec = spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


layouts, wrapper = sibling("layouts"), sibling("wrapper")
Wrapper, words, whole = wrapper.Wrapper, wrapper.words, wrapper.whole

# --- mbarriers

# The first warp stores, the second reads; one barrier, made for some arrivals, is used twice.
HANDS_OVER = """
    __shared__ unsigned long long barrier;
    __shared__ unsigned int tile[64];
    if (t == 0) {
        netc_mbar_init(&barrier, ARRIVALS);
        netc_mbar_fence_init();
    }
    __syncthreads();
    if (t < 32) {
        tile[t] = x[t];
        __syncwarp();
        if (t < ARRIVALS) netc_mbar_arrive(&barrier);
        netc_mbar_wait(&barrier, 0);
        tile[32 + t] = x[32 + t];
        __syncwarp();
        if (t < ARRIVALS) netc_mbar_arrive(&barrier);
    } else {
        netc_mbar_wait(&barrier, 0);
        y[t - 32] = tile[63 - t];
        netc_mbar_wait(&barrier, 1);
        y[t] = tile[95 - t];
    }"""
# A barrier that nobody has used lets parity 1 pass, and so does one whose second phase is over.
PARITIES = """
    __shared__ unsigned long long barrier;
    if (t == 0) netc_mbar_init(&barrier, 32);
    __syncwarp();
    netc_mbar_wait(&barrier, 1);
    for (int phase = 0; phase < 5; phase++) {
        netc_mbar_arrive(&barrier);
        netc_mbar_wait(&barrier, phase % 2);
    }
    y[t] = x[t];"""
ELECTED = """
    const unsigned int chosen = __ballot_sync(0xffffffffu, netc_elect_one());
    y[t] = chosen != 0 && (chosen & (chosen - 1)) == 0 ? x[t] : 0;"""


def handed_over(name: str, arrivals: int) -> Wrapper:
    body = HANDS_OVER.replace("ARRIVALS", str(arrivals))
    x = words(64)
    expected = x.reshape(2, 32)[:, ::-1].reshape(-1)
    return Wrapper(f"netc_{name}", body, x, expected, 64, arch="sm_90a")


def mbarriers() -> tuple[Wrapper, ...]:
    return (
        handed_over("mbar_init", 3),
        handed_over("mbar_arrive", 32),
        Wrapper("netc_mbar_wait", PARITIES, words(32), words(32), arch="sm_90a"),
        Wrapper("netc_elect_one", ELECTED, words(32), words(32), arch="sm_90a"),
    )


# --- TMA

LINES, LINE = 40, 44  # of the matrix; a box has 16 lines of 32 words
BOXES = ((0, 0), (32, 30), (-4, 5), (4, -2), (64, 8))  # columns by 16 bytes
FETCHES = """
    NETC_DYN_SMEM(unsigned int, tile);
    unsigned long long *const barrier = (unsigned long long *)(tile + COUNT * 512);
    if (t == 0) {
        netc_mbar_init(barrier, 1);
        netc_mbar_fence_init();
    }
    __syncthreads();
    const int columns[] = {COLUMNS}, rows[] = {ROWS};
    if (t == 0) {
        netc_mbar_arrive_tx(barrier, COUNT * 2048);
        for (int i = 0; i < COUNT; i++)
            netc_tma_load_2d(tile + i * 512, &map_0, barrier, columns[i], rows[i]);
    }
    netc_mbar_wait(barrier, 0);
    for (int i = t; i < COUNT * 512; i += 64) y[i] = tile[i];"""
# Two phases, each announced in two parts: what has landed counts, not how often it was announced.
COUNTS = """
    NETC_DYN_SMEM(unsigned int, tile);
    unsigned long long *const barrier = (unsigned long long *)(tile + COUNT * 512);
    if (t == 0) {
        netc_mbar_init(barrier, 2);
        netc_mbar_fence_init();
    }
    __syncthreads();
    for (int phase = 0; phase < 2; phase++) {
        if (t < 2) {
            netc_mbar_arrive_tx(barrier, 2048);
            netc_tma_load_2d(tile + t * 512, &map_0, barrier, 0, phase * 32 + t * 16);
        }
        netc_mbar_wait(barrier, phase);
        for (int i = t; i < 1024; i += 64) y[phase * 1024 + i] = tile[i];
        __syncthreads();
    }"""


def boxes(matrix: np.ndarray, places) -> np.ndarray:
    """What lands of boxes at (column, row): zeros outside of the matrix, lines swizzled."""
    wide = np.zeros((LINES + 200, LINE + 200), np.uint32)
    wide[100 : 100 + LINES, 100 : 100 + LINE] = matrix
    cut = [wide[100 + y : 116 + y, 100 + x : 132 + x] for x, y in places]
    return np.concatenate([layouts.swizzled_lines(box) for box in cut])


def fetches() -> tuple[Wrapper, ...]:
    matrix = words(LINES * LINE).reshape(LINES, LINE)
    facts = Matrix("tf32", LINES, LINE, LINE * 4, 16, 32)

    def wrapper(name: str, body: str, places) -> Wrapper:
        for key, entries in (("COLUMNS", 0), ("ROWS", 1)):
            body = body.replace(key, ", ".join(str(place[entries]) for place in places))
        shared, found = 1024 + len(places) * 2048, boxes(matrix, places)
        source = body.replace("COUNT", str(len(places)))
        return Wrapper(f"netc_{name}", source, matrix, found, 64, shared, (facts,), "sm_90a")

    phases = ((0, 0), (0, 16), (0, 32), (0, 48))
    return (
        wrapper("tma_load_2d", FETCHES, BOXES),
        wrapper("mbar_fence_init", FETCHES, BOXES[:1]),
        wrapper("mbar_arrive_tx", COUNTS, phases),
    )


# --- wgmma

# Lines of 128 bytes are stored as a swizzle of 128 bytes has them: those of the left, the right.
STORES = """
    NETC_DYN_SMEM(unsigned int, tile);
    for (int i = t; i < LINES * 32; i += 128) tile[i ^ (i / 32 % 8) * 4] = x[i];
    netc_fence_async();
    __syncthreads();
    float d[SUMS];
#pragma unroll
    for (int i = 0; i < SUMS; i++) d[i] = (float)(i - t);"""
MULTIPLIES = """
    netc_wgmma_pin(d);
    netc_wgmma_fence();
    for (int k = 0; k < 32; k += 8)
        NAME(d, netc_wgmma_desc(tile + k, 1024), netc_wgmma_desc(tile + 64 * 32 + k, 1024), 1);
    netc_wgmma_commit();
    netc_wgmma_wait<0>();
    netc_wgmma_pin(d);"""
RETURNS = """
#pragma unroll
    for (int i = 0; i < SUMS; i++) y[t * SUMS + i] = __float_as_uint(d[i]);"""
# d = a b, whatever it was; the product of the next group is added to it.
GROUPS = """
    netc_wgmma_pin(d);
    netc_wgmma_fence();
    for (int k = 0; k < 32; k += 8) {
        NAME(d, netc_wgmma_desc(tile + k, 1024), netc_wgmma_desc(tile + 64 * 32 + k, 1024), k > 0);
        netc_wgmma_commit();
        netc_wgmma_wait<1>();
    }
    netc_wgmma_wait<0>();
    netc_wgmma_pin(d);"""
# A thread changes its sums between two products.
DOUBLES = """
#pragma unroll
    for (int i = 0; i < SUMS; i++) d[i] *= 2.0f;"""
CHANGES = MULTIPLIES + DOUBLES + MULTIPLIES
DESCRIBES = """
    NETC_DYN_SMEM(unsigned int, tile);
    const unsigned long long first = netc_wgmma_desc(tile, 1024);
    const unsigned long long other = netc_wgmma_desc(tile + 8 * t, 256 * t);
    y[3 * t] = (unsigned int)(first % 64);  // tiles begin at multiples of 1024
    y[3 * t + 1] = (unsigned int)((other & 0x3fff) - (first & 0x3fff));
    y[3 * t + 2] = (unsigned int)(other >> 32) ^ x[t];"""


def product(name: str, kind: str, columns: int, body: str = MULTIPLIES, times: int = 1) -> Wrapper:
    depth, sums = 32 if kind == "tf32" else 64, columns // 2
    a, b = whole(64, depth), whole(columns, depth, seed=7)
    lines = layouts.words_of(np.concatenate([a, b]), kind)
    start = np.arange(sums)[None] - np.arange(128)[:, None]
    start = 0 if body is GROUPS else start * times
    result = layouts.sums_of_wgmma(a @ b.T) * (times + 1 if times > 1 else 1) + start
    call = f"netc_wgmma_m64n{columns}k{8 if kind == 'tf32' else 16}_{kind}"
    source = (STORES + body + RETURNS).replace("NAME", call).replace("SUMS", str(sums))
    return Wrapper(
        name or call,
        source.replace("LINES", str(64 + columns)),
        lines,
        np.asarray(result, np.float32).view(np.uint32),
        128,
        (64 + columns) * 128,
        arch="sm_90a",
    )


def describes() -> Wrapper:
    """Bits 0 to 13 are the place / 16, 32 to 45 the stride / 16, and 62 to 63 say 128 bytes."""
    t, x = np.arange(32), words(32)
    fields = np.stack([0 * t, 2 * t, (16 * t | 1 << 30) ^ x], axis=1).astype(np.uint32)
    return Wrapper("netc_wgmma_desc", DESCRIBES, x, fields, 32, 2048, arch="sm_90a")


def warpgroups() -> tuple[Wrapper, ...]:
    return (
        describes(),
        product("netc_fence_async", "tf32", 64),
        product("netc_wgmma_fence", "bf16", 64, CHANGES, times=2),
        product("netc_wgmma_pin", "f16", 128, CHANGES, times=2),
        product("netc_wgmma_commit", "bf16", 128, GROUPS),
        product("netc_wgmma_wait", "tf32", 128, GROUPS),
        *(
            product("", kind, columns)
            for columns in (64, 128, 256)
            for kind in ("tf32", "bf16", "f16")
        ),
    )


WRAPPERS = (*mbarriers(), *fetches(), *warpgroups())
