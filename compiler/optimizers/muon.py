"""muon: momentum whose singular values are brought near 1, so that all directions move alike.

Jordan, 2024, with Nesterov's momentum and five Newton-Schulz iterations. The step of an m x n
matrix is scaled by 0.2 * sqrt(max(m, n)), to the size of adamw's (Liu and others, 2025), so that
one rate does for both: what has fewer axes than two goes by adamw. A convolution's kernel is a
matrix with a column for each filter. The decay is adamw's.
"""

from math import prod

import numpy as np

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Value
from netc.compiler.optimizers import adamw
from netc.compiler.optimizers.optimizer import Moments, Optimizer

PARAMETERS = (
    ("momentum", 0.95), ("decay", 0.01), ("beta1", 0.9), ("beta2", 0.999), ("eps", 1e-8),
)  # fmt: skip
ITERATIONS = 5
A, B, C = 3.4445, -4.7750, 2.0315  # of x -> a x + b x^3 + c x^5, which lifts what is small fastest
SMALL = 1e-7  # keeps a gradient of zero at zero
LIKE_ADAM = 0.2  # the root mean square of adamw's steps, as measured in the paper


def moments(*, rank: int, **_) -> tuple[str, ...]:
    return ("velocity",) if rank > 1 else ("mean", "square")


def update(
    build: Builder, weight: Value, gradient: Value, moments: Moments, step: Value, rate: Value,
    *, momentum: float, decay: float, beta1: float, beta2: float, eps: float,
):  # fmt: skip
    if len(weight.type.shape) < 2:
        others = {"beta1": beta1, "beta2": beta2, "eps": eps, "decay": decay}
        return adamw.update(build, weight, gradient, moments, step, rate, **others)
    velocity = build.add(build.multiply(moments["velocity"], momentum), gradient)
    ahead = build.add(gradient, build.multiply(velocity, momentum))
    rows, columns = prod(weight.type.shape[:-1]), weight.type.shape[-1]
    change = orthogonal(build, build.reshape(ahead, shape=(rows, columns)))
    change = build.reshape(change, shape=weight.type.shape)
    pace = build.multiply(rate, LIKE_ADAM * max(rows, columns) ** 0.5)
    kept = build.multiply(weight, build.subtract(1.0, build.multiply(rate, decay)))
    return build.subtract(kept, build.multiply(change, pace)), {"velocity": velocity}


def orthogonal(build: Builder, x: Value) -> Value:
    """A matrix with the singular vectors of x, and singular values near 1."""
    rows, columns = x.type.shape
    if rows > columns:
        return flipped(build, orthogonal(build, flipped(build, x)))
    length = build.sqrt(build.sum(build.multiply(x, x), axes=(0, 1)))
    x = build.divide(x, build.add(length, SMALL))
    for _ in range(ITERATIONS):
        square = build.matmul(x, flipped(build, x))
        fourth = build.matmul(square, square)
        factor = build.add(build.multiply(square, B), build.multiply(fourth, C))
        x = build.add(build.multiply(x, A), build.matmul(factor, x))
    return x


def flipped(build: Builder, x: Value) -> Value:
    return build.transpose(x, axes=(1, 0))


def reference(weight, gradient, moments, step, rate, *, momentum, decay, beta1, beta2, eps):
    if np.ndim(weight) < 2:
        others = {"beta1": beta1, "beta2": beta2, "eps": eps, "decay": decay}
        return adamw.reference(weight, gradient, moments, step, rate, **others)
    v = momentum * moments["velocity"] + gradient
    m = (gradient + momentum * v).reshape(-1, weight.shape[-1])
    u, s, vt = np.linalg.svd(m / (np.linalg.norm(m) + SMALL), full_matrices=False)
    for _ in range(ITERATIONS):
        s = A * s + B * s**3 + C * s**5
    change = ((u * s) @ vt).reshape(weight.shape)
    pace = rate * LIKE_ADAM * max(m.shape) ** 0.5
    return weight - rate * decay * weight - pace * change, {"velocity": v}


OPTIMIZER = Optimizer("muon", 0.001, PARAMETERS, moments, update, reference)
