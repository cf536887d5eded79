"""The geometry of a window sliding over NHWC images: what convolutions and pooling share."""

from netc.compiler.ir.operation import OpError
from netc.compiler.ir.tensor import Shape
from netc.compiler.scalar.expression import Constant, Expression, Sliding, Within, select
from netc.compiler.scalar.geometry import Geometry
from netc.compiler.scalar.index import Index, unravel


def output_size(size: int, kernel: int, stride: int, before: int, after: int, dilation: int) -> int:
    """How many places a window of `kernel` taps has along an axis of `size` padded elements."""
    reach = (kernel - 1) * dilation + 1
    if size + before + after < reach:
        raise OpError(
            f"a window of {reach} does not fit into {size} padded to {size + before + after}"
        )
    return (size + before + after - reach) // stride + 1


def read_window(
    read, x, geometry: Geometry, n, y, x_out, tap_y, tap_x, c, fill: float = 0.0
) -> Expression:
    """The input element under one tap of the window at (y, x_out); `fill` outside of the image."""
    row = geometry.source(0, y, tap_y)
    column = geometry.source(1, x_out, tap_x)
    inside = (Within(row, 0, geometry.image[0]), Within(column, 0, geometry.image[1]))
    return select(inside, read(x, (n, row, column, c)), Constant(fill, x.type.dtype))


def window_places(
    geometry: Geometry, row: Index, column: Index, tap_y: Index, tap_x: Index
) -> tuple[tuple[Within, ...], tuple[Index, ...]]:
    """The output that reads input (row, column) at a tap, and the conditions that there is one."""
    conditions, places = [], []
    for axis, (position, tap) in enumerate(((row, tap_y), (column, tap_x))):
        shifted = position + geometry.pad[axis] - tap * geometry.dilation[axis]
        stride = geometry.stride[axis]
        places.append(shifted // stride)
        conditions.append(Within(shifted % stride, 0, 1))
        conditions.append(Within(places[-1], 0, geometry.output[axis]))
    return tuple(conditions), tuple(places)


def read_output(read, upstream, geometry: Geometry, n, row, column, tap_y, tap_x, f) -> Expression:
    """The output element that read input (row, column) at a tap; zero where there is none."""
    conditions, places = window_places(geometry, row, column, tap_y, tap_x)
    return select(conditions, read(upstream, (n, *places, f)), Constant(0.0, upstream.type.dtype))


def pixel(position: Index, images: int, size: tuple[int, int]) -> tuple[Index, ...]:
    """(image, row, column) of a row of the matrix that a convolution is."""
    return unravel(position, (images, *size))


def tap(position: Index, kernel: tuple[int, int], channels: int) -> tuple[Index, ...]:
    """(tap down, tap across, channel) of a position along the depth of that matrix."""
    return unravel(position, (*kernel, channels))


def geometry_of(image: Shape, output: Shape, kernel: tuple[int, int], attributes: dict) -> Geometry:
    """From the NHWC shapes and the attributes `stride`, `pad` (before, after pairs), `dilation`."""
    before = tuple(pair[0] for pair in attributes["pad"])
    return Geometry(
        image[1:3], output[1:3], kernel, attributes["stride"], before, attributes["dilation"]
    )


def slide(read, image, geometry: Geometry, over_taps: bool) -> Sliding:
    """The window over an image [N, H, W, C] that a product reads."""

    def element(n: Index, row: Index, column: Index, c: Index) -> Expression:
        return read(image, (n, row, column, c))

    return Sliding(geometry, over_taps, element)
