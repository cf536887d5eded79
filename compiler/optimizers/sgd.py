"""sgd: weight - rate * velocity; velocity = momentum * velocity + gradient.

PyTorch's meaning of `nesterov` (look ahead by one more momentum) and of `decay` (added to the
gradient).
"""

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Value
from netc.compiler.optimizers.optimizer import Moments, Optimizer, with_decay


def moments(*, momentum: float, **_) -> tuple[str, ...]:
    return ("velocity",) if momentum else ()


def update(
    build: Builder, weight: Value, gradient: Value, moments: Moments, step: Value, rate: Value,
    *, momentum: float, nesterov: bool, decay: float,
):  # fmt: skip
    gradient = with_decay(build, weight, gradient, decay)
    if not momentum:
        return build.subtract(weight, build.multiply(gradient, rate)), {}
    velocity = build.add(build.multiply(moments["velocity"], momentum), gradient)
    ahead = build.add(gradient, build.multiply(velocity, momentum)) if nesterov else velocity
    return build.subtract(weight, build.multiply(ahead, rate)), {"velocity": velocity}


def reference(weight, gradient, moments, step, rate, *, momentum, nesterov, decay):
    d = gradient + decay * weight
    b = momentum * moments.get("velocity", 0) + d
    direction = d + momentum * b if nesterov else b
    return weight - rate * direction, {"velocity": b} if momentum else {}


OPTIMIZER = Optimizer(
    "sgd", 0.01, (("momentum", 0.0), ("nesterov", False), ("decay", 0.0)),
    moments, update, reference,
)  # fmt: skip
