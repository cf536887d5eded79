"""Every optimizer's IR against its NumPy reference, over several steps; the references by hand."""

import numpy as np
import pytest

from netc.compiler.interpret import interpret
from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ir.verify import verify
from netc.compiler.ops.table import OPS
from netc.compiler.optimizers.table import OPTIMIZERS

CASES = {
    "adagrad": ({}, {"slowing": 0.5}, {"eps": 0.1, "decay": 0.3}),
    "sgd": (
        {}, {"decay": 0.1}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True, "decay": 0.01},
    ),
    "adam": ({}, {"beta1": 0.5, "beta2": 0.9}, {"beta1": 0.0}, {"eps": 0.1, "decay": 0.3}),
    "adamw": ({}, {"decay": 0.0}, {"beta1": 0.5, "eps": 1e-3, "decay": 0.5}),
    "lamb": ({}, {"decay": 0.0, "beta1": 0.5}, {"decay": 0.5, "eps": 0.1, "beta2": 0.9}),
    "lion": ({}, {"decay": 0.3}, {"beta1": 0.5, "beta2": 0.75}),
    "muon": ({}, {"momentum": 0.5, "decay": 0.3}),
    "rmsprop": ({}, {"smoothing": 0.5, "eps": 0.1}, {"momentum": 0.9, "decay": 0.2}),
}  # fmt: skip
SHAPE = (2, 3)


def test_every_optimizer_has_cases():
    assert CASES.keys() == OPTIMIZERS.keys()


def one_update(name: str, parameters: dict, shape: tuple[int, ...] = SHAPE) -> Graph:
    """One update as a graph; outputs "weight" and the moments by name."""
    optimizer, build = OPTIMIZERS[name], Builder(OPS)
    scalar, tensor = TensorType("f32", ()), TensorType("f32", shape)
    weight, gradient = (build.input(each, tensor, Role.FIELD) for each in ("weight", "gradient"))
    step, rate = (build.input(each, scalar, Role.FIELD) for each in ("step", "rate"))
    moments = {
        each: build.input(each, tensor, Role.MOMENT)
        for each in optimizer.moments(rank=len(shape), **parameters)
    }
    new, after = optimizer.update(build, weight, gradient, moments, step, rate, **parameters)
    named = {"weight": new, **after}
    return build.graph(name, tuple(Output(key, value) for key, value in named.items()))


@pytest.mark.parametrize("shape", [SHAPE, (4,), (3, 1, 2, 4)], ids=str)
@pytest.mark.parametrize(
    ("name", "given"), [(name, given) for name, cases in CASES.items() for given in cases]
)
def test_four_updates_agree_with_the_reference(name, given, shape):
    optimizer = OPTIMIZERS[name]
    parameters = optimizer.filled(tuple(given.items()))
    graph = one_update(name, parameters, shape)
    verify(graph, OPS)
    random = np.random.default_rng(7)
    weight = random.normal(size=shape)
    names = optimizer.moments(rank=len(shape), **parameters)
    moments = {each: np.zeros(shape) for each in names}
    state = {"weight": weight, **moments}
    for step in range(1, 5):
        gradient, rate = random.normal(size=shape), 0.1 / step
        expected, moments = optimizer.reference(weight, gradient, moments, step, rate, **parameters)
        state = interpret(graph, state | {"gradient": gradient, "step": step, "rate": rate})
        assert state.keys() == {"weight", *moments}
        np.testing.assert_allclose(state["weight"], expected, rtol=1e-12)
        for each in moments:
            np.testing.assert_allclose(state[each], moments[each], rtol=1e-12)
        weight = expected


def test_the_first_step_of_adam_is_the_rate_whatever_the_size_of_the_gradient():
    adam = OPTIMIZERS["adam"]
    zero = {"mean": 0.0, "square": 0.0}
    for gradient in (1e-3, -5.0, 1e4):
        moved, _ = adam.reference(1.0, gradient, zero, 1, 0.01, **adam.filled(()))
        np.testing.assert_allclose(moved, 1.0 - 0.01 * np.sign(gradient), rtol=1e-6)


def test_nesterov_momentum_by_hand():
    sgd = OPTIMIZERS["sgd"]
    parameters = sgd.filled((("momentum", 0.5), ("nesterov", True), ("decay", 0.0)))
    weight, moments = sgd.reference(1.0, 2.0, {"velocity": 0.0}, 1, 0.1, **parameters)
    assert (weight, moments) == (1.0 - 0.1 * (2.0 + 0.5 * 2.0), {"velocity": 2.0})
    weight, moments = sgd.reference(weight, 4.0, moments, 2, 0.1, **parameters)
    assert moments == {"velocity": 5.0}
    assert weight == pytest.approx(0.7 - 0.1 * (4.0 + 0.5 * 5.0), rel=1e-12)


def test_sgd_without_momentum_keeps_no_moments():
    sgd = OPTIMIZERS["sgd"]
    assert sgd.moments(rank=2, **sgd.filled(())) == ()
    assert sgd.moments(rank=2, **sgd.filled((("momentum", 0.9),))) == ("velocity",)


def test_what_is_the_same_for_every_element_is_computed_once():
    graph = one_update("adam", OPTIMIZERS["adam"].filled(()))
    assert {node.output.type.shape for node in graph.nodes if node.op == "power"} == {()}


def test_an_unknown_parameter_is_refused():
    with pytest.raises(KeyError, match="adam has no parameter beta3"):
        OPTIMIZERS["adam"].filled((("beta3", 0.5),))


def test_lamb_takes_adams_step_for_a_weight_of_zero():
    parameters = OPTIMIZERS["lamb"].filled(())
    start = {"weight": np.zeros(SHAPE), "mean": np.zeros(SHAPE), "square": np.zeros(SHAPE)}
    gradient = np.full(SHAPE, 3.0)
    after = interpret(
        one_update("lamb", parameters), start | {"gradient": gradient, "step": 1, "rate": 0.01}
    )
    np.testing.assert_allclose(after["weight"], -0.01, rtol=1e-6)


def test_lion_moves_every_element_by_the_rate_and_none_without_a_gradient():
    lion = OPTIMIZERS["lion"]
    gradient = np.array([1e-6, -1e6, 0.0])
    zero = {"momentum": np.zeros(3)}
    moved, _ = lion.reference(np.ones(3), gradient, zero, 1, 0.1, **lion.filled(()))
    assert moved.tolist() == [0.9, 1.1, 1.0]


def test_muon_moves_every_direction_of_a_matrix_alike():
    """Gradients whose singular values are 1 and 0.02 apart give steps whose are within a third."""
    muon = OPTIMIZERS["muon"]
    u, _, v = np.linalg.svd(np.random.default_rng(0).normal(size=(6, 4)), full_matrices=False)
    gradient = u @ np.diag([1.0, 0.5, 0.1, 0.02]) @ v
    start = {"velocity": np.zeros((6, 4))}
    parameters = muon.filled((("decay", 0.0),))
    moved, _ = muon.reference(np.zeros((6, 4)), gradient, start, 1, 1.0, **parameters)
    sizes = np.linalg.svd(-moved, compute_uv=False) / (0.2 * 6**0.5)
    assert sizes.min() > 0.66 and sizes.max() < 1.34
