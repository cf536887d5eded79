"""reshape(x): the same elements in the same row-major order under another shape."""

from math import prod

import numpy as np

from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import Shape, TensorType
from netc.compiler.scalar.index import linear, unravel


def type_rule(x: TensorType, *, shape: Shape) -> TensorType:
    if prod(shape) != x.count:
        raise OpError(f"{x} has {x.count} elements, and {list(shape)} has {prod(shape)}")
    return x.with_shape(shape)


def gradient(build, node, upstream):
    return (build.reshape(upstream, shape=node.inputs[0].type.shape),)


def element(node, read, index):
    (x,) = node.inputs
    return read(x, unravel(linear(index, node.output.type.shape), x.type.shape))


def reference(x: np.ndarray, *, shape: Shape) -> np.ndarray:
    return np.reshape(x, shape)


OP = Op("reshape", Family.MAP, type_rule, reference, gradient, element, moves_only=True)
