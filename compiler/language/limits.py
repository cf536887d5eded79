"""A builder that refuses tensors and graphs beyond the sizes that netc promises to handle."""

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.operation import OpError
from netc.compiler.ir.tensor import Shape

LARGEST_DIMENSION = 2**31 - 1
MOST_ELEMENTS = 2**40
MOST_AXES = 8
MOST_NODES = 100_000
MOST_STATEMENTS = 20_000
MOST_ITEMS = 20_000
DEEPEST_CALL = 64
LARGEST_NUMBER = 2**63 - 1


class LimitError(OpError):
    """A limit is passed: the code of its page, and what it is."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def check_shape(shape: Shape) -> None:
    """Raise LimitError where a tensor of this shape is beyond the limits."""
    if len(shape) > MOST_AXES:
        raise LimitError("E0214", f"a tensor has at most {MOST_AXES} axes, this has {len(shape)}")
    count = 1
    for size in shape:
        if size < 1:
            raise LimitError("E0213", f"every dimension is at least 1, got {list(shape)}")
        if size > LARGEST_DIMENSION:
            raise LimitError("E0213", f"a dimension is at most {LARGEST_DIMENSION}, got {size}")
        count *= size
    if count > MOST_ELEMENTS:
        raise LimitError("E0214", f"a tensor has at most 2**40 elements, {list(shape)} has {count}")


class LimitedBuilder(Builder):
    """A Builder whose every value is within the limits."""

    def apply(self, name: str, *operands, **attributes):
        if len(self.nodes) >= MOST_NODES:
            raise LimitError("E0322", f"a graph has at most {MOST_NODES} operations")
        made = super().apply(name, *operands, **attributes)
        for value in made if isinstance(made, tuple) else (made,):
            check_shape(value.type.shape)
        return made
