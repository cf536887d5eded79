"""conv2d_kernel_gradient(image, upstream): the gradient of conv2d with respect to its kernel.

Rows are the kernel's taps and channels, columns are filters, the depth runs over all output pixels.
`parts` cuts the depth into that many sums, a leading axis of the result, so that they run in
parallel; it must divide the number of output pixels, and 0 means one sum without the axis.
"""

import numpy as np

from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops import conv2d
from netc.compiler.ops.convolution import geometry_of, pixel, read_window, slide, tap
from netc.compiler.ops.precision import check_precision, rounded
from netc.compiler.scalar.expression import Contraction


def type_rule(
    image: TensorType,
    upstream: TensorType,
    *,
    shape,
    stride,
    pad,
    dilation,
    parts=0,
    precision="f32",
) -> TensorType:
    check_precision(precision)
    kernel = image.with_shape(shape)
    output = conv2d.type_rule(image, kernel, stride=stride, pad=pad, dilation=dilation)
    if output != upstream:
        raise OpError(f"conv2d_kernel_gradient of {kernel} takes {output}, got {upstream}")
    pixels = upstream.count // upstream.shape[3]
    if parts and pixels % parts:
        raise OpError(f"conv2d_kernel_gradient cannot cut {pixels} pixels into {parts} parts")
    return kernel.with_shape((parts, *shape)) if parts else kernel


def gradient(build, node, upstream):
    if node.named.get("parts"):
        raise OpError("conv2d_kernel_gradient has no gradient once it is cut into parts")
    image, output = node.inputs
    attributes = {n: value for n, value in node.attributes if n not in ("shape", "parts")}
    return (
        build.conv2d_image_gradient(output, upstream, shape=image.type.shape, **attributes),
        build.conv2d(image, upstream, **attributes),
    )


def contraction(node, read) -> Contraction:
    image, upstream = node.inputs
    down_size, across_size, channels, filters = node.named["shape"]
    window = (down_size, across_size)
    images, height, width, _ = upstream.type.shape
    geometry = geometry_of(image.type.shape, upstream.type.shape, window, node.named)
    parts = node.named.get("parts", 0) or 1
    depth = images * height * width // parts

    def left(batch, m, k):
        n, y, x = pixel(batch * depth + k, images, (height, width))
        down, across, c = tap(m, window, channels)
        return read_window(read, image, geometry, n, y, x, down, across, c)

    def right(batch, k, n):
        return read(upstream, (*pixel(batch * depth + k, images, (height, width)), n))

    rows, precision = down_size * across_size * channels, node.named.get("precision", "f32")
    return Contraction(
        parts, rows, filters, depth, left, right, precision,
        slide(read, image, geometry, over_taps=False),
    )  # fmt: skip


def reference(
    image: np.ndarray,
    upstream: np.ndarray,
    *,
    shape,
    stride,
    pad,
    dilation,
    parts=0,
    precision="f32",
) -> np.ndarray:
    image, upstream = rounded(image, precision), rounded(upstream, precision)
    padded = np.pad(image, ((0, 0), *pad, (0, 0)))
    _, height, width, filters = upstream.shape
    slices = max(parts, 1)
    flat = upstream.reshape(slices, -1, filters)
    total = np.zeros((slices, *shape))
    for y in range(shape[0]):
        for x in range(shape[1]):
            rows = slice(y * dilation[0], y * dilation[0] + (height - 1) * stride[0] + 1, stride[0])
            columns = slice(
                x * dilation[1], x * dilation[1] + (width - 1) * stride[1] + 1, stride[1]
            )
            part = padded[:, rows, columns].reshape(slices, -1, shape[2])
            total[:, y, x] = np.swapaxes(part, 1, 2) @ flat
    return total if parts else total[0]


OP = Op(
    "conv2d_kernel_gradient", Family.CONTRACT, type_rule, reference, gradient,
    contraction=contraction,
    flops=lambda node: 2 * node.inputs[1].type.count * int(np.prod(node.named["shape"][:3])),
)  # fmt: skip
