"""attend: the mean of values, weighted by how well their keys fit a query, as one op."""

from netc.compiler.ir.builder import broadcast_shape
from netc.compiler.ir.graph import Value
from netc.compiler.ir.operation import OpError
from netc.compiler.language.arguments import Anything, Tensor, Truth
from netc.compiler.language.elementwise import cast
from netc.compiler.language.trace import Trace
from netc.compiler.language.values import Word, describe, is_tensor


def attend(
    trace: Trace,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    causal: Truth = False,
    mask: Anything = None,
) -> Value:
    """query [..., T, C], key [..., S, C] and value [..., S, D] -> [..., T, D]; leading axes, and
    those of a mask [..., T, S], broadcast."""
    seen = mask_of(trace, mask)
    operands = [cast(trace, one, "f32") for one in (query, key, value)]
    rows, (keys, width) = query.type.shape[-2], value.type.shape[-2:]
    try:
        masks = () if seen is None else (seen,)
        leading = broadcast_shape(*(one.type.shape[:-2] for one in (*operands, *masks)))
        parts = [
            trace.build.broadcast_to(one, (*leading, *one.type.shape[-2:])) for one in operands
        ]
        parts += [trace.build.broadcast_to(one, (*leading, rows, keys)) for one in masks]
        both = trace.build.attention(*parts, causal=causal)
    except OpError as error:
        raise trace.fail("E0201", str(error), trace.place("query")) from None
    return trace.build.slice(
        both,
        starts=(0,) * len(both.type.shape),
        stops=(*both.type.shape[:-1], width),
        steps=(1,) * len(both.type.shape),
    )


def mask_of(trace: Trace, mask) -> Value | None:
    if is_tensor(mask) and mask.type.dtype == "bool":
        return mask
    if mask is not None and mask != Word("none"):
        raise trace.fail(
            "E0315", "`mask` is true where a query may look", trace.place("mask"),
            f"this is {describe(mask)}", help="compare with something: `mask=mask > 0`",
        )  # fmt: skip
    return None


FUNCTIONS = {"attend": attend}
