"""spread_windows(x): windows that do not overlap, laid back where they came from; 0 in the gaps.

x [N, H', W', h, w, C] -> `shape`, [N, H, W, C]. It is the adjoint of windows where stride >= size
and dilation is 1: each pixel has at most one window, so that nothing is summed.
"""

import numpy as np

from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import Shape, TensorType
from netc.compiler.ops.windows import image_type
from netc.compiler.scalar.expression import Constant, Within, select


def type_rule(x: TensorType, *, shape: Shape, stride, pad) -> TensorType:
    if any(step < size for step, size in zip(stride, x.shape[3:5], strict=True)):
        raise OpError(f"spread_windows takes windows that do not overlap, got {x} at {stride}")
    return image_type("spread_windows", x, shape, stride, pad, (1, 1))


def gradient(build, node, upstream):
    size = node.inputs[0].type.shape[3:5]
    stride, pad = node.named["stride"], node.named["pad"]
    attributes = {"size": size, "stride": stride, "pad": pad, "dilation": (1, 1), "fill": 0.0}
    return (build.windows(upstream, **attributes),)


def element(node, read, index):
    (x,) = node.inputs
    n, *position, c = index
    conditions, places, taps = [], [], []
    for axis in (0, 1):
        shifted = position[axis] + node.named["pad"][axis][0]
        places.append(shifted // node.named["stride"][axis])
        taps.append(shifted % node.named["stride"][axis])
        conditions.append(Within(places[-1], 0, x.type.shape[1 + axis]))
        conditions.append(Within(taps[-1], 0, x.type.shape[3 + axis]))
    value = read(x, (n, *places, *taps, c))
    return select(tuple(conditions), value, Constant(0.0, x.type.dtype))


def reference(x: np.ndarray, *, shape: Shape, stride, pad) -> np.ndarray:
    (top, bottom), (before, after) = pad
    _, height, width, down, across, _ = x.shape
    whole = np.zeros(
        (shape[0], shape[1] + top + bottom, shape[2] + before + after, shape[3]), x.dtype
    )
    for y in range(height):
        for column in range(width):
            rows = slice(y * stride[0], y * stride[0] + down)
            columns = slice(column * stride[1], column * stride[1] + across)
            whole[:, rows, columns] = x[:, y, column]
    return whole[:, top : top + shape[1], before : before + shape[2]]


OP = Op("spread_windows", Family.MAP, type_rule, reference, gradient, element, moves_only=True)
