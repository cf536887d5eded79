"""What ops refuse, and what they say about it."""

import pytest

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Role
from netc.compiler.ir.operation import OpError
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.table import OPS

GEOMETRY = {"stride": (1, 1), "pad": ((0, 0), (0, 0)), "dilation": (1, 1)}
REFUSED = (
    ("add", "f32[3] i32[3]", {}, "one type, got f32[3] and i32[3]"),
    ("add", "bool[3] bool[3]", {}, "add does not take bool"),
    ("divide", "i32[3] i32[3]", {}, "divide does not take i32"),
    ("exp", "i32[3]", {}, "exp does not take i32"),
    ("logical_and", "f32[3] f32[3]", {}, "logical_and does not take f32"),
    ("add", "f32[3] f32[4]", {}, "shapes [3] and [4] do not broadcast"),
    ("where", "f32[3] f32[3] f32[3]", {}, "where takes a bool condition, got f32[3]"),
    ("where", "bool[3] f32[3] i32[3]", {}, "operands of one type"),
    ("cast", "f32[3]", {"dtype": "f64"}, "got f64"),
    ("sum", "bool[3]", {"axes": (0,)}, "sum does not take bool"),
    ("max", "f32[3]", {"axes": (1,)}, "f32[3] has no axes (1,) to fold"),
    ("argmax", "f32[2, 3]", {"axes": (1, 0)}, "has no axes (1, 0) to fold"),
    ("sum", "f32[2, 3]", {"axes": (0, 0)}, "has no axes (0, 0) to fold"),
    ("matmul", "f32[2, 3] f32[4, 5]", {}, "3 is not 4"),
    ("matmul", "f32[3] f32[3]", {}, "matmul takes [..., m, k] and [..., k, n]"),
    ("matmul", "i32[1, 1] i32[1, 1]", {}, "one float type"),
    ("reshape", "f32[6]", {"shape": (4,)}, "f32[6] has 6 elements, and [4] has 4"),
    ("broadcast", "f32[3]", {"shape": (3, 2)}, "f32[3] does not broadcast to [3, 2]"),
    ("transpose", "f32[2, 3]", {"axes": (0, 0)}, "takes each axis once"),
    ("reverse", "f32[2]", {"axes": (1,)}, "has no axes (1,) to reverse"),
    ("constant", "", {"value": 0.5, "dtype": "i32", "shape": ()}, "0.5 is not a whole number"),
    ("constant", "", {"value": 256, "dtype": "u8", "shape": ()}, "256 is not in the range of u8"),
    ("iota", "", {"axis": 1, "shape": (3,)}, "[3] has no axis 1 to count along"),
    ("slice", "f32[3]", {"starts": (1,), "stops": (4,), "steps": (1,)}, "no slice 1:4:1"),
    ("slice", "f32[3]", {"starts": (1,), "stops": (1,), "steps": (1,)}, "no slice 1:1:1"),
    ("slice", "f32[3]", {"starts": (), "stops": (), "steps": ()}, "slice of f32[3] takes"),
    ("pad", "f32[3]", {"low": (-1,), "high": (0,), "value": 0}, "takes no negative numbers"),
    ("pad", "f32[3]", {"low": (1, 2), "high": (0,), "value": 0}, "before and after each axis"),
    ("pad", "i32[3]", {"low": (1,), "high": (0,), "value": 0.5}, "0.5 is not a whole number"),
    (
        "windows",
        "i32[1, 5, 5, 2]",
        GEOMETRY | {"size": (2, 2), "fill": float("-inf")},
        "-inf is not in the range of i32",
    ),
    ("concat", "f32[2, 3] f32[2, 4]", {"axis": 0}, "takes equal other sizes"),
    ("concat", "f32[2] i32[2]", {"axis": 0}, "got f32[2] and i32[2]"),
    ("concat", "f32[2]", {"axis": 1}, "no axis 1 in f32[2]"),
    ("conv2d", "f32[1, 5, 5, 2] f32[3, 3, 3, 4]", GEOMETRY, "2 channels"),
    ("conv2d", "f32[1, 2, 5, 2] f32[3, 3, 2, 4]", GEOMETRY, "a window of 3 does not fit into 2"),
    ("conv2d", "f32[5, 5, 2] f32[3, 3, 2, 4]", GEOMETRY, "conv2d takes [N, H, W, C]"),
    (
        "conv2d_image_gradient",
        "f32[1, 4, 3, 4] f32[3, 3, 2, 4]",
        GEOMETRY | {"shape": (1, 5, 5, 2)},
        "takes f32[1, 3, 3, 4], got f32[1, 4, 3, 4]",
    ),
    (
        "conv2d_kernel_gradient",
        "f32[1, 5, 5, 2] f32[1, 3, 3, 4]",
        GEOMETRY | {"shape": (3, 3, 2, 4), "parts": 2},
        "cannot cut 9 pixels into 2 parts",
    ),
    (
        "windows",
        "f32[5, 5, 2]",
        GEOMETRY | {"size": (2, 2), "fill": 0},
        "windows takes [N, H, W, C]",
    ),
    (
        "spread_windows",
        "f32[1, 4, 4, 2, 2, 3]",
        {"shape": (1, 5, 5, 3), "stride": (1, 1), "pad": ((0, 0), (0, 0))},
        "do not overlap",
    ),
    (
        "unfold_taps",
        "f32[1, 4, 3, 2, 2, 3]",
        GEOMETRY | {"shape": (1, 5, 5, 3)},
        "takes f32[1, 4, 4, 2, 2, 3]",
    ),
    ("random_uniform", "f32[] i32[]", {"stream": 0, "shape": (2,)}, "a seed and a step of i32[]"),
)


def kind(text: str) -> TensorType:
    dtype, sizes = text[:-1].split("[")
    return TensorType(dtype, tuple(int(size) for size in sizes.split(",") if size))


@pytest.mark.parametrize("name, operands, attributes, message", REFUSED)
def test_an_op_says_what_it_expected_and_what_it_got(name, operands, attributes, message):
    build = Builder(OPS)
    texts = [text + "]" for text in operands.split("]") if text]
    inputs = [build.input("a", kind(text.strip()), Role.FIELD) for text in texts]
    with pytest.raises(OpError) as refusal:
        build.apply(name, *inputs, **attributes)
    assert message in str(refusal.value)
