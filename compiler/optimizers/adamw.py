"""adamw: adam whose decay shrinks the weight itself, by rate * decay, not through the gradient.

Loshchilov and Hutter, 2019, algorithm 2, with the decay scaled by the rate as in PyTorch.
"""

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Value
from netc.compiler.optimizers.adam import descend, moments
from netc.compiler.optimizers.optimizer import Moments, Optimizer

PARAMETERS = (("beta1", 0.9), ("beta2", 0.999), ("eps", 1e-8), ("decay", 0.01))


def update(
    build: Builder, weight: Value, gradient: Value, moments: Moments, step: Value, rate: Value,
    *, beta1: float, beta2: float, eps: float, decay: float,
):  # fmt: skip
    kept = build.subtract(1.0, build.multiply(rate, decay))
    shrunk = build.multiply(weight, kept) if decay else weight
    return descend(build, shrunk, gradient, moments, step, rate, beta1, beta2, eps)


def reference(weight, gradient, moments, step, rate, *, beta1, beta2, eps, decay):
    w = weight - rate * decay * weight
    m = beta1 * moments["mean"] + (1 - beta1) * gradient
    v = beta2 * moments["square"] + (1 - beta2) * gradient**2
    m_hat = m / (1 - beta1**step)
    v_hat = v / (1 - beta2**step)
    return w - rate * m_hat / (v_hat**0.5 + eps), {"mean": m, "square": v}


OPTIMIZER = Optimizer("adamw", 0.001, PARAMETERS, moments, update, reference)
