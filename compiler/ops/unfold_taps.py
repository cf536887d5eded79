"""unfold_taps(x): for each tap of a window, the image of what the windows hold at that tap.

x [N, H', W', h, w, C] -> [h, w, N, H, W, C], where `shape` is (N, H, W, C); 0 where no window has
the pixel at that tap. Summed over its first two axes it is the adjoint of windows, as a gather.
"""

import numpy as np

from netc.compiler.ir.operation import Family, Op
from netc.compiler.ir.tensor import Shape, TensorType
from netc.compiler.ops.convolution import geometry_of, window_places
from netc.compiler.ops.windows import image_type
from netc.compiler.scalar.expression import Constant, select


def type_rule(x: TensorType, *, shape: Shape, stride, pad, dilation) -> TensorType:
    image = image_type("unfold_taps", x, shape, stride, pad, dilation)
    return image.with_shape((*x.shape[3:5], *image.shape))


def gradient(build, node, upstream):
    """The windows of every tap's image, of which each tap keeps its own."""
    down, across, images, height, width, channels = upstream.type.shape
    pixels = build.reshape(
        build.transpose(upstream, axes=(2, 3, 4, 0, 1, 5)),
        shape=(images, height, width, down * across * channels),
    )
    geometry = {name: node.named[name] for name in ("stride", "pad", "dilation")}
    seen = build.windows(pixels, size=(down, across), fill=0.0, **geometry)
    shape = (*node.inputs[0].type.shape[:5], down, across, channels)
    rows = build.equal(build.iota(axis=3, shape=shape), build.iota(axis=5, shape=shape))
    columns = build.equal(build.iota(axis=4, shape=shape), build.iota(axis=6, shape=shape))
    own = build.where(build.logical_and(rows, columns), build.reshape(seen, shape=shape), 0)
    return (build.sum(own, axes=(5, 6)),)


def element(node, read, index):
    (x,) = node.inputs
    down, across, n, row, column, c = index
    window = x.type.shape[3:5]
    geometry = geometry_of(node.named["shape"], x.type.shape, window, node.named)
    conditions, places = window_places(geometry, row, column, down, across)
    value = read(x, (n, *places, down, across, c))
    return select(conditions, value, Constant(0.0, x.type.dtype))


def reference(x: np.ndarray, *, shape: Shape, stride, pad, dilation) -> np.ndarray:
    (top, bottom), (before, after) = pad
    images, height, width, down, across, channels = x.shape
    padded = (images, shape[1] + top + bottom, shape[2] + before + after, channels)
    whole = np.zeros((down, across, *padded), x.dtype)
    for i in range(down):
        for j in range(across):
            rows = i * dilation[0] + np.arange(height) * stride[0]
            columns = j * dilation[1] + np.arange(width) * stride[1]
            whole[i, j][:, rows[:, None], columns] = x[:, :, :, i, j]
    return whole[:, :, :, top : top + shape[1], before : before + shape[2]]


OP = Op("unfold_taps", Family.MAP, type_rule, reference, gradient, element, moves_only=True)
