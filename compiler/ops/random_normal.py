"""random_normal(seed, step): normal numbers of mean 0 and deviation 1.

They are the same for the same seed, step and stream. seed and step are i32 scalars, counted by the
runtime; `stream` tells apart the uses in one program.
"""

from math import prod

import numpy as np

from netc.compiler.ir.operation import Family, Op
from netc.compiler.ir.tensor import Shape
from netc.compiler.ops import philox
from netc.compiler.ops.random import element_of, type_rule


def reference(seed: np.ndarray, step: np.ndarray, *, stream: int, shape: Shape) -> np.ndarray:
    return philox.normal(seed, step, stream, np.arange(prod(shape))).reshape(shape)


OP = Op(
    "random_normal", Family.MAP, type_rule, reference, element=element_of("random_normal"),
    flops=lambda node: 70 * node.output.type.count, expensive=True,
)  # fmt: skip
