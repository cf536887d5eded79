"""lamb: adam's direction, with each weight's step as long as the weight itself times the rate.

You and others, 2020, algorithm 2: the trust ratio is 1 where either norm is zero.
"""

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Value
from netc.compiler.optimizers.adam import correction, moments
from netc.compiler.optimizers.optimizer import Moments, Optimizer, average

PARAMETERS = (("beta1", 0.9), ("beta2", 0.999), ("eps", 1e-6), ("decay", 0.01))


def update(
    build: Builder, weight: Value, gradient: Value, moments: Moments, step: Value, rate: Value,
    *, beta1: float, beta2: float, eps: float, decay: float,
):  # fmt: skip
    mean = average(build, moments["mean"], gradient, beta1)
    square = average(build, moments["square"], build.multiply(gradient, gradient), beta2)
    m_hat = build.divide(mean, correction(build, beta1, step))
    v_hat = build.divide(square, correction(build, beta2, step))
    change = build.divide(m_hat, build.add(build.sqrt(v_hat), eps))
    change = build.add(change, build.multiply(weight, decay)) if decay else change
    pace = build.multiply(rate, trust(build, norm(build, weight), norm(build, change)))
    return build.subtract(weight, build.multiply(change, pace)), {"mean": mean, "square": square}


def norm(build: Builder, x: Value) -> Value:
    return build.sqrt(build.sum(build.multiply(x, x), axes=tuple(range(len(x.type.shape)))))


def trust(build: Builder, weight: Value, change: Value) -> Value:
    """weight / change, or 1 where one of the norms is zero."""
    known = build.logical_and(build.greater(weight, 0.0), build.greater(change, 0.0))
    return build.where(known, build.divide(weight, change), 1.0)


def reference(weight, gradient, moments, step, rate, *, beta1, beta2, eps, decay):
    m = beta1 * moments["mean"] + (1 - beta1) * gradient
    v = beta2 * moments["square"] + (1 - beta2) * gradient**2
    r = (m / (1 - beta1**step)) / ((v / (1 - beta2**step)) ** 0.5 + eps) + decay * weight
    sizes = (weight**2).sum() ** 0.5, (r**2).sum() ** 0.5
    ratio = sizes[0] / sizes[1] if min(sizes) > 0 else 1.0
    return weight - rate * ratio * r, {"mean": m, "square": v}


OPTIMIZER = Optimizer("lamb", 0.001, PARAMETERS, moments, update, reference)
