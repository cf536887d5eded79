"""Bugs that templates could have are found: in what netc renders, one thing is spoiled.

What no rule of the machine forbids (a wrong index that stays in bounds) must show in the results.
"""

import re
from dataclasses import dataclass

import numpy as np
import pytest

from netc.compiler.interpret import interpret
from netc.compiler.ops.table import OPS
from netc.compiler.passes.parts import SplitFacts
from netc.compiler.passes.pipeline import optimize
from netc.compiler.targets import cuda_tiles
from netc.emulator.findings import EmulatorError
from netc.emulator.launch import SCHEDULES

WRONG = "wrong results"


@dataclass(frozen=True)
class Spoiled:
    """In the source of a graph, the `which`-th match of `old` becomes `new`."""

    name: str
    graph: str
    old: str
    new: str
    kinds: str
    which: int = 0

    def __str__(self) -> str:
        return self.name

    def source(self, source: str) -> str:
        """The spoiled source; what lies before the first kernel, and the step's frame, stay."""
        start = source.index('extern "C" __global__', source.index("// k01_"))
        end = source.index("// netc_log")
        matches = list(re.finditer(self.old, source[start:end], re.MULTILINE))
        assert matches, f"nothing looks like {self.old}"
        match = matches[self.which]
        kernel = source[start:end]
        kernel = kernel[: match.start()] + match.expand(self.new) + kernel[match.end() :]
        return source[:start] + kernel + source[end:]


BARRIER = r"__syncthreads\(\);"
SPOILED = (
    # matmul: 67 x 41 by 41 x 70, bias and relu
    Spoiled("no guard of the rows of a tile", "matmul", r"m < 67 && ", "",
            "out of bounds"),
    Spoiled("no guard of the columns of a tile", "matmul", r"n < 70 && ", "",
            "out of bounds"),
    Spoiled("no guard of the depth of a tile", "matmul", r" && k < 41", "",
            "out of bounds"),
    Spoiled("no guard of a stored row", "matmul", r"if \(m >= 67\) continue;", "",
            "out of bounds"),
    Spoiled("no guard of a stored column", "matmul", r"if \(n >= 70\) continue;", "",
            "out of bounds|race"),
    Spoiled("a guard that is off by one", "matmul", r"m >= 67\)", "m > 67)", "out of bounds"),
    Spoiled("no barrier after filling a tile", "matmul", BARRIER, "", "race|uninitialised"),
    Spoiled("a tile that is multiplied while it is filled", "matmul", r"left\[stage \^ 1\]",
            "left[stage]", "race|uninitialised"),
    Spoiled("one tile for all depths", "matmul", r"stage \^= 1\)", "stage ^= 0)",
            "race|uninitialised"),
    Spoiled("a quad of rows too far", "matmul", r"\[y \+ i \* 16\]",
            "[y + i * 16 + 8]", "out of bounds"),
    Spoiled("swapped index of an operand", "matmul", r"k_\[k \* 70 \+ n\]", "k_[n * 70 + k]",
            "out of bounds"),
    Spoiled("swapped index of a tile", "matmul", r"right\[stage\]\[d\]\[i\]",
            "right[stage][i][d]", WRONG),
    Spoiled("sums that do not start at zero", "matmul", r" = \{\};", ";", WRONG),
    Spoiled("a tile that is too small", "matmul", r"left\[2\]\[16\]\[20\]", "left[2][16][14]",
            "out of bounds|misaligned"),
    Spoiled("a depth that is walked twice", "matmul", r"start \+= 16", "start += 15", WRONG),
    Spoiled("no tail of the depth", "matmul", r"start < 41;", "start < 41 / 16 * 16;", WRONG),
    Spoiled("two threads store one element", "matmul", r"(relu_out\[m \* 70 \+ n)\]", r"\1 / 8]",
            "race|race between blocks"),
    Spoiled("blocks that overlap", "matmul", r"(const int column = .*) \* 16;", r"\1 * 15;",
            "race between blocks"),
    Spoiled("a wrong number of the thread", "matmul", r"thread = threadIdx.x",
            "thread = threadIdx.x / 2", "uninitialised|race"),
    Spoiled("the bias of the row", "matmul", r"left_\[n\]", "left_[m]", WRONG),
    # split: 20 x 1100 by 1100 x 10 in four parts of the depth, which are then added up
    Spoiled("parts of the two sides that do not match", "split", r"\+ b \* 275", "+ (3 - b) * 275",
            WRONG),
    Spoiled("parts that overlap", "split", r"b \* 275 \+ k\]", "b * 274 + k]", WRONG),
    Spoiled("a part that is left out", "split", r"k < 4;", "k < 3;", WRONG),
    Spoiled("a part too many", "split", r"k < 4;", "k < 5;", "out of bounds"),
    Spoiled("all parts in one place", "split", r"matmul_out\[b \* 200 \+ ", "matmul_out[",
            "race between blocks"),
    Spoiled("parts added as their blocks come", "split", r"matmul_out\[b \* 200 (.*)\] = matmul;",
            r"atomicAdd(&matmul_out[0 \1], matmul);", "uninitialised"),
    Spoiled("no guard of a part's depth", "split", r"m < 20 && k < 275", "m < 20",
            "out of bounds"),
    # quads: 68 x 44 by 44 x 72, by loads and stores of 16 bytes
    Spoiled("a quad that begins at the wrong byte", "quads", r"(netc_load4\(.*&x_\[m \* 44 \+ k)",
            r"\1 + 1", "misaligned"),
    Spoiled("a stored quad that begins at the wrong byte", "quads", r"(&relu_out\[m \* 72 \+ n)",
            r"\1 + 2", "misaligned"),
    Spoiled("no guard of the depth of a quad", "quads", r" && k < 44", "", "out of bounds"),
    Spoiled("no guard of a stored quad", "quads", r"if \(first >= 72\) continue;", "",
            "out of bounds|race between blocks"),
    Spoiled("three of four columns", "quads", r"t < 4; t\+\+\) \{", "t < 3; t++) {",
            f"uninitialised|{WRONG}", which=-1),
    # softmax of 3 rows of 1502, a block for each
    Spoiled("no barrier after the parts of warps", "softmax", BARRIER, "",
            "uninitialised|race"),
    Spoiled("a part too few in shared memory", "softmax", r"(__shared__ .*)\[8\]", r"\1[7]",
            "out of bounds"),
    Spoiled("a stage of the shuffle too few", "softmax", r"step = 16", "step = 8", WRONG,
            which=1),
    Spoiled("a fold without a start", "softmax", r"float sum = 0\.0f;", "float sum;", WRONG),
    Spoiled("one array of parts for two folds", "softmax", r"sum_parts\[lane / 32\]",
            "max__parts[lane / 32]", "race|uninitialised"),
    Spoiled("a lane that leaves before the shuffle", "softmax", r"(const int lane = .*;)",
            r"\1 if (lane >= 250) return;", "warp divergence|barrier divergence"),
    Spoiled("no tail of the row", "softmax", r"c < 1502;", "c < 1502 / 256 * 256;", "unwritten",
            which=-1),
    Spoiled("one warp's part only", "softmax", r"lane % 32 == 0", "lane == 0", "uninitialised"),
    Spoiled("a warp too many", "softmax", r"warp < 8", "warp < 9", "out of bounds"),
    # sums of 3 columns of 200, 64 threads for each
    Spoiled("a row too many handed over", "columns", r"y < half\)", "y <= half)",
            "out of bounds"),
    Spoiled("a barrier that only half the block reaches", "columns", BARRIER,
            "if (y < half) __syncthreads();", "barrier divergence|race"),
    Spoiled("half of the parts", "columns", r"half = 64 / 2", "half = 64 / 4", WRONG),
    Spoiled("every thread of a column stores", "columns", r"y > 0 \|\| ", "", "race"),
    Spoiled("a sum onto what was there", "columns", r"(sum_out\[j\]) =", r"\1 +=",
            "uninitialised"),
    # softmax of 3 rows of 1500, which are 375 quads
    Spoiled("no tail of the quads of a row", "rows by quads", r"quad < 375;",
            "quad < 375 / 256 * 256;", "unwritten", which=2),
    Spoiled("a quad too many", "rows by quads", r"quad < 375;", "quad < 376;",
            "out of bounds|race", which=2),
    Spoiled("quads that two lanes store", "rows by quads", r"quad \+= 256", "quad += 255",
            "race", which=2),
    Spoiled("a quad that is no quad's start", "rows by quads", r"(netc_load4\(.*quad \* 4)\]",
            r"\1 + 1]", "misaligned"),
    # what is done for each of 33 * 36 elements, which are 297 quads
    Spoiled("no guard of the quads", "map by quads", r"if \(o >= 33\) return;", "",
            "out of bounds"),
    Spoiled("a quad too few", "map by quads", r"o >= 33\)", "o >= 32)", "unwritten"),
    Spoiled("three of the four", "map by quads", r"u < 4;", "u < 3;", "uninitialised|" + WRONG),
    Spoiled("the stride of an element", "map by quads", r"(netc_store4\(&.*)quad \* 4\]",
            r"\1quad]", "misaligned"),
    Spoiled("quads that overlap", "map by quads", r"(const int element = .* \*) 256",
            r"\1 128", "race between blocks|race"),
    # argmax of 37 rows of 70, a warp for each
    Spoiled("the last of equals", "argmax", r"argmax_place < argmax\)", "argmax_place > argmax)",
            WRONG),
    Spoiled("no guard of the rows", "argmax", r"if \(r >= 37\) return;", "", "out of bounds"),
    Spoiled("a mask of half a warp", "argmax", r"0xffffffffu", "0x0000ffffu",
            "warp divergence"),
    # 1100 items for 300 rows of 3 columns, three rows a block; those named are 0 to 3
    Spoiled("rows that nobody sets to zero", "scatter", r"scatter_rows_out\[i\] = 0\.0f;", ";",
            "uninitialised"),
    Spoiled("an item too many", "scatter", r"if \(k < 1100\) ", "", "out of bounds"),
    Spoiled("no last items", "scatter", r"first_item < 1100;", "first_item < 1024;", WRONG),
    Spoiled("no barrier after the list", "scatter", BARRIER, "", "race|uninitialised"),
    Spoiled("lists that overlap", "scatter", r"listed = warp \* 128", "listed = warp * 127",
            f"race|{WRONG}"),
    Spoiled("a warp's list that nobody adds", "scatter", r"part < 8;", "part < 7;", WRONG),
    Spoiled("a ballot of half a warp", "scatter", r"0xffffffffu", "0x0000ffffu",
            "warp divergence"),
    Spoiled("places that do not count the lanes before", "scatter", r" \+ __popc\(own & .*\);",
            ";", "race"),
    Spoiled("rows of two blocks", "scatter", r"blockIdx.x \* 3", "blockIdx.x * 2",
            "race between blocks"),
    Spoiled("rows that all groups see to", "scatter", r" \|\| own_rows.* % 64 != group", "",
            "race", which=1),
    Spoiled("items beyond the list", "scatter", r"at \+ u >= found\[part\] \|\| ", "",
            f"uninitialised|race|{WRONG}"),
    Spoiled("seven of eight values", "scatter", r"u < 8;", "u < 7;", WRONG, which=1),
    Spoiled("runs that each begin at zero", "scatter", r"total = scatter.*;", "total = 0.0f;",
            WRONG),
    Spoiled("no last run", "scatter", r"if \(last >= 0\) .*;", "", WRONG, which=-1),
    Spoiled("a row that is not left in time", "scatter", r"last = row;", "last = row | 1;",
            f"{WRONG}|race"),
)  # fmt: skip


def split(graph):
    """The graph with its sum in parts, as it would be where blocks are few."""
    return optimize(graph, OPS, SplitFacts(16, 256, 32, 32), lambda name, graph: None, "f32")


@pytest.fixture
def function(cuda_on_cpu, graphs, monkeypatch):
    """function(name): one of the functions that are spoiled."""
    monkeypatch.setattr(cuda_tiles, "QUAD_THREADS", 0)
    monkeypatch.setattr(cuda_tiles, "BLOCKS_EACH", 1)
    made = {
        "matmul": lambda: graphs.matmul(67, 41, 70),
        "split": lambda: split(graphs.matmul(20, 1100, 10)),
        "quads": lambda: graphs.matmul(68, 44, 72),
        "softmax": lambda: graphs.softmax(3, 1502),
        "rows by quads": lambda: graphs.softmax(3, 1500),
        "map by quads": lambda: graphs.maps(33, 36),
        "columns": lambda: graphs.fold("sum", (200, 3), (0,)),
        "argmax": lambda: graphs.fold("argmax", (37, 70), (1,)),
        "scatter": lambda: graphs.scatter(1100, 300, 3),
    }
    return lambda name: cuda_on_cpu.function_of(made[name]())


def arrays_of(graph) -> dict[str, np.ndarray]:
    """Whole numbers, so that argmax meets equals and sums are exact."""
    random = np.random.default_rng(3)
    return {
        entry.value.name: random.integers(-3, 4, entry.value.type.shape).astype(np.float32)
        for entry in graph.inputs
    }


def found_in(machine) -> set[str]:
    graph = machine.function.graph
    arrays = arrays_of(graph)
    try:
        results = machine.results(arrays, SCHEDULES[-1])
    except EmulatorError as error:
        return {one.kind for one in error.findings}
    expected = interpret(graph, arrays)
    is_right = all(np.allclose(results[n], a, rtol=1e-5, atol=1e-6) for n, a in expected.items())
    return set() if is_right else {WRONG}


@pytest.mark.parametrize("case", SPOILED, ids=str)
def test_a_spoiled_kernel_is_found(function, cuda_on_cpu, case):
    made = function(case.graph)
    source = case.source(cuda_on_cpu.source_of(made))
    machine = cuda_on_cpu.CudaOnCpu(made, checked=True, source=source)
    assert found_in(machine) & set(case.kinds.split("|"))


@pytest.mark.parametrize("name", sorted({case.graph for case in SPOILED}))
def test_the_same_kernel_unspoiled_is_right(function, cuda_on_cpu, name):
    assert found_in(cuda_on_cpu.CudaOnCpu(function(name), checked=True)) == set()


def bits_of_the_sum(machine) -> tuple[bool, ...]:
    """For each schedule, whether the parts were added from the first to the last, to the bit."""
    random = np.random.default_rng(8)
    graph, found = machine.function.graph, []
    inputs = {entry.value.name: entry.value.type.shape for entry in graph.inputs}
    arrays = {name: random.normal(size=shape).astype(np.float32) for name, shape in inputs.items()}
    parts = next(node.output for node in graph.nodes if node.op == "matmul")
    for schedule in SCHEDULES:
        (result,) = machine.results(arrays, schedule).values()
        total = np.zeros(result.shape, np.float32)
        for part in machine.read(parts):
            total += part
        found.append(np.array_equal(result, np.maximum(total + arrays["left"], 0)))
    return tuple(found)


def test_the_parts_of_a_sum_are_added_in_one_order(function, cuda_on_cpu):
    made = function("split")
    assert bits_of_the_sum(cuda_on_cpu.CudaOnCpu(made)) == (True, True, True)
    backward = Spoiled("", "", r"= matmul\[k \* 200", "= matmul[(3 - k) * 200", WRONG)
    source = backward.source(cuda_on_cpu.source_of(made))
    assert not any(bits_of_the_sum(cuda_on_cpu.CudaOnCpu(made, source=source)))
