"""A function's facts come in; what the runtime asks about its outputs goes out."""

from netc.compiler.program import FunctionFacts, Tensor


def numbers(function: FunctionFacts) -> tuple[str, ...]:
    """The names of the outputs of one number, in the order of the log."""
    return tuple(name for name, tensor in function.outputs if is_number(tensor))


def is_number(tensor: Tensor) -> bool:
    return all(size == 1 for size in tensor.shape)
