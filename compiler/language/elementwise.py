"""Functions of each element: numbers give a number, tensors broadcast and give a tensor."""

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from netc.compiler.diagnostics import Label, Span
from netc.compiler.ir.builder import broadcast_shape
from netc.compiler.ir.graph import Value
from netc.compiler.ir.operation import OpError
from netc.compiler.ir.tensor import FLOATS, TensorType
from netc.compiler.language.limits import LARGEST_NUMBER
from netc.compiler.language.trace import Trace
from netc.compiler.language.values import describe, is_number, is_tensor

RANKS = {"bool": 0, "u8": 1, "i32": 2, "f16": 3, "bf16": 3, "f32": 4}


@dataclass(frozen=True)
class Rule:
    """What a function does to element types, and what it is on plain numbers.

    kind "float" computes in floats, "arithmetic" in i32 or floats, "compare" likewise and gives
    bool, "logical" takes bool.
    """

    op: str
    kind: str
    number: Callable[..., Any]


def sign(x: float) -> float:
    return (x > 0) - (x < 0)


def power(a: float, b: float) -> float:
    if abs(a) > 1 and b > 0 and b * math.log2(abs(a)) > 1100:
        raise OverflowError
    return a**b


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        rule.op: rule
        for rule in (
            Rule("add", "arithmetic", operator.add),
            Rule("subtract", "arithmetic", operator.sub),
            Rule("multiply", "arithmetic", operator.mul),
            Rule("divide", "float", operator.truediv),
            Rule("floor_divide", "arithmetic", operator.floordiv),
            Rule("remainder", "arithmetic", operator.mod),
            Rule("power", "arithmetic", power),
            Rule("minimum", "arithmetic", min),
            Rule("maximum", "arithmetic", max),
            Rule("negate", "arithmetic", operator.neg),
            Rule("absolute", "arithmetic", abs),
            Rule("sign", "arithmetic", sign),
            Rule("floor", "float", math.floor),
            Rule("round", "float", round),
            Rule("exp", "float", math.exp),
            Rule("log", "float", math.log),
            Rule("log1p", "float", math.log1p),
            Rule("sqrt", "float", math.sqrt),
            Rule("rsqrt", "float", lambda x: 1 / math.sqrt(x)),
            Rule("sin", "float", math.sin),
            Rule("cos", "float", math.cos),
            Rule("tanh", "float", math.tanh),
            Rule("sigmoid", "float", sigmoid),
            Rule("erf", "float", math.erf),
            Rule("relu", "float", lambda x: max(x, 0)),
            Rule("equal", "compare", operator.eq),
            Rule("not_equal", "compare", operator.ne),
            Rule("less", "compare", operator.lt),
            Rule("less_equal", "compare", operator.le),
            Rule("greater", "compare", operator.gt),
            Rule("greater_equal", "compare", operator.ge),
            Rule("logical_and", "logical", lambda a, b: a and b),
            Rule("logical_or", "logical", lambda a, b: a or b),
            Rule("logical_not", "logical", operator.not_),
        )
    }
)


def elementwise(trace: Trace, op: str, operands: tuple[Any, ...], spans: tuple[Span, ...]) -> Any:
    """Apply `op` to numbers or tensors that stand at `spans`."""
    rule = RULES[op]
    for operand, span in zip(operands, spans, strict=True):
        if not is_operand(operand, rule):
            raise trace.fail(
                "E0220",
                f"{sign_of(op)} takes numbers and tensors",
                span,
                f"this is {describe(operand)}",
            )
    if not any(is_tensor(operand) for operand in operands):
        return of_numbers(trace, rule, operands)
    kinds = "bool" if rule.kind == "logical" else common_dtype(operands, rule.kind == "float")
    if rule.kind == "logical":
        check_logical(trace, op, operands, spans)
    shape = common_shape(trace, op, operands, spans)
    if op in ("floor_divide", "remainder") and kinds == "i32" and 0 in operands[1:]:
        raise trace.fail("E0222", "division by zero", spans[1])
    if op == "power" and is_number(operands[1]):
        return simple_power(trace, operands[0], operands[1], TensorType(kinds, shape))
    kind = TensorType(kinds, shape)
    return trace.build.apply(op, *(as_tensor(trace, operand, kind) for operand in operands))


def is_operand(operand: Any, rule: Rule) -> bool:
    if isinstance(operand, bool):
        return rule.kind in ("logical", "compare")
    return is_number(operand) or is_tensor(operand)


def sign_of(op: str) -> str:
    return f"`{SIGNS.get(op, op)}`"


SIGNS = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "floor_divide": "//",
    "remainder": "%", "power": "**", "negate": "-", "equal": "==", "not_equal": "!=", "less": "<",
    "less_equal": "<=", "greater": ">", "greater_equal": ">=", "logical_and": "and",
    "logical_or": "or", "logical_not": "not", "absolute": "abs",
}  # fmt: skip


def of_numbers(trace: Trace, rule: Rule, numbers: tuple[Any, ...]) -> Any:
    try:
        result = rule.number(*numbers)
    except ZeroDivisionError:
        raise trace.fail("E0222", "division by zero") from None
    except (OverflowError, ValueError):
        given = ", ".join(map(str, numbers))
        raise trace.fail("E0222", f"{sign_of(rule.op)} has no value for {given}") from None
    if isinstance(result, complex) or (
        is_number(result) and abs(result) > LARGEST_NUMBER and isinstance(result, int)
    ):
        raise trace.fail(
            "E0222", f"the result of {sign_of(rule.op)} is no number that fits 64 bits"
        )
    return result


def common_dtype(operands: tuple[Any, ...], to_float: bool) -> str:
    """The element type that holds every operand: arithmetic is done in i32, f16, bf16 or f32."""
    dtypes = {operand.type.dtype for operand in operands if is_tensor(operand)}
    widest = max(dtypes, key=lambda dtype: RANKS[dtype])
    if {"f16", "bf16"} <= dtypes:
        return "f32"
    has_fraction = any(isinstance(operand, float) for operand in operands)
    if (to_float or has_fraction) and widest not in FLOATS:
        return "f32"
    return widest if RANKS[widest] >= RANKS["i32"] else "i32"


def check_logical(
    trace: Trace, op: str, operands: tuple[Any, ...], spans: tuple[Span, ...]
) -> None:
    for operand, span in zip(operands, spans, strict=True):
        if is_tensor(operand) and operand.type.dtype != "bool":
            raise trace.fail(
                "E0220", f"{sign_of(op)} takes conditions", span, f"this is {operand.type}",
                help="compare it with something: `x > 0`",
            )  # fmt: skip


def common_shape(trace: Trace, op: str, operands, spans) -> tuple[int, ...]:
    tensors = [
        (value, span) for value, span in zip(operands, spans, strict=True) if is_tensor(value)
    ]
    shapes = [value.type.shape for value, _ in tensors]
    try:
        return broadcast_shape(*shapes)
    except OpError:
        pass
    (first, first_span), (last, last_span) = tensors[0], tensors[-1]
    found = " and ".join(str(list(shape)) for shape in shapes)
    raise trace.fail(
        "E0201",
        f"{sign_of(op)} takes shapes that broadcast, got {found}",
        last_span,
        f"this is {last.type}",
        (Label(first_span, f"this is {first.type}"), *trace.birth(first)),
        notes=(clashing_axis(shapes), *trace.chain(first), *trace.chain(last)),
        help=broadcast_hint(shapes),
    )


def clashing_axis(shapes: list[tuple[int, ...]]) -> str:
    """Which axis, counted from the right as broadcasting does, has two sizes."""
    for axis in range(1, max(map(len, shapes)) + 1):
        sizes = [shape[-axis] for shape in shapes if len(shape) >= axis and shape[-axis] != 1]
        if len(set(sizes)) > 1:
            return f"axis -{axis} is {sizes[0]} in the one and {sizes[-1]} in the other"
    return ""


def broadcast_hint(shapes: list[tuple[int, ...]]) -> str:
    """How to line up [N] with [N, C], the usual mistake."""
    short, long = sorted((shapes[0], shapes[-1]), key=len)
    if len(short) < len(long) and short == long[: len(short)]:
        axes = ", ".join(["None"] * (len(long) - len(short)))
        return f"give the shorter one new axes at its end: `x[..., {axes}]`"
    return ""


def as_tensor(trace: Trace, operand: Any, kind: TensorType) -> Value:
    """A number or tensor as a tensor of `kind`."""
    if is_tensor(operand):
        return trace.build.broadcast_to(cast(trace, operand, kind.dtype), kind.shape)
    return trace.build.number(typed(trace, operand, kind.dtype), kind)


def typed(trace: Trace, number: float, dtype: str) -> float | int | bool:
    """A number as an element of this type, which must be able to hold it."""
    if dtype == "bool":
        return bool(number)
    if dtype in FLOATS:
        return float(number)
    low, high = (0, 255) if dtype == "u8" else (-(2**31), 2**31 - 1)
    if not low <= number <= high:
        raise trace.fail("E0222", f"{number} does not fit an element of {dtype}")
    return int(number)


def cast(trace: Trace, value: Value, dtype: str) -> Value:
    return value if value.type.dtype == dtype else trace.build.cast(value, dtype=dtype)


def simple_power(trace: Trace, base: Value, exponent: float, kind: TensorType) -> Value:
    """Small powers as products: their gradient is right at and below zero."""
    x = as_tensor(trace, base, kind)
    build = trace.build
    if exponent == 2:
        return build.multiply(x, x)
    if exponent == 3:
        return build.multiply(build.multiply(x, x), x)
    if exponent == 1:
        return x
    if exponent == 0.5:
        return build.sqrt(x)
    return build.power(x, as_tensor(trace, exponent, kind))
