"""The geometry of a window that slides over images."""

from dataclasses import dataclass

from netc.compiler.scalar.index import Index


@dataclass(frozen=True)
class Geometry:
    """Output row y reads input rows y * stride - pad + tap * dilation for each tap of the kernel.

    `stride`, `dilation` and `pad` are pairs (down, across); `pad` is the zeros before the first row
    and column. `image` is (height, width) of the input, `output` of the output.
    """

    image: tuple[int, int]
    output: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    pad: tuple[int, int]
    dilation: tuple[int, int]

    def source(self, axis: int, position: Index, tap: Index) -> Index:
        """The input row (axis 0) or column (axis 1) that an output position reads at a tap."""
        return position * self.stride[axis] + tap * self.dilation[axis] - self.pad[axis]

    def reach(self, axis: int, outputs: int) -> int:
        """How many padded rows or columns so many neighbouring outputs read, gaps included."""
        between = (outputs - 1) * self.stride[axis]
        return between + (self.kernel[axis] - 1) * self.dilation[axis] + 1
