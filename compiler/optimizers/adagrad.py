"""adagrad: the gradient over the root of the sum of all its squares so far.

Duchi, Hazan and Singer, 2011. `slowing` is PyTorch's lr_decay: the rate is divided by
1 + slowing * the steps before this one.
"""

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Value
from netc.compiler.optimizers.optimizer import Moments, Optimizer, with_decay

PARAMETERS = (("eps", 1e-10), ("slowing", 0.0), ("decay", 0.0))


def moments(**_) -> tuple[str, ...]:
    return ("squares",)


def update(
    build: Builder, weight: Value, gradient: Value, moments: Moments, step: Value, rate: Value,
    *, eps: float, slowing: float, decay: float,
):  # fmt: skip
    gradient = with_decay(build, weight, gradient, decay)
    squares = build.add(moments["squares"], build.multiply(gradient, gradient))
    if slowing:
        past = build.multiply(build.subtract(step, 1.0), slowing)
        rate = build.divide(rate, build.add(past, 1.0))
    change = build.divide(gradient, build.add(build.sqrt(squares), eps))
    return build.subtract(weight, build.multiply(change, rate)), {"squares": squares}


def reference(weight, gradient, moments, step, rate, *, eps, slowing, decay):
    g = gradient + decay * weight
    total = moments["squares"] + g**2
    slower = rate / (1 + (step - 1) * slowing)
    return weight - slower * g / (total**0.5 + eps), {"squares": total}


OPTIMIZER = Optimizer("adagrad", 0.01, PARAMETERS, moments, update, reference)
