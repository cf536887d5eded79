"""Functions of each element by name, and clamp, where and cast, which choose and convert."""

from collections.abc import Mapping
from typing import Any

from netc.compiler.diagnostics import Span
from netc.compiler.ir.graph import Value
from netc.compiler.ir.tensor import TensorType
from netc.compiler.language.arguments import Anything, DataType, Operand, Tensor, Text, Truth
from netc.compiler.language.elementwise import (
    as_tensor,
    cast,
    common_dtype,
    common_shape,
    elementwise,
)
from netc.compiler.language.trace import Trace
from netc.compiler.language.values import is_number, is_tensor

UNARY = {
    "abs": "absolute", "sign": "sign", "floor": "floor", "round": "round", "exp": "exp",
    "log": "log", "log1p": "log1p", "sqrt": "sqrt", "rsqrt": "rsqrt", "sin": "sin", "cos": "cos",
    "tanh": "tanh", "sigmoid": "sigmoid", "erf": "erf", "relu": "relu",
}  # fmt: skip


def places(trace: Trace, *names: str) -> tuple[Span | None, ...]:
    return tuple(trace.place(name) for name in names)


def unary(op: str):
    """The language's function for an op of one operand."""

    def function(trace: Trace, x: Operand) -> Any:
        return elementwise(trace, op, (x,), places(trace, "x"))

    return function


def minimum(trace: Trace, a: Operand, b: Operand) -> Any:
    return elementwise(trace, "minimum", (a, b), places(trace, "a", "b"))


def maximum(trace: Trace, a: Operand, b: Operand) -> Any:
    return elementwise(trace, "maximum", (a, b), places(trace, "a", "b"))


def clamp(trace: Trace, x: Operand, low: Operand, high: Operand) -> Any:
    raised = elementwise(trace, "maximum", (x, low), places(trace, "x", "low"))
    return elementwise(trace, "minimum", (raised, high), places(trace, "x", "high"))


def where(trace: Trace, condition: Anything, a: Anything, b: Anything) -> Any:
    """Elements of a where the condition holds, else of b. A condition that is known picks one."""
    if isinstance(condition, bool):
        return a if condition else b
    if not is_tensor(condition) or condition.type.dtype != "bool":
        raise trace.fail(
            "E0315", "`condition` of `where` is a comparison", trace.place("condition"),
            help="compare with something: `where(x > 0, a, b)`",
        )  # fmt: skip
    for name, value in (("a", a), ("b", b)):
        if not (is_tensor(value) or is_number(value) or isinstance(value, bool)):
            raise trace.fail(
                "E0315", f"`{name}` of `where` is a tensor or a number", trace.place(name)
            )
    dtype = where_dtype(a, b)
    shape = common_shape(trace, "where", (condition, a, b), places(trace, "condition", "a", "b"))
    kind = TensorType(dtype, shape)
    return trace.build.where(
        trace.build.broadcast_to(condition, shape),
        as_tensor(trace, a, kind),
        as_tensor(trace, b, kind),
    )


def where_dtype(a: Any, b: Any) -> str:
    """The type of either; u8 and bool stay when both are."""
    tensors = [value.type.dtype for value in (a, b) if is_tensor(value)]
    numbers = [value for value in (a, b) if not is_tensor(value)]
    if all(isinstance(value, bool) for value in numbers) and set(tensors) <= {"bool"}:
        return "bool"
    if len(tensors) == 2 and tensors[0] == tensors[1]:
        return tensors[0]
    if tensors:
        return common_dtype((a, b), to_float=False)
    return "f32" if any(isinstance(value, float) for value in numbers) else "i32"


def cast_function(trace: Trace, x: Tensor, dtype: DataType) -> Value:
    return cast(trace, x, dtype.text)


def stop_gradient(trace: Trace, x: Operand) -> Any:
    return trace.build.stop_gradient(x) if is_tensor(x) else x


def require(trace: Trace, value: Anything, condition: Truth, message: Text) -> Any:
    """The value, or an error with `message` where a condition does not hold while compiling."""
    if condition:
        return value
    given = {name: one.value for name, one in trace.frame.arguments.items()}
    told = ", ".join(
        f"`{name}` is {one.type if is_tensor(one) else one}"
        for name, one in given.items()
        if is_tensor(one) or is_number(one)
    )
    tensors = {name: one.type.shape for name, one in given.items() if is_tensor(one)}
    raise trace.fail(
        "E0223", message, notes=(told,) if told else (), help=advice_on_shapes(tensors)
    )


def advice_on_shapes(given: Mapping[str, tuple[int, ...]]) -> str:
    """What often makes two shapes fit: an axis of size 1 too many, or a `flatten` left out."""
    if len(given) < 2:
        return ""
    (first, a), (second, b) = list(given.items())[:2]
    for name, longer, shorter in ((first, a, b), (second, b, a)):
        if longer == (*shorter, 1):
            return f"take the axis of size 1 away: `{name}[..., 0]`"
    if len(a) > len(b) + 1 and len(b) > 0:
        return f"`{first}` has more axes than `{second}`: is a `flatten` or a `mean` missing?"
    return ""


FUNCTIONS = {name: unary(op) for name, op in UNARY.items()} | {
    "minimum": minimum,
    "maximum": maximum,
    "clamp": clamp,
    "where": where,
    "cast": cast_function,
    "stop_gradient": stop_gradient,
    "require": require,
}
