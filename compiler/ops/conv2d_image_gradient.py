"""conv2d_image_gradient(upstream, kernel): the gradient of conv2d with respect to its image.

Each image pixel gathers from the outputs whose window covered it: no scatter, so the sum has one
order. Rows are image pixels, columns are channels, the depth runs over taps and filters. Without
strides the taps run backwards: that is a window which slides over `upstream`.
"""

from dataclasses import replace

import numpy as np

from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops import conv2d
from netc.compiler.ops.convolution import geometry_of, pixel, read_output, read_window, slide, tap
from netc.compiler.ops.precision import check_precision, rounded
from netc.compiler.scalar.expression import Contraction
from netc.compiler.scalar.geometry import Geometry
from netc.compiler.scalar.index import as_index


def type_rule(
    upstream: TensorType, kernel: TensorType, *, shape, stride, pad, dilation, precision="f32"
) -> TensorType:
    check_precision(precision)
    image = upstream.with_shape(shape)
    output = conv2d.type_rule(image, kernel, stride=stride, pad=pad, dilation=dilation)
    if output != upstream:
        raise OpError(f"conv2d_image_gradient of {image} takes {output}, got {upstream}")
    return image


def gradient(build, node, upstream):
    output, kernel = node.inputs
    attributes = {name: value for name, value in node.attributes if name != "shape"}
    return (
        build.conv2d(upstream, kernel, **attributes),
        build.conv2d_kernel_gradient(upstream, output, shape=kernel.type.shape, **attributes),
    )


def contraction(node, read) -> Contraction:
    upstream, kernel = node.inputs
    images, height, width, channels = node.output.type.shape
    window, filters = kernel.type.shape[:2], kernel.type.shape[3]
    geometry = geometry_of(node.output.type.shape, upstream.type.shape, window, node.named)
    slides = geometry.stride == (1, 1)
    over = turned(geometry) if slides else geometry
    read_under = read_window if slides else read_output

    def left(batch, m, k):
        n, row, column = pixel(m, images, (height, width))
        down, across, f = tap(k, window, filters)
        return read_under(read, upstream, over, n, row, column, down, across, f)

    def right(batch, k, n):
        *taps, f = tap(k, window, filters)
        if slides:
            taps = [as_index(size - 1) - place for size, place in zip(window, taps, strict=True)]
        return read(kernel, (*taps, n, f))

    rows, depth = images * height * width, window[0] * window[1] * filters
    return Contraction(
        1, rows, channels, depth, left, right, node.named.get("precision", "f32"),
        slide(read, upstream, over, over_taps=True) if slides and min(over.pad) >= 0 else None,
    )  # fmt: skip


def turned(geometry: Geometry) -> Geometry:
    """How the window slides back: over the output, towards the image, its taps in reverse."""
    pad = tuple(geometry.reach(axis, 1) - 1 - geometry.pad[axis] for axis in (0, 1))
    return replace(geometry, image=geometry.output, output=geometry.image, pad=pad)


def reference(
    upstream: np.ndarray, kernel: np.ndarray, *, shape, stride, pad, dilation, precision="f32"
) -> np.ndarray:
    upstream, kernel = rounded(upstream, precision), rounded(kernel, precision)
    (top, bottom), (before, after) = pad
    padded = np.zeros((shape[0], shape[1] + top + bottom, shape[2] + before + after, shape[3]))
    _, height, width, _ = upstream.shape
    for y in range(kernel.shape[0]):
        for x in range(kernel.shape[1]):
            rows = slice(y * dilation[0], y * dilation[0] + (height - 1) * stride[0] + 1, stride[0])
            columns = slice(
                x * dilation[1], x * dilation[1] + (width - 1) * stride[1] + 1, stride[1]
            )
            padded[:, rows, columns] += upstream @ kernel[y, x].T
    return padded[:, top : top + shape[1], before : before + shape[2]]


OP = Op(
    "conv2d_image_gradient", Family.CONTRACT, type_rule, reference, gradient,
    contraction=contraction,
    flops=lambda node: 2 * node.inputs[0].type.count * int(np.prod(node.inputs[1].type.shape[:3])),
)  # fmt: skip
