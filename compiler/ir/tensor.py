"""What a tensor is to the compiler: an element type and a shape of whole numbers."""

from dataclasses import dataclass
from math import prod

Shape = tuple[int, ...]

SIZES = {"f32": 4, "f16": 2, "bf16": 2, "i32": 4, "u8": 1, "bool": 1}
FLOATS = ("f32", "f16", "bf16")


@dataclass(frozen=True)
class TensorType:
    """An element type (one of SIZES) and a shape; `()` is a scalar."""

    dtype: str
    shape: Shape

    @property
    def count(self) -> int:
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        return self.count * SIZES[self.dtype]

    @property
    def is_float(self) -> bool:
        return self.dtype in FLOATS

    def with_shape(self, shape: Shape) -> "TensorType":
        return TensorType(self.dtype, tuple(shape))

    def with_dtype(self, dtype: str) -> "TensorType":
        return TensorType(dtype, self.shape)

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


def strides(shape: Shape) -> Shape:
    """Distances in elements between neighbours along each axis of a dense row-major tensor."""
    steps, step = [], 1
    for size in reversed(shape):
        steps.append(step)
        step *= size
    return tuple(reversed(steps))
