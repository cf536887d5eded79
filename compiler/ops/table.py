"""Every op by its name. A new op is a new file of this folder and a line here."""

from collections.abc import Mapping
from types import MappingProxyType

from netc.compiler.ir.operation import Op
from netc.compiler.ops import (
    add,
    broadcast,
    constant,
    conv2d,
    conv2d_image_gradient,
    conv2d_kernel_gradient,
    matmul,
    maximum,
    multiply,
    reshape,
    sum,
    transpose,
)

MODULES = (
    add,
    broadcast,
    constant,
    conv2d,
    conv2d_image_gradient,
    conv2d_kernel_gradient,
    matmul,
    maximum,
    multiply,
    reshape,
    sum,
    transpose,
)

OPS: Mapping[str, Op] = MappingProxyType({module.OP.name: module.OP for module in MODULES})
