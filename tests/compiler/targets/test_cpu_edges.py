"""Shapes, dtypes, names and numbers at their edges, as C."""

import re

import numpy as np
import pytest

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Output, Role, Update
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ir.text import parse_graph
from netc.compiler.kernels.names import FUNCTIONS, KEYWORDS, identifiers, reserved
from netc.compiler.ops.table import OPS
from netc.compiler.targets import cpu

RANK_8 = (2, 1, 3, 2, 1, 2, 3, 2)


def test_rank_8_tensors_and_outputs_of_every_dtype(run_on_cpu, within_rounding):
    build, random = Builder(OPS), np.random.default_rng(0)
    x = build.input("x", TensorType("f32", RANK_8), Role.FIELD)
    y = build.input("y", TensorType("u8", (5,)), Role.FIELD)
    turned = build.transpose(x, axes=(7, 2, 0, 5, 1, 3, 6, 4))
    outputs = {
        "turned": turned,
        "sum": build.sum(turned, axes=(1, 3, 5)),
        "place": build.argmax(x, axes=(0, 2, 7)),
        "less": build.less(turned, 0.0),
        "bytes": y,
        "doubled": build.multiply(build.cast(y, dtype="f32"), 2.0),
        "again": build.cast(build.multiply(build.cast(y, dtype="f32"), 2.0), dtype="u8"),
        "scalar": build.sum(build.cast(build.less(x, 0.0), dtype="i32"), axes=tuple(range(8))),
        "long": build.concat(*[build.reshape(turned, shape=(144,))] * 60, axis=0),
    }
    graph = build.graph("edges", tuple(Output(name, value) for name, value in outputs.items()))
    inputs = {
        "x": random.normal(size=RANK_8).astype(np.float32),
        "y": np.array([0, 1, 127, 100, 90], np.uint8),
    }
    found, expected = run_on_cpu(graph, inputs)
    within_rounding(graph, inputs, found)
    assert found["bytes"].tolist() == [0, 1, 127, 100, 90]


SPECIALS = """%relu: f32[6, 40] = relu(%x)
%maximum: f32[6, 40] = maximum(%x, %z)
%minimum: f32[6, 40] = minimum(%z, %x)
%exp: f32[6, 40] = exp(%x)
%log: f32[6, 40] = log(%x)
%tanh: f32[6, 40] = tanh(%x)
%sigmoid: f32[6, 40] = sigmoid(%x)
%sqrt: f32[6, 40] = sqrt(%x)
%absolute: f32[6, 40] = absolute(%x)
%sign: f32[6, 40] = sign(%x)
%less: bool[6, 40] = less(%x, %z)
%not_equal: bool[6, 40] = not_equal(%x, %x)
%sum_rows: f32[6] = sum(%x) axes=(1,)
%sum_columns: f32[40] = sum(%x) axes=(0,)
%max_rows: f32[6] = max(%x) axes=(1,)
%max_columns: f32[40] = max(%x) axes=(0,)
%min_rows: f32[6] = min(%x) axes=(1,)
%product: f32[40] = product(%x) axes=(0,)
%argmax_rows: i32[6] = argmax(%x) axes=(1,)
%argmax_columns: i32[40] = argmax(%x) axes=(0,)
%argmin_columns: i32[40] = argmin(%x) axes=(0,)
%image: f32[1, 6, 40, 1] = reshape(%x) shape=(1, 6, 40, 1)
%windows: f32[1, 3, 20, 2, 2, 1] = windows(%image) dilation=(1, 1) fill=-inf pad=((0, 0), (0, 0)) size=(2, 2) stride=(2, 2)
%pool: f32[1, 3, 20, 1] = max(%windows) axes=(3, 4)
%row: f32[6, 1] = reshape(%max_rows) shape=(6, 1)
%wide: f32[6, 40] = broadcast(%row) shape=(6, 40)
%moved: f32[6, 40] = subtract(%x, %wide)
%raised: f32[6, 40] = exp(%moved)
%total: f32[6] = sum(%raised) axes=(1,)
%total_row: f32[6, 1] = reshape(%total) shape=(6, 1)
%total_wide: f32[6, 40] = broadcast(%total_row) shape=(6, 40)
%softmax: f32[6, 40] = divide(%raised, %total_wide)
%turned: f32[40, 6] = transpose(%z) axes=(1, 0)
%matmul: f32[6, 6] = matmul(%x, %turned)"""  # noqa: E501


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_come_through(run_on_cpu, within_rounding, special):
    names = re.findall(r"%(\w+):", SPECIALS)
    outputs = "\n".join(f'output "{name}" = %{name}' for name in names)
    graph = parse_graph(
        'graph "special"\ninput %x: f32[6, 40] field\ninput %z: f32[6, 40] field\n'
        f"{SPECIALS}\n{outputs}"
    )
    random = np.random.default_rng(2)
    inputs = {name: random.normal(size=(6, 40)).astype(np.float32) for name in "xz"}
    inputs["x"][[0, 2, 5], [3, 39, 17]] = special
    inputs["x"][2, 38] = special
    found, expected = run_on_cpu(graph, inputs)
    within_rounding(graph, inputs, found)
    if np.isnan(special):
        assert np.isnan(found["softmax"][[0, 2, 5]]).all()
        assert np.isnan(found["relu"]).sum() == np.isnan(found["maximum"]).sum() == 4


HOSTILE = (
    "int x; } system(\"rm\"); {", "*/ #include </etc/passwd> /*", "\\", "a\nb", "%s", "{{ 7 * 7 }}",
    "{% for x in y %}", "??/", "exp", "sums", "é" * 50, "\u202e", '"', "//", "_", "1",
)  # fmt: skip
BENIGN = tuple(f"plain_{number}" for number in range(len(HOSTILE)))


def named_step(names: tuple[str, ...]):
    build = Builder(OPS)
    values = [build.input(name, TensorType("f32", (4,)), Role.WEIGHT) for name in names]
    field = build.input(names[0] + names[1], TensorType("f32", (4,)), Role.FIELD)
    new = [build.add(build.exp(value), field) for value in values]
    outputs = tuple(
        Output(name, build.sum(value, axes=(0,))) for name, value in zip(names, new, strict=True)
    )
    updates = tuple(Update(value, after) for value, after in zip(values, new, strict=True))
    return build.graph("named", outputs, updates)


def tokens(source: str) -> list[str]:
    """The kinds of C's tokens: every name is one, every comment none."""
    plain = re.sub(r"//[^\n]*", "", source)
    words = re.findall(r"[A-Za-z_]\w*|[0-9][\w.]*|\"[^\"\n]*\"|\S", plain)
    kept = reserved()
    return [word if word in kept or not word[0].isalpha() else "name" for word in words]


def test_hostile_names_change_no_token(build_on_cpu):
    hostile, benign = build_on_cpu(named_step(HOSTILE)), build_on_cpu(named_step(BENIGN))
    machine = cpu.CpuMachine("avx2", 32, 16)
    found = cpu.render_function(hostile.function, machine, HOSTILE)
    expected = cpu.render_function(benign.function, machine, BENIGN)
    assert tokens(found) == tokens(expected)
    assert found.isascii()


def test_names_that_become_equal_stay_apart():
    names = identifiers(["a.b", "a_b", "a-b", "a_b_out", "left", "int", "PI", "2x", "netc_exp"])
    assert len(set(names.values())) == len(names)
    assert names["a.b"] == "a_b"
    assert not reserved() & set(names.values())


def test_no_template_takes_the_name_of_an_operation():
    """A local called `sum` would rename what every program adds up."""
    languages = {*KEYWORDS.split(), *FUNCTIONS.split()}
    assert not reserved() & set(OPS) - languages


def test_a_quotient_is_floored_before_it_is_rounded(run_on_cpu):
    """1 / 0.1f is 10 once rounded, but only 9 whole 0.1f are in 1."""
    build = Builder(OPS)
    a, b = (build.input(name, TensorType("f32", (7,)), Role.FIELD) for name in "ab")
    quotient = build.floor_divide(a, b)
    graph = build.graph("quotient", (Output("q", quotient),))
    tops = np.array([1, -1.5, -1, 7, -7, 1, 0.3], np.float32)
    bottoms = np.array([0.1, np.inf, 0.1, -2, -2, 0, 0.1], np.float32)
    found, _ = run_on_cpu(graph, {"a": tops, "b": bottoms})
    with np.errstate(all="ignore"):
        expected = np.floor_divide(tops.astype(np.float64), bottoms.astype(np.float64))
    assert found["q"].tolist() == expected.tolist()
    assert found["q"][0] == 9 and found["q"][1] == -1
