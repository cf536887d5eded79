"""rmsprop: the gradient over the root of the running average of its square.

Hinton's lecture 6e, as in PyTorch: `eps` outside of the root, momentum over the scaled gradient.
"""

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Value
from netc.compiler.optimizers.optimizer import Moments, Optimizer, average, with_decay

PARAMETERS = (("smoothing", 0.99), ("eps", 1e-8), ("momentum", 0.0), ("decay", 0.0))


def moments(*, momentum: float, **_) -> tuple[str, ...]:
    return ("square", "velocity") if momentum else ("square",)


def update(
    build: Builder, weight: Value, gradient: Value, moments: Moments, step: Value, rate: Value,
    *, smoothing: float, eps: float, momentum: float, decay: float,
):  # fmt: skip
    gradient = with_decay(build, weight, gradient, decay)
    square = average(build, moments["square"], build.multiply(gradient, gradient), smoothing)
    change, after = build.divide(gradient, build.add(build.sqrt(square), eps)), {"square": square}
    if momentum:
        change = build.add(build.multiply(moments["velocity"], momentum), change)
        after["velocity"] = change
    return build.subtract(weight, build.multiply(change, rate)), after


def reference(weight, gradient, moments, step, rate, *, smoothing, eps, momentum, decay):
    g = gradient + decay * weight
    v = smoothing * moments["square"] + (1 - smoothing) * g**2
    scaled = g / (v**0.5 + eps)
    if not momentum:
        return weight - rate * scaled, {"square": v}
    b = momentum * moments["velocity"] + scaled
    return weight - rate * b, {"square": v, "velocity": b}


OPTIMIZER = Optimizer("rmsprop", 0.01, PARAMETERS, moments, update, reference)
