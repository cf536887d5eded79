"""cast(x): the elements as another dtype; whole numbers drop the fraction of floats."""

import numpy as np

from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import SIZES, TensorType
from netc.compiler.ops.arrays import ARRAYS
from netc.compiler.ops.pointwise import PointwiseElement


def type_rule(x: TensorType, *, dtype: str) -> TensorType:
    if dtype not in SIZES:
        raise OpError(f"cast takes one of {', '.join(SIZES)}, got {dtype}")
    return x.with_dtype(dtype)


def gradient(build, node, upstream):
    (x,) = node.inputs
    floats = x.type.is_float and upstream.type.is_float
    return (build.cast(upstream, dtype=x.type.dtype) if floats else None,)


def reference(x: np.ndarray, *, dtype: str) -> np.ndarray:
    return np.asarray(x).astype(ARRAYS[dtype])


OP = Op("cast", Family.MAP, type_rule, reference, gradient, PointwiseElement("cast"))
