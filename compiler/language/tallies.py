"""tally, by which a measure adds up over all batches of an evaluation."""

from netc.compiler.ir.graph import Value
from netc.compiler.ir.tensor import TensorType
from netc.compiler.language.arguments import Operand
from netc.compiler.language.elementwise import as_tensor, cast
from netc.compiler.language.trace import Trace
from netc.compiler.language.values import Size, is_tensor


def tally(trace: Trace, x: Operand) -> Value:
    """The sum of x over all batches of an evaluation; in a training step and in a net, just x.

    Whole numbers and truths add up as i32, exactly.
    """
    x = as_sum(trace, x)
    if any(frame.block is not None and frame.block.is_net for frame in trace.frames):
        return x
    if any(isinstance(size, Size) for size in x.type.shape):
        raise trace.fail(
            "E0221",
            f"`tally` adds up what has one size in every batch, this is {x.type}",
            trace.place("x"),
            help="sum over the batch first: `tally(sum(x, axis=0))`",
        )
    return x if trace.training else trace.tally(x)


def as_sum(trace: Trace, x: Operand) -> Value:
    if not is_tensor(x):
        return as_tensor(trace, x, TensorType("i32" if isinstance(x, int) else "f32", ()))
    return cast(trace, x, "f32" if x.type.is_float else "i32")


FUNCTIONS = {"tally": tally}
