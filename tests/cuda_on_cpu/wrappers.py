"""For every function with inline PTX: a kernel that calls it, and what it must store, by formula.

The same kernels run on the emulator and on a GPU. Inputs are different for each lane; numbers are
whole and small, so that sums have one result in any order.
"""

from dataclasses import dataclass, field
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np

from netc.compiler.program import FunctionFacts, Program, Tensor
from netc.compiler.targets.cuda import device_code
from netc.compiler.targets.cuda_launches import CudaLaunch, CudaStep, Matrix, Pointer, to_json


def load_layouts():
    spec = spec_from_file_location("layouts", Path(__file__).parent / "layouts.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


layouts = load_layouts()
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


def floats() -> np.ndarray:
    """Numbers of all sizes, middles between neighbours of 7 and of 10 bits, and their neighbours."""
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
    body = "    for (int i = t; i < 320; i += 32) y[i] = netc_cvt_tf32(__uint_as_float(x[i])) & ~0x1fffu;"
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


def meet(name: str, body: str, threads: int, expected: np.ndarray, **more) -> Wrapper:
    return Wrapper(f"netc_{name}", body, words(threads), expected, threads, **more)


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


# --- sm_90a: mbarriers

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
        meet("mbar_wait", PARITIES, 32, words(32), arch="sm_90a"),
        meet("elect_one", ELECTED, 32, words(32), arch="sm_90a"),
    )


# --- sm_90a: TMA

LINES, LINE = 40, 44  # of the matrix; a box has 16 lines of 32 words
BOXES = ((0, 0), (32, 30), (-3, 5), (4, -2), (64, 8))
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


# --- sm_90a: wgmma

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
    netc_wgmma_fence();
    for (int k = 0; k < 32; k += 8)
        NAME(d, netc_wgmma_desc(tile + k, 1024), netc_wgmma_desc(tile + 64 * 32 + k, 1024), 1);
    netc_wgmma_commit();
    netc_wgmma_wait<0>();"""
RETURNS = """
#pragma unroll
    for (int i = 0; i < SUMS; i++) y[t * SUMS + i] = __float_as_uint(d[i]);"""
# d = a b, whatever it was; the product of the next group is added to it.
GROUPS = """
    netc_wgmma_fence();
    for (int k = 0; k < 32; k += 8) {
        NAME(d, netc_wgmma_desc(tile + k, 1024), netc_wgmma_desc(tile + 64 * 32 + k, 1024), k > 0);
        netc_wgmma_commit();
        netc_wgmma_wait<1>();
    }
    netc_wgmma_wait<0>();"""
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
        product("netc_wgmma_commit", "bf16", 128, GROUPS),
        product("netc_wgmma_wait", "tf32", 128, GROUPS),
        *(
            product("", kind, columns)
            for columns in (64, 128, 256)
            for kind in ("tf32", "bf16", "f16")
        ),
    )


USUAL = (*conversions(), *warps(), *copies(), *meetings())
WRAPPERS = (*USUAL, *mbarriers(), *fetches(), *warpgroups())
ARCHS = ("sm_80", "sm_90a")


def wrappers_of(arch: str) -> tuple[Wrapper, ...]:
    """Those that run on an architecture: all of them only on sm_90a."""
    return WRAPPERS if arch == "sm_90a" else USUAL


def source_for(arch: str) -> str:
    """One source with the kernels of all of them."""
    parts = ("math", "round", "ptx", *(("ptx_sm90",) if arch == "sm_90a" else ()))
    kernels = (wrapper.source for wrapper in wrappers_of(arch))
    nothing = 'extern "C" __global__ void nothing() {}\n'
    return "\n".join((*map(device_code, parts), *kernels, nothing))


def program_of(wrapper: Wrapper, arch: str, folder: Path) -> tuple[Program, FunctionFacts]:
    """A program with one function, which launches one kernel; its sources are in the folder."""
    for place in (folder / "cuda", folder / "cuda" / arch):  # one is the runtime's choice
        place.mkdir(exist_ok=True)
        (place / "wrapper.cu").write_text(source_for(arch))
        (place / "wrapper.json").write_text(to_json(wrapper.step))
    facts = FunctionFacts("wrapper", 1, "wrapper", (), (), (), (), 0)
    size = 2 * MOST_BYTES
    return Program("wrapper", "0", "0", "", str(folder), size, MOST_BYTES, (), (facts,), None, None), facts


def check(wrapper: Wrapper, open_device, arch: str, folder: Path) -> None:
    """The kernel stores what it must, on the device that `open_device(program, folder)` opens."""
    program, facts = program_of(wrapper, arch, folder)
    device = open_device(program, folder)
    assert max(wrapper.x.nbytes, wrapper.expected.nbytes) <= MOST_BYTES
    device.write(Tensor("x", "i32", wrapper.x.shape, 0), wrapper.x.view(np.int32))
    device.run(facts, (), None, 1)
    found = device.read(Tensor("y", "i32", wrapper.expected.shape, MOST_BYTES))
    np.testing.assert_array_equal(found.view(np.uint32), wrapper.expected, err_msg=wrapper.name)
