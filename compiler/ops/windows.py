"""windows(x): the window of elements that each place of a sliding window covers.

x [N, H, W, C] -> [N, H', W', h, w, C]. `fill` stands outside of the image: 0, or -infinity for a
maximum. Pooling folds axes 3 and 4.
"""

import numpy as np

from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import Shape, TensorType
from netc.compiler.ops import constant
from netc.compiler.ops.convolution import geometry_of, output_size, read_window


def type_rule(x: TensorType, *, size, stride, pad, dilation, fill) -> TensorType:
    if len(x.shape) != 4:
        raise OpError(f"windows takes [N, H, W, C], got {x}")
    constant.type_rule(value=fill, dtype=x.dtype, shape=())
    places = tuple(
        output_size(x.shape[1 + a], size[a], stride[a], *pad[a], dilation[a]) for a in (0, 1)
    )
    return x.with_shape((x.shape[0], *places, *size, x.shape[3]))


def image_type(name: str, x: TensorType, shape: Shape, stride, pad, dilation) -> TensorType:
    """The type of the image of this shape whose windows x holds, for an op that lays them back."""
    if len(x.shape) != 6:
        raise OpError(f"{name} takes [N, H, W, h, w, C], got {x}")
    image, size = x.with_shape(shape), x.shape[3:5]
    windows = type_rule(image, size=size, stride=stride, pad=pad, dilation=dilation, fill=0.0)
    if windows != x:
        raise OpError(f"{name} takes {windows}, the windows of {image}, got {x}")
    return image


def gradient(build, node, upstream):
    """Each pixel's sum over the windows that cover it; where at most one can, a mere move."""
    named, shape = node.named, node.inputs[0].type.shape
    stride, pad, dilation = named["stride"], named["pad"], named["dilation"]
    apart = all(step >= size for step, size in zip(stride, named["size"], strict=True))
    if apart and dilation == (1, 1):
        return (build.spread_windows(upstream, shape=shape, stride=stride, pad=pad),)
    taps = build.unfold_taps(upstream, shape=shape, stride=stride, pad=pad, dilation=dilation)
    return (build.sum(taps, axes=(0, 1)),)


def element(node, read, index):
    (x,) = node.inputs
    n, y, column, down, across, c = index
    geometry = geometry_of(x.type.shape, node.output.type.shape, node.named["size"], node.named)
    return read_window(read, x, geometry, n, y, column, down, across, c, node.named["fill"])


def reference(x: np.ndarray, *, size, stride, pad, dilation, fill) -> np.ndarray:
    padded = np.pad(x, ((0, 0), *pad, (0, 0)), constant_values=fill)
    reach = tuple((size[a] - 1) * dilation[a] + 1 for a in (0, 1))
    every = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(1, 2))
    taken = every[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]
    return np.moveaxis(taken, 3, 5)


OP = Op("windows", Family.MAP, type_rule, reference, gradient, element, moves_only=True)
