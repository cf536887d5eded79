"""Example uses of every op: the tests of this folder run over all of them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from netc.compiler.ir.graph import Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.arrays import ARRAYS
from netc.compiler.ops.table import OPS

SHAPES = ((), (1,), (7,), (2, 3), (3, 1, 5))
IDENTITY = {"stride": (1, 1), "pad": ((0, 0), (0, 0)), "dilation": (1, 1)}
GEOMETRIES = (
    IDENTITY,
    IDENTITY | {"stride": (2, 3)},
    IDENTITY | {"pad": ((1, 0), (2, 1))},
    IDENTITY | {"dilation": (2, 1)},
    {"stride": (2, 1), "pad": ((0, 2), (1, 1)), "dilation": (1, 2)},
)

SUMS = ((1, 0, -1), (-0.5, 0.5, -0.5), (0, 0, -1), (1, 2, 3))


def anything(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return random.normal(size=shape) * 1.5


def positive(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return random.uniform(0.3, 2.5, shape)


def nonzero(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return positive(random, shape) * random.choice([-1.0, 1.0], shape)


@dataclass(frozen=True)
class Case:
    """An op, its operands' types, its attributes, and where float operands are drawn from."""

    op: str
    operands: tuple[TensorType, ...]
    attributes: dict = field(default_factory=dict)
    draw: Callable[..., np.ndarray] = anything
    differentiable: bool = True

    def __str__(self) -> str:
        return f"{self.op}({', '.join(map(str, self.operands))})"

    def arrays(self) -> tuple[np.ndarray, ...]:
        """One array for each operand, the same at every call."""
        random = np.random.default_rng(11)
        return tuple(self._array(random, kind) for kind in self.operands)

    def _array(self, random: np.random.Generator, kind: TensorType) -> np.ndarray:
        if kind.is_float:
            return np.asarray(self.draw(random, kind.shape))
        if self.draw is anything:
            low = 0 if kind.dtype in ("bool", "u8") else -4
            return random.integers(low, 2 if kind.dtype == "bool" else 5, kind.shape).astype(
                ARRAYS[kind.dtype]
            )
        return (random.integers(1, 5, kind.shape) * random.choice([-1, 1], kind.shape)).astype(
            ARRAYS[kind.dtype]
        )

    def applied(self, build):
        """The node of this case in a new graph, whose inputs are a0, a1, ..."""
        inputs = (build.input(f"a{i}", kind, Role.FIELD) for i, kind in enumerate(self.operands))
        build.apply(self.op, *inputs, **self.attributes)
        return build.nodes[-1]


def f32(*shape: int) -> TensorType:
    return TensorType("f32", shape)


def i32(*shape: int) -> TensorType:
    return TensorType("i32", shape)


def elementwise(names: str, count: int, dtypes: str = "f32", draw=anything) -> list[Case]:
    """Each named op with `count` operands of each dtype, in all of SHAPES."""
    return [
        Case(name, (TensorType(dtype, shape),) * count, draw=draw)
        for name in names.split()
        for dtype in dtypes.split()
        for shape in SHAPES
    ]


def folding(names: str, draw=anything) -> list[Case]:
    folded = (((7,), (0,)), ((1, 4), (1,)), ((2, 3, 5), (1,)), ((3, 2, 5), (0, 2)), ((2, 3), ()))
    return [
        Case(name, (TensorType(dtype, shape),), {"axes": axes}, draw)
        for name in names.split()
        for dtype in ("f32", "i32")
        for shape, axes in folded
    ]


def pointwise_cases() -> list[Case]:
    wheres = [
        Case("where", (TensorType("bool", shape), kind, kind))
        for shape in SHAPES
        for kind in (TensorType("f32", shape), TensorType("i32", shape))
    ]
    casts = [
        Case("cast", (TensorType(old, (2, 5)),), {"dtype": new}, positive)
        for old in ("f32", "i32", "bool")
        for new in ("f32", "f16", "i32", "bool")
    ]
    return [
        *elementwise("add subtract multiply minimum maximum", 2, "f32 i32"),
        *elementwise("divide", 2, "f32", nonzero),
        *elementwise("floor_divide remainder", 2, "f32 i32", nonzero),
        *elementwise("power", 2, "f32", positive),
        *elementwise("negate absolute sign relu", 1, "f32 i32"),
        *elementwise("floor round exp sin cos tanh sigmoid erf stop_gradient copy", 1),
        *elementwise("log log1p sqrt rsqrt", 1, "f32", positive),
        *elementwise("equal not_equal less less_equal greater greater_equal", 2, "f32 i32 u8"),
        *elementwise("logical_and logical_or", 2, "bool"),
        *elementwise("logical_not", 1, "bool"),
        *wheres,
        *casts,
    ]


def source_cases() -> list[Case]:
    randoms = [
        Case(name, (i32(), i32()), {"stream": stream, "shape": shape})
        for name in ("random_uniform", "random_normal")
        for stream, shape in ((0, ()), (1, (1,)), (2, (7,)), (3, (3, 5)))
    ]
    return [
        Case("constant", (), {"value": 2.5, "dtype": "f32", "shape": (2, 3)}),
        Case("constant", (), {"value": 3, "dtype": "i32", "shape": ()}),
        Case("constant", (), {"value": True, "dtype": "bool", "shape": (5,)}),
        Case("iota", (), {"axis": 0, "shape": (7,)}),
        Case("iota", (), {"axis": 1, "shape": (2, 1, 3)}),
        Case("iota", (), {"axis": 2, "shape": (2, 1, 3)}),
        *randoms,
    ]


def moving_cases() -> list[Case]:
    return [
        Case("broadcast", (f32(),), {"shape": (3, 2)}),
        Case("broadcast", (f32(3, 1),), {"shape": (2, 3, 5)}),
        Case("broadcast", (f32(1),), {"shape": (1, 1)}),
        Case("reshape", (f32(2, 3, 5),), {"shape": (5, 6)}),
        Case("reshape", (f32(4, 1, 6, 5),), {"shape": (1, 3, 8, 1, 5)}),
        Case("reshape", (f32(1, 7),), {"shape": (7, 1, 1)}),
        Case("reshape", (f32(1),), {"shape": ()}),
        Case("combine", (f32(3, 3, 2, 5),), {"matrix": SUMS, "axes": (0, 1)}),
        Case("combine", (f32(3, 3, 2, 1, 4),), {"matrix": SUMS, "axes": (1, 3)}),
        Case("combine", (f32(2, 2),), {"matrix": ((0, -2), (0.5, 3)), "axes": (0, 1)}),
        Case("transpose", (f32(2, 3, 5),), {"axes": (2, 0, 1)}),
        Case("transpose", (f32(1, 7),), {"axes": (1, 0)}),
        Case("transpose", (f32(),), {"axes": ()}),
        Case("reverse", (f32(7),), {"axes": (0,)}),
        Case("reverse", (i32(2, 3, 1),), {"axes": (0, 1)}),
        Case("slice", (f32(7),), {"starts": (2,), "stops": (7,), "steps": (1,)}),
        Case("slice", (f32(7, 5),), {"starts": (1, 0), "stops": (6, 5), "steps": (3, 2)}),
        Case("slice", (f32(1, 3),), {"starts": (0, 2), "stops": (1, 3), "steps": (1, 1)}),
        Case("pad", (f32(3),), {"low": (2,), "high": (0,), "value": -1.5}),
        Case("pad", (i32(2, 3),), {"low": (0, 1), "high": (1, 2), "value": 7}),
        Case("pad", (f32(3, 2),), {"low": (1, 0), "high": (0, 2), "value": 0, "steps": (3, 2)}),
        Case("pad", (f32(),), {"low": (), "high": (), "value": 0.0}),
        Case("concat", (f32(3), f32(1), f32(5)), {"axis": 0}),
        Case("concat", (f32(2, 3, 2), f32(2, 1, 2)), {"axis": 1}),
        Case("concat", (i32(1, 2), i32(1, 2)), {"axis": 0}),
        Case("concat", (f32(2, 2),), {"axis": 1}),
    ]


def gathering_cases() -> list[Case]:
    return [
        Case("gather", (f32(3, 2), i32(7))),
        Case("gather", (f32(5), i32(2, 3))),
        Case("gather", (i32(2, 2, 3), i32())),
        Case("gather", (TensorType("u8", (4, 1)), i32(1, 5))),
        Case("move_rows", (f32(5, 2), f32(5, 2), i32(7), f32(7, 2), f32()), differentiable=False),
        Case("move_rows", (f32(3), f32(3), i32(2, 3), f32(2, 3), f32()), differentiable=False),
        Case("move_rows", (f32(2, 3), f32(2, 3), i32(), f32(3), f32()), differentiable=False),
        Case("scatter_rows", (i32(7), f32(7, 2)), {"rows": 3}),
        Case("scatter_rows", (i32(2, 3), f32(2, 3)), {"rows": 5}),
        Case("scatter_rows", (i32(), f32(2, 3)), {"rows": 2}),
    ]


def window_cases() -> list[Case]:
    apart = {"stride": (3, 2), "pad": ((1, 2), (0, 1))}
    return [
        *(
            Case("windows", (f32(2, 5, 7, 3),), {"size": (2, 3), "fill": fill, **geometry})
            for geometry in GEOMETRIES
            for fill in (0.0, -2.0)
        ),
        Case("windows", (f32(1, 5, 4, 1),), {"size": (2, 2), "fill": 0.0} | IDENTITY | apart),
        Case("windows", (f32(1, 5, 4, 2),), {"size": (2, 2), "fill": 0.0} | IDENTITY | apart),
        Case("spread_windows", (f32(2, 3, 3, 2, 2, 1),), {"shape": (2, 5, 6, 1), **apart}),
        Case(
            "spread_windows",
            (f32(1, 2, 1, 2, 1, 3),),
            {"shape": (1, 4, 1, 3), "stride": (2, 1), "pad": ((0, 0), (0, 0))},
        ),
        Case("unfold_taps", (f32(1, 4, 5, 2, 3, 2),), {"shape": (1, 5, 7, 2), **IDENTITY}),
        Case("unfold_taps", (f32(2, 3, 5, 3, 2, 1),), {"shape": (2, 5, 5, 1), **GEOMETRIES[4]}),
    ]


def contracting_cases() -> list[Case]:
    cases = [
        Case("matmul", (f32(1, 1), f32(1, 1))),
        Case("matmul", (f32(3, 7), f32(7, 2))),
        Case("matmul", (f32(2, 3, 2, 5), f32(2, 3, 5, 1))),
    ]
    image, kernel = f32(2, 5, 7, 2), f32(2, 3, 2, 3)
    for geometry in GEOMETRIES:
        output = OPS["conv2d"].type(image, kernel, **geometry)
        to_kernel = {"shape": kernel.shape, **geometry}
        cases += [
            Case("conv2d", (image, kernel), geometry),
            Case("conv2d_image_gradient", (output, kernel), {"shape": image.shape, **geometry}),
            Case("conv2d_kernel_gradient", (image, output), to_kernel),
            Case(
                "conv2d_kernel_gradient", (image, output), {"parts": 2, **to_kernel},
                differentiable=False,
            ),
        ]  # fmt: skip
    return cases + [in_precision(case, p) for case in cases for p in ("tf32", "bf16", "f16")]


def attending_cases() -> list[Case]:
    """One query, more keys than queries and the reverse, leading axes; ordered, masked, or both."""
    cases = []
    for leading, t, s, c, d in (((), 1, 1, 1, 1), ((2,), 3, 5, 4, 2), ((2, 3), 5, 4, 1, 3)):
        operands = f32(*leading, t, c), f32(*leading, s, c), f32(*leading, s, d)
        slopes = f32(*leading, t, d), f32(*leading, t), f32(*leading, t)
        for causal in (False, True):
            for mask in ((), (TensorType("bool", (*leading, t, s)),)):
                told = {"causal": causal}
                cases += [Case("attention", (*operands, *mask), told)] + [
                    Case(name, (*operands, *slopes, *mask), told, differentiable=False)
                    for name in ("attention_query_gradient", "attention_key_value_gradient")
                ]
    return cases


def in_precision(case: Case, precision: str) -> Case:
    """The case with rounded operands: a staircase, which has no gradient to compare with."""
    attributes = case.attributes | {"precision": precision}
    return replace(case, attributes=attributes, differentiable=False)


CASES = (
    *pointwise_cases(),
    *source_cases(),
    *moving_cases(),
    *window_cases(),
    *gathering_cases(),
    *folding("sum product max min argmax argmin", nonzero),
    *contracting_cases(),
    *attending_cases(),
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", CASES, ids=str)


@pytest.fixture
def cases() -> tuple[Case, ...]:
    return CASES
