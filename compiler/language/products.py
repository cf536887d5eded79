"""Products: matmul with broadcasting of its leading axes, and convolve."""

from typing import Any

from netc.compiler.diagnostics import Label, Span
from netc.compiler.ir.builder import broadcast_shape
from netc.compiler.ir.graph import Value
from netc.compiler.ir.operation import OpError
from netc.compiler.language.arguments import Anything, Tensor, Wholes
from netc.compiler.language.elementwise import cast, common_dtype
from netc.compiler.language.trace import Trace
from netc.compiler.language.values import describe, is_tensor
from netc.compiler.language.window_sizes import check_fits, paddings, pair


def matmul(trace: Trace, a: Any, b: Any, spans: tuple[Span | None, Span | None]) -> Value:
    """a @ b as in NumPy: vectors are rows on the left and columns on the right."""
    for operand, span in zip((a, b), spans, strict=True):
        if not is_tensor(operand) or not operand.type.shape:
            raise trace.fail(
                "E0220", "`@` takes tensors with axes", span, f"this is {describe(operand)}"
            )
    dtype = common_dtype((a, b), to_float=True)
    a, b = cast(trace, a, dtype), cast(trace, b, dtype)
    left, right = a.type.shape, b.type.shape
    if left[-1] != right[-2 if len(right) > 1 else 0]:
        raise inner_clash(trace, a, b, spans)
    build = trace.build
    rows = a if len(left) > 1 else build.reshape(a, shape=(1, *left))
    columns = b if len(right) > 1 else build.reshape(b, shape=(*right, 1))
    product = of_matrices(trace, rows, columns, spans)
    shape = product.type.shape
    if len(right) == 1:
        shape = shape[:-1]
    if len(left) == 1:
        shape = shape[:-2] + shape[-1:] if len(right) > 1 else shape[:-1]
    return product if shape == product.type.shape else build.reshape(product, shape=shape)


def of_matrices(trace: Trace, a: Value, b: Value, spans) -> Value:
    """Rows of any leading axes by one matrix are one product; else the leading axes broadcast."""
    build = trace.build
    left, right = a.type.shape, b.type.shape
    if len(right) == 2 and len(left) > 2:
        flat = build.reshape(a, shape=(a.type.count // left[-1], left[-1]))
        return build.reshape(build.matmul(flat, b), shape=(*left[:-1], right[-1]))
    try:
        leading = broadcast_shape(left[:-2], right[:-2])
    except OpError:
        raise trace.fail(
            "E0201",
            f"the leading axes of `@` must broadcast, got {a.type} and {b.type}",
            spans[1],
            f"this is {b.type}",
            (Label(spans[0], f"this is {a.type}"),) if spans[0] else (),
        ) from None
    return build.matmul(
        build.broadcast_to(a, (*leading, *left[-2:])),
        build.broadcast_to(b, (*leading, *right[-2:])),
    )


def inner_clash(trace: Trace, a: Value, b: Value, spans):
    shapes = a.type.shape, b.type.shape
    turned = len(shapes[1]) > 1 and shapes[1][-1] == shapes[0][-1]
    inner = shapes[1][-2 if len(shapes[1]) > 1 else 0]
    return trace.fail(
        "E0206",
        f"`@` takes [..., m, k] and [..., k, n], got {a.type} and {b.type}",
        spans[1],
        f"{inner} rows here",
        ((Label(spans[0], f"{shapes[0][-1]} columns here"),) if spans[0] else ())
        + trace.birth(a) + trace.birth(b),
        trace.chain(a) + trace.chain(b),
        "turn the right side over: `a @ transpose(b)`" if turned else "",
    )  # fmt: skip


def matmul_function(trace: Trace, a: Tensor, b: Tensor) -> Value:
    return matmul(trace, a, b, (trace.place("a"), trace.place("b")))


def convolve(
    trace: Trace,
    x: Tensor,
    kernel: Tensor,
    stride: Wholes = 1,
    pad: Anything = 0,
    dilation: Wholes = 1,
) -> Value:
    """x [N, H, W, C] by a kernel [kh, kw, C, filters]."""
    down_across = pair(trace, "stride", stride)
    spread = pair(trace, "dilation", dilation)
    size = kernel.type.shape[:2]
    around = paddings(trace, pad, x.type.shape[1:3], size, down_across, spread)
    check_fits(trace, x.type.shape[1:3], size, down_across, around, spread)
    dtype = common_dtype((x, kernel), to_float=True)
    return trace.build.conv2d(
        cast(trace, x, dtype),
        cast(trace, kernel, dtype),
        stride=down_across,
        pad=around,
        dilation=spread,
    )


def convolve_transpose(trace: Trace, x: Tensor, kernel: Tensor, stride: Wholes = 1) -> Value:
    """x [N, H, W, C] spread by a kernel [kh, kw, filters, C]: the gradient of convolve."""
    step = pair(trace, "stride", stride)
    count, *places = x.type.shape[:3]
    high, wide, filters = kernel.type.shape[:3]
    sizes = ((places[0] - 1) * step[0] + high, (places[1] - 1) * step[1] + wide)
    dtype = common_dtype((x, kernel), to_float=True)
    return trace.build.conv2d_image_gradient(
        cast(trace, x, dtype),
        cast(trace, kernel, dtype),
        shape=(count, *sizes, filters),
        stride=step,
        pad=((0, 0), (0, 0)),
        dilation=(1, 1),
    )


FUNCTIONS = {
    "matmul": matmul_function,
    "convolve": convolve,
    "convolve_transpose": convolve_transpose,
}
