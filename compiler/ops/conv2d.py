"""conv2d(image, kernel): each output pixel is the kernel's product with the window around it.

image [N, H, W, C], kernel [down, across, C, F] -> [N, H', W', F]. As a matrix product: rows are
output pixels, columns are filters, the depth runs over the taps of the window and the channels.
"""

import numpy as np

from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.convolution import geometry_of, output_size, pixel, read_window, slide, tap
from netc.compiler.ops.precision import check_precision, rounded
from netc.compiler.scalar.expression import Contraction


def type_rule(
    image: TensorType, kernel: TensorType, *, stride, pad, dilation, precision: str = "f32"
) -> TensorType:
    check_precision(precision)
    if len(image.shape) != 4 or len(kernel.shape) != 4:
        raise OpError(f"conv2d takes [N, H, W, C] and [h, w, C, F], got {image} and {kernel}")
    if image.dtype != kernel.dtype or not image.is_float:
        raise OpError(f"conv2d takes two tensors of one float type, got {image} and {kernel}")
    if image.shape[3] != kernel.shape[2]:
        raise OpError(f"conv2d has {image.shape[3]} channels in {image} but {kernel} in its kernel")
    size = tuple(
        output_size(image.shape[1 + a], kernel.shape[a], stride[a], *pad[a], dilation[a])
        for a in (0, 1)
    )
    return image.with_shape((image.shape[0], *size, kernel.shape[3]))


def gradient(build, node, upstream):
    image, kernel = node.inputs
    attributes = node.named
    return (
        build.conv2d_image_gradient(upstream, kernel, shape=image.type.shape, **attributes),
        build.conv2d_kernel_gradient(image, upstream, shape=kernel.type.shape, **attributes),
    )


def contraction(node, read) -> Contraction:
    image, kernel = node.inputs
    images, height, width, filters = node.output.type.shape
    window, channels = kernel.type.shape[:2], kernel.type.shape[2]
    geometry = geometry_of(image.type.shape, node.output.type.shape, window, node.named)

    def left(batch, m, k):
        n, y, x = pixel(m, images, (height, width))
        down, across, c = tap(k, window, channels)
        return read_window(read, image, geometry, n, y, x, down, across, c)

    def right(batch, k, n):
        return read(kernel, (*tap(k, window, channels), n))

    depth = window[0] * window[1] * channels
    precision = node.named.get("precision", "f32")
    return Contraction(
        1, images * height * width, filters, depth, left, right, precision,
        slide(read, image, geometry, over_taps=True),
    )  # fmt: skip


def reference(
    image: np.ndarray, kernel: np.ndarray, *, stride, pad, dilation, precision: str = "f32"
) -> np.ndarray:
    image, kernel = rounded(image, precision), rounded(kernel, precision)
    padded = np.pad(image, ((0, 0), *pad, (0, 0)))
    (down, across, _, filters) = kernel.shape
    height, width = (
        output_size(image.shape[1 + a], kernel.shape[a], stride[a], *pad[a], dilation[a])
        for a in (0, 1)
    )
    total = np.zeros((image.shape[0], height, width, filters), image.dtype)
    for y in range(down):
        for x in range(across):
            top, left = y * dilation[0], x * dilation[1]
            part = padded[
                :,
                top : top + (height - 1) * stride[0] + 1 : stride[0],
                left : left + (width - 1) * stride[1] + 1 : stride[1],
            ]
            total += part @ kernel[y, x]
    return total


OP = Op(
    "conv2d", Family.CONTRACT, type_rule, reference, gradient, contraction=contraction,
    flops=lambda node: 2 * node.output.type.count * int(np.prod(node.inputs[1].type.shape[:3])),
)  # fmt: skip
