"""What keeps the gradients of f16 in its range: a loss that is scaled up, by as much as goes well.

A small gradient would vanish in f16. The loss is multiplied by a power of two, and so is every
gradient on its way; at the end it is divided out. Where a gradient is not finite nothing moves in
that step, and the scale halves; after many steps without it doubles.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Node, Role, Update, Value
from netc.compiler.ir.tensor import TensorType
from netc.compiler.passes.gradients import add_gradients

SCALAR = TensorType("f32", ())
FIRST, LEAST, GREATEST = 2.0**16, 1.0, 2.0**24
PATIENCE = 2000  # steps that must go well before the scale doubles
LARGEST = 3.4028234663852886e38  # of f32


@dataclass(frozen=True)
class LossScale:
    """Two numbers that last: the scale, and how many steps in a row went well with it."""

    scale: Value
    good_steps: Value


def add_loss_scale(build: Builder) -> LossScale:
    """The inputs `loss_scale`, which starts at FIRST, and `loss_scale.good_steps`."""
    scale = build.input("loss_scale", SCALAR, Role.MOMENT)
    return LossScale(scale, build.input("loss_scale.good_steps", SCALAR, Role.MOMENT))


def add_scaled_gradients(
    build: Builder, loss: Value, wanted: tuple[Value, ...], nodes: Iterable[Node], scale: Value
) -> dict[str, Value]:
    """As `add_gradients`, by way of the scaled loss."""
    with build.at(replace(build.origin, phase="backward")):
        scaled = build.multiply(loss, scale)
        gradients = add_gradients(build, scaled, wanted, (*nodes, build.nodes[-1]))
        back = build.divide(1.0, scale)
        return {name: build.multiply(gradient, back) for name, gradient in gradients.items()}


def are_finite(build: Builder, gradients: tuple[Value, ...]) -> Value:
    """One bool: whether every element of every gradient is a finite number."""
    greatest = build.number(0.0, SCALAR)
    for gradient in gradients:
        axes = tuple(range(len(gradient.type.shape)))
        greatest = build.maximum(greatest, build.max(build.absolute(gradient), axes=axes))
    return build.less_equal(greatest, LARGEST)  # NaN is not


def next_scale(build: Builder, state: LossScale, finite: Value) -> tuple[Update, ...]:
    """Half the scale where gradients were not finite, twice of it after PATIENCE good steps."""
    good = build.where(finite, build.add(state.good_steps, 1.0), 0.0)
    has_patience = build.greater_equal(good, float(PATIENCE))
    doubled = build.minimum(build.multiply(state.scale, 2.0), GREATEST)
    halved = build.maximum(build.multiply(state.scale, 0.5), LEAST)
    kept = build.where(has_patience, doubled, state.scale)
    return (
        Update(state.scale, build.where(finite, kept, halved)),
        Update(state.good_steps, build.where(has_patience, 0.0, good)),
    )
