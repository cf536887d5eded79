"""Products for sm_90a, as netc renders them: copied, fetched by TMA, multiplied by warpgroups."""

import re

import numpy as np
import pytest

from netc.compiler.interpret import interpret
from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.precision import rounded
from netc.compiler.ops.table import OPS
from netc.compiler.targets import cuda_tiles, cuda_wgmma
from netc.compiler.targets.cuda_step import launches
from netc.compiler.targets.cuda_wgmma import FORMATS, WARPGROUP_SHAPES, WarpgroupShape
from netc.emulator.findings import EmulatorError
from netc.emulator.launch import SCHEDULES

CLOSE = {"rtol": 2e-5, "atol": 2e-5}
SMALL = WarpgroupShape(64, 64)


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """Even where it does not pay."""
    monkeypatch.setattr(cuda_tiles, "pays", lambda *_: True)


@pytest.fixture
def only(monkeypatch):
    """only(shape): blocks have no other."""
    return lambda shape: monkeypatch.setattr(cuda_wgmma, "WARPGROUP_SHAPES", (shape,))


def product(rows, depth, columns, precision, *, batch=(), turned=False, rich=False) -> Graph:
    """a @ b; `turned` has both in memory the other way round, `rich` is relu(a @ b + c) and its
    square."""
    build, ahead = Builder(OPS), len(batch)
    last = (*range(ahead), ahead + 1, ahead)

    def tensor(*shape: int):
        return build.input("x", TensorType("f32", shape), Role.STATE)

    left, right = (rows, depth), (depth, columns)
    a = tensor(*batch, *(reversed(left) if turned else left))
    b = tensor(*batch, *(reversed(right) if turned else right))
    if turned:
        a, b = build.transpose(a, axes=last), build.transpose(b, axes=last)
    y = build.apply("matmul", a, b, precision=precision)
    if not rich:
        return build.graph("product", (Output("y", y),))
    z = build.relu(build.add(y, tensor(columns)))
    return build.graph("product", (Output("z", z), Output("square", build.multiply(z, z))))


def arrays_for(graph: Graph, is_whole: bool = False) -> dict[str, np.ndarray]:
    """Numbers around zero; whole ones have products and sums without any rounding."""
    random = np.random.default_rng(6)
    return {
        entry.value.name: random.integers(-8, 9, entry.value.type.shape).astype(np.float32)
        if is_whole
        else random.normal(size=entry.value.type.shape).astype(np.float32)
        for entry in graph.inputs
    }


@pytest.fixture
def agrees(cuda_on_cpu):
    """agrees(graph): checked, the same bits in every order, near the interpreter's."""

    def check(graph: Graph, is_whole: bool = False) -> str:
        function, arrays = cuda_on_cpu.function_of(graph), arrays_for(graph, is_whole)
        close = {"rtol": 0, "atol": 0} if is_whole else CLOSE
        expected = interpret(graph, arrays)
        checked = cuda_on_cpu.CudaOnCpu(function, checked=True)
        fast = cuda_on_cpu.CudaOnCpu(function)
        found = [checked.results(arrays, SCHEDULES[-1])]
        found += [fast.results(arrays, schedule) for schedule in SCHEDULES]
        for results in found:
            for name, array in expected.items():
                np.testing.assert_array_equal(results[name], found[0][name], err_msg=name)
                np.testing.assert_allclose(results[name], array, err_msg=name, **close)
        return cuda_on_cpu.source_of(function)

    return check


def name_of(shape: WarpgroupShape) -> str:
    return f"{shape.rows}x{shape.columns}"


@pytest.mark.parametrize("shape", WARPGROUP_SHAPES, ids=name_of)
@pytest.mark.parametrize("precision", FORMATS)
def test_every_tile_fits_exactly_and_not_at_all(agrees, only, precision, shape):
    only(shape)
    depth = FORMATS[precision].depth
    source = agrees(product(shape.rows + 5, depth + 3, shape.columns + 9, precision))
    assert f"netc_wgmma_m64n{shape.columns}k" in source
    agrees(product(shape.rows, 2 * depth, shape.columns, precision))


@pytest.mark.parametrize("precision", FORMATS)
@pytest.mark.parametrize("turned", [False, True])
def test_the_ring_turns_more_than_once(agrees, only, precision, turned):
    only(SMALL)
    depth = 9 * FORMATS[precision].depth + 1
    source = agrees(product(67, depth, 70, precision, turned=turned), is_whole=True)
    assert "step < 10" in source and "% 4" in source


@pytest.mark.parametrize("precision", FORMATS)
def test_what_comes_after_is_fused(agrees, only, precision):
    only(SMALL)
    source = agrees(product(65, 41, 30, precision, rich=True))
    assert len(re.findall("__global__", source)) == 4  # copies, product, log


@pytest.mark.parametrize("precision", ["bf16", "tf32"])
def test_products_of_a_batch_do_not_mix(agrees, only, precision):
    only(SMALL)
    agrees(product(70, 35, 66, precision, batch=(3,), rich=True))


@pytest.mark.parametrize("precision", FORMATS)
@pytest.mark.parametrize("depth", [36, 40])
def test_what_lies_side_by_side_is_copied_by_quads(agrees, precision, depth):
    source = agrees(product(20, depth, 24, precision))
    assert source.count("netc_load4(&x[u]") == 1  # the left's; the right's depth is across


@pytest.mark.parametrize("sizes", [(1, 1, 1), (1, 300, 2), (3, 7, 200), (64, 8, 64)])
def test_products_of_odd_sizes(agrees, sizes):
    agrees(product(*sizes, "bf16"))


@pytest.mark.parametrize("precision", FORMATS)
def test_operands_are_rounded_to_the_nearest_even(cuda_on_cpu, hard_to_round, precision):
    graph = product(len(hard_to_round), 1, 1, precision)
    (a, b) = (entry.value.name for entry in graph.inputs)
    arrays = {a: hard_to_round.reshape(-1, 1), b: np.ones((1, 1), np.float32)}
    machine = cuda_on_cpu.CudaOnCpu(cuda_on_cpu.function_of(graph))
    (found,) = machine.results(arrays).values()
    np.testing.assert_array_equal(found[:, 0], rounded(hard_to_round, precision))


def test_only_products_with_many_uses_of_each_number_are_copied(cuda_on_cpu, monkeypatch):
    monkeypatch.undo()
    for sizes, is_copied in (((4096,) * 3, True), ((512,) * 3, False), ((65536, 64, 64), False)):
        function = cuda_on_cpu.function_of(product(*sizes, "bf16"))
        for arch, has_wgmma in (("sm_90a", True), ("sm_80", False), ("sm_100a", False)):
            source = cuda_on_cpu.source_of(function, arch)
            assert ("netc_wgmma_m64n" in source) == (is_copied and has_wgmma)


def test_the_workspace_holds_the_copies_of_one_product(cuda_on_cpu, only):
    only(SMALL)
    build = Builder(OPS)
    x = build.input("x", TensorType("f32", (50, 50)), Role.STATE)
    y = build.apply("matmul", x, x, precision="bf16")
    z = build.apply("matmul", y, x, precision="bf16")
    function = cuda_on_cpu.function_of(build.graph("two", (Output("z", z),)))
    step = launches(function, "sm_90a", "two")
    assert [entry.serves for entry in step.launches] == ["k01_matmul_forward"] * 2 + [""] + [
        "k02_matmul_forward"
    ] * 2 + [""]
    assert len(step.of_kernel("k02_matmul_forward")) == 3
    line = 56 * 2  # a multiple of 16 bytes
    assert step.workspace_bytes == 2 * -(-50 * line // 256) * 256


# What nobody may forget or confuse in these kernels, and what the emulator says of it: in the copy
# of an operand, in the ring, in the product, in the epilogue.
FENCE = "netc_mbar_fence_init();"
SPOILED = {
    "no fence after the mbarriers were made": (FENCE, "", "missing proxy fence"),
    "no barrier after that": ("__syncthreads();", "", "misuse|race|uninitialised"),
    "an arrival too few on empty": (r"(&empty\[stage\], )4", r"\g<1>3", "race|misuse"),
    "an arrival too many on empty": (r"(&empty\[stage\], )4", r"\g<1>5", "deadlock"),
    "no wait for an empty stage": (r"netc_mbar_wait\(&empty.*;", "", "race|misuse|deadlock"),
    "the wrong parity of empty": (r"% 2 \^ 1", "% 2", "deadlock"),
    "the parity of empty never turns": (r"step / 4 % 2 \^ 1", "1", "race|misuse"),
    "no wait for a full stage": (r"netc_mbar_wait\(&full.*;", "", "race|uninitialised"),
    "the wrong parity of full": (r"(&full\[stage\], step / 4 % 2)", r"\1 ^ 1",
                                 "deadlock|race|uninitialised"),
    "too few bytes announced": (r"(_tx\(&full\[stage\], )16384", r"\g<1>8192",
                                "misuse|race|uninitialised"),
    "too many bytes announced": (r"(_tx\(&full\[stage\], )16384", r"\g<1>16400", "deadlock"),
    "bytes not announced": (r"netc_mbar_arrive_tx\((&full\[stage\]), 16384\)",
                            r"netc_mbar_arrive(\1)", "misuse|race|uninitialised"),
    "both tiles in one place": (r"target \+ 8192", "target", "race|uninitialised|wrong"),
    "a tile that is not where swizzles begin": (r"target \+ 8192", "target + 8192 + 128",
                                                "misaligned"),
    "rows and columns confused": (r"(&right, .*)column\)", r"\1row)", "wrong"),
    "the first product of the batch for all": (r"b \* 67 \+ row", "row", "wrong"),
    "rows of the next product that are stored": (r"m >= 67\)", "m > 67)",
                                                 "out of bounds|race between blocks"),
    "the depth of the other format": (r"step \* 64", "step * 32", "wrong"),
    "a box that begins between 16 bytes": (r"step \* 64", "step * 64 + 1", "misaligned"),
    "no fence before the products": ("netc_wgmma_fence();", "", "misuse"),
    "no commit": ("netc_wgmma_commit();", "", "misuse|wrong|race"),
    "no last wait": (r"netc_wgmma_wait<0>\(\);", "", "misuse|wrong"),
    "a stage freed before its products are done": (r"\(step - 1\) % 4", "step % 4",
                                                   "race|deadlock|misuse"),
    "no wait before a stage is freed": (r"netc_wgmma_wait<1>\(\);", "", "race"),
    "a stride of four lines": (r"netc_wgmma_desc\(l \+ d, 1024\)", "netc_wgmma_desc(l + d, 512)",
                               "wrong"),
    "another swizzle in the descriptor": (r"netc_wgmma_desc\(r \+ d, 1024\)",
                                          "(netc_wgmma_desc(r + d, 1024) ^ 3ull << 62)", "misuse"),
    "steps of the depth that overlap": (r"d \+= 32", "d += 16",
                                        "missing proxy fence|race|wrong"),
    "sums that are not added to": (r"1024\), 1\);", "1024), 0);", "wrong"),
    "the other 16-bit type": ("k16_bf16", "k16_f16", "wrong"),
    "a stage too many": (r"step % 4;", "step % 5;", "out of bounds|misuse"),
    "warps in the wrong order": (r"warp \* 16", "(3 - warp) * 16", "wrong"),
    "halves of a row exchanged": (r"i / 2 % 2 \* 8", "i % 2 * 8", "unwritten|wrong"),
    "no guard of a stored row": (r"if \(m >= 67\) continue;", "", "out of bounds"),
    "a copy without its last piece": (r"i >= (\d+)\) return", r"i >= \1 - 1) return", "unwritten"),
    "a copy that reads over the depth": (r"if \(k < 330\) ", "", "out of bounds|wrong"),
    "a copy with its lines across": (r"copied\[line \* 42 \+ piece\]", "copied[piece * 134 + line]",
                                     "wrong|out of bounds|race|unwritten"),
}  # fmt: skip


# What looks like one of these and is right.
ALIKE = {
    "a fence for all that is asynchronous": (FENCE, "netc_fence_async();"),
    "a stage freed by another lane": (r"step > 0 && lane == 0", "step > 0 && lane == 5"),
    "bytes announced after the copies": (
        r"(netc_mbar_arrive_tx.*;)\s*(netc_tma.*;)\s*(netc_tma.*;)", r"\2 \3 \1"),
    "bytes announced tile by tile": (
        r"netc_mbar_init\(&full\[stage\], 1\);((.|\n)*?)netc_mbar_arrive_tx.*;",
        r"netc_mbar_init(&full[stage], 2);\1netc_mbar_arrive_tx(&full[stage], 8192);"
        "netc_mbar_arrive_tx(&full[stage], 8192);"),
    "one fence where no thread touches its sums": (
        r"(netc_wgmma_pin.*)((?:.|\n)*?)netc_wgmma_fence\(\);", r"\1 netc_wgmma_fence();\2"),
    "each step waited for by itself": (
        r"netc_wgmma_wait<1>\(\);\n(.*)step > 0 && (.*)step - 1\)",
        r"netc_wgmma_wait<0>();\n\1\2step)"),
    "a group for every product": (
        r"(netc_wgmma_m64.*1\);)\n\s*netc_wgmma_commit\(\);((?:.|\n)*)wait<1>",
        r"{ \1 netc_wgmma_commit(); }\2wait<4>"),
    "the first product does not add": (r"1024\), 1\);", "1024), step > 0 || d > 0);"),
}  # fmt: skip
KERNEL = {"rows": 67, "depth": 330, "columns": 70, "precision": "bf16", "batch": (2,)}


@pytest.fixture
def findings(cuda_on_cpu, only):
    """findings(old, new): of all schedules, the kernel with `new` in the place of `old`."""
    only(SMALL)

    def run(old: str, new: str) -> set[str]:
        graph = product(**KERNEL)
        function, arrays = cuda_on_cpu.function_of(graph), arrays_for(graph)
        head, kernel = cuda_on_cpu.source_of(function).split("// k01_", 1)
        pattern = old if "\\" in old or "[" in old else re.escape(old)
        assert re.search(pattern, kernel)
        source = f"{head}// k01_{re.sub(pattern, new, kernel)}"
        machine = cuda_on_cpu.CudaOnCpu(function, checked=True, source=source)
        (expected,) = interpret(graph, arrays).values()
        found = set()
        for schedule in SCHEDULES[:2]:
            try:
                (result,) = machine.results(arrays, schedule).values()
            except EmulatorError as error:
                found |= {finding.kind for finding in error.findings}
                continue
            if not np.allclose(result, expected, **CLOSE):
                found.add("wrong")
        return found

    return run


@pytest.mark.parametrize("name", SPOILED)
def test_a_misuse_is_found(findings, name):
    old, new, kinds = SPOILED[name]
    assert findings(old, new) & set(kinds.split("|"))


@pytest.mark.parametrize("name", ALIKE)
def test_what_is_right_is_silent(findings, name):
    assert findings(*ALIKE[name]) == set()
