"""adam: the running average of the gradient over the root of its square's, freed of their start.

Kingma and Ba, 2015, algorithm 1, with PyTorch's `decay`, which is added to the gradient.
"""

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Value
from netc.compiler.optimizers.optimizer import Moments, Optimizer, average, with_decay

PARAMETERS = (("beta1", 0.9), ("beta2", 0.999), ("eps", 1e-8), ("decay", 0.0))


def moments(**_) -> tuple[str, ...]:
    return "mean", "square"


def update(
    build: Builder, weight: Value, gradient: Value, moments: Moments, step: Value, rate: Value,
    *, beta1: float, beta2: float, eps: float, decay: float,
):  # fmt: skip
    gradient = with_decay(build, weight, gradient, decay)
    return descend(build, weight, gradient, moments, step, rate, beta1, beta2, eps)


def descend(
    build: Builder, weight: Value, gradient: Value, moments: Moments, step: Value, rate: Value,
    beta1: float, beta2: float, eps: float,
):  # fmt: skip
    """The step that adam and adamw share. Both corrections are scalars, worked out once a step."""
    mean = average(build, moments["mean"], gradient, beta1)
    square = average(build, moments["square"], build.multiply(gradient, gradient), beta2)
    pace = build.divide(rate, correction(build, beta1, step))
    root = build.sqrt(correction(build, beta2, step))
    size = build.add(build.divide(build.sqrt(square), root), eps)
    change = build.multiply(build.divide(mean, size), pace)
    return build.subtract(weight, change), {"mean": mean, "square": square}


def correction(build: Builder, beta: float, step: Value) -> Value:
    """1 - beta ** step: the weight that an average which began at zero has gathered so far."""
    return build.subtract(1.0, build.power(beta, step))


def reference(weight, gradient, moments, step, rate, *, beta1, beta2, eps, decay):
    g = gradient + decay * weight
    m = beta1 * moments["mean"] + (1 - beta1) * g
    v = beta2 * moments["square"] + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**step)
    v_hat = v / (1 - beta2**step)
    return weight - rate * m_hat / (v_hat**0.5 + eps), {"mean": m, "square": v}


OPTIMIZER = Optimizer("adam", 0.001, PARAMETERS, moments, update, reference)
