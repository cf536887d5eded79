"""What random_uniform and random_normal share: their types, and the expression of one element."""

from collections.abc import Callable

from netc.compiler.ir.operation import OpError
from netc.compiler.ir.tensor import Shape, TensorType
from netc.compiler.scalar.expression import Apply, Constant, Position
from netc.compiler.scalar.index import linear


def type_rule(seed: TensorType, step: TensorType, *, stream: int, shape: Shape) -> TensorType:
    scalar = TensorType("i32", ())
    if (seed, step) != (scalar, scalar):
        raise OpError(f"random numbers take a seed and a step of {scalar}, got {seed} and {step}")
    return TensorType("f32", tuple(shape))


def element_of(function: str) -> Callable[..., Apply]:
    """The element at `index`: `function` of (seed, step, stream, row-major position)."""

    def element(node, read, index) -> Apply:
        seed, step = (read(value, ()) for value in node.inputs)
        stream = Constant(node.named["stream"], "i32")
        position = Position(linear(index, node.output.type.shape))
        return Apply(function, (seed, step, stream, position), "f32")

    return element
