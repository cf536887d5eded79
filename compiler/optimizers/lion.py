"""lion: a step of the size of the rate along the sign of a mix of momentum and gradient.

Chen and others, 2023, algorithm 2; the decay shrinks the weight itself, by rate * decay.
"""

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Value
from netc.compiler.optimizers.optimizer import Moments, Optimizer, average

PARAMETERS = (("beta1", 0.9), ("beta2", 0.99), ("decay", 0.0))


def moments(**_) -> tuple[str, ...]:
    return ("momentum",)


def update(
    build: Builder, weight: Value, gradient: Value, moments: Moments, step: Value, rate: Value,
    *, beta1: float, beta2: float, decay: float,
):  # fmt: skip
    change = build.sign(average(build, moments["momentum"], gradient, beta1))
    if decay:
        change = build.add(change, build.multiply(weight, decay))
    momentum = average(build, moments["momentum"], gradient, beta2)
    return build.subtract(weight, build.multiply(change, rate)), {"momentum": momentum}


def reference(weight, gradient, moments, step, rate, *, beta1, beta2, decay):
    c = beta1 * moments["momentum"] + (1 - beta1) * gradient
    sign = (c > 0) * 1.0 - (c < 0) * 1.0
    m = beta2 * moments["momentum"] + (1 - beta2) * gradient
    return weight - rate * (sign + decay * weight), {"momentum": m}


OPTIMIZER = Optimizer("lion", 1e-4, PARAMETERS, moments, update, reference)
