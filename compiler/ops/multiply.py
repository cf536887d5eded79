"""multiply(a, b): the product of each pair of elements."""

import numpy as np

from netc.compiler.ops.pointwise import pointwise


def gradient(build, node, upstream):
    a, b = node.inputs
    return build.multiply(upstream, b), build.multiply(upstream, a)


OP = pointwise("multiply", np.multiply, gradient)
