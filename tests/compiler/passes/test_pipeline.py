"""The whole list of passes, on a training step of a convolutional net and on random graphs."""

from dataclasses import replace

import numpy as np
import pytest

from netc.compiler.interpret import interpret
from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Output, Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ir.verify import InternalError
from netc.compiler.ops.table import OPS
from netc.compiler.passes.parts import SplitFacts
from netc.compiler.passes.pipeline import optimize
from netc.compiler.passes.train import Objective, add_training
from netc.compiler.schedules import Rate

FACTS = SplitFacts(minimum_tasks=16, minimum_depth=4, tile_rows=4, tile_columns=4)


def f32(*shape: int) -> TensorType:
    return TensorType("f32", shape)


def training_step() -> Graph:
    """Bytes / 256 -> conv2d -> relu -> max pool -> dense -> cross entropy; adam, clipped."""
    build = Builder(OPS)
    image = build.input("image", TensorType("u8", (4, 8, 8, 2)), Role.FIELD)
    label = build.input("label", TensorType("i32", (4,)), Role.FIELD)
    kernel = build.input("conv.kernel", f32(3, 3, 2, 5), Role.WEIGHT)
    dense = build.input("dense.kernel", f32(45, 3), Role.WEIGHT)
    bias = build.input("dense.bias", f32(3), Role.WEIGHT)
    geometry = {"stride": (1, 1), "pad": ((0, 0), (0, 0)), "dilation": (1, 1)}
    pixels = build.divide(build.cast(image, dtype="f32"), 256.0)
    features = build.relu(build.conv2d(pixels, kernel, **geometry))
    windows = build.windows(
        features, size=(2, 2), fill=float("-inf"), **(geometry | {"stride": (2, 2)})
    )
    flat = build.reshape(build.max(windows, axes=(3, 4)), shape=(4, 45))
    logits = build.add(build.matmul(flat, dense), bias)
    top = build.stop_gradient(build.reshape(build.max(logits, axes=(1,)), shape=(4, 1)))
    shifted = build.subtract(logits, top)
    total = build.sum(build.exp(shifted), axes=(1,))
    wide = build.broadcast(build.reshape(label, shape=(4, 1)), shape=(4, 3))
    hot = build.equal(build.iota(axis=1, shape=(4, 3)), wide)
    chosen = build.sum(build.where(hot, shifted, 0), axes=(1,))
    loss = build.divide(build.sum(build.subtract(build.log(total), chosen), axes=(0,)), 4.0)
    graph = build.graph("net", (Output("loss", loss),))
    weights, rate = (kernel, dense, bias), Rate("cosine", (("peak", 0.01), ("warmup", 2)))
    return add_training(graph, (Objective(loss, "adam", (), rate, weights),), 1.0, OPS)


def step_inputs(graph: Graph) -> dict[str, np.ndarray]:
    random = np.random.default_rng(5)
    inputs = {
        entry.value.name: random.normal(size=entry.value.type.shape) ** 2 for entry in graph.inputs
    }
    return inputs | {
        "image": random.integers(0, 256, (4, 8, 8, 2)), "label": [0, 2, 1, 1],
        "step": 3, "total": 10,
    }  # fmt: skip


def test_a_training_step_keeps_its_results_through_every_pass():
    graph, seen = training_step(), []
    inputs = step_inputs(graph)
    expected = interpret(graph, inputs)

    def watch(name: str, now: Graph) -> None:
        seen.append(name)
        found = interpret(now, inputs)
        assert found.keys() == expected.keys()
        for key in expected:
            # folded constants are rounded to f32, as they are where the step runs
            np.testing.assert_allclose(found[key], expected[key], rtol=1e-6, err_msg=name)

    after = optimize(graph, OPS, FACTS, watch)
    assert len(seen) == len(set(seen)) == 18
    assert len(after.nodes) < len(graph.nodes)


def test_the_kernel_gradient_is_cut_and_the_images_have_none():
    after = optimize(training_step(), OPS, FACTS, lambda name, graph: None)
    ops = [node.op for node in after.nodes]
    assert "conv2d_image_gradient" not in ops
    gradients = [node for node in after.nodes if node.op == "conv2d_kernel_gradient"]
    assert [node.named["parts"] for node in gradients] == [2]


def test_a_graph_that_breaks_the_rules_is_stopped_before_any_pass():
    graph = training_step()
    backwards = replace(graph, nodes=graph.nodes[::-1])
    with pytest.raises(InternalError, match="used before it is made"):
        optimize(backwards, OPS, FACTS, lambda name, graph: None)


def test_optimizing_twice_gives_the_same_graph():
    first, second = (
        optimize(training_step(), OPS, FACTS, lambda name, graph: None) for _ in range(2)
    )
    assert first == second


def random_graph(random: np.random.Generator) -> Graph:
    """A dozen exact ops on what is at hand, with the constants that rules look for among it."""
    build = Builder(OPS)
    pool = [build.input(name, f32(2, 4), Role.FIELD) for name in "ab"]
    pool += [build.number(number, f32(2, 4)) for number in (0.0, 1.0, 2.0, 0.5, -1.0)]

    def pick():
        return pool[random.integers(len(pool))]

    def as_is(value):
        return build.reshape(value, shape=(2, 4))

    steps = (
        lambda: build.add(pick(), pick()),
        lambda: build.subtract(pick(), pick()),
        lambda: build.multiply(pick(), pick()),
        lambda: build.maximum(pick(), pick()),
        lambda: build.divide(pick(), build.number(random.choice((1.0, 2.0, 0.25)), f32(2, 4))),
        lambda: build.power(pick(), float(random.choice((1, 2)))),
        lambda: build.negate(pick()),
        lambda: build.where(build.less(pick(), pick()), pick(), pick()),
        lambda: build.cast(pick(), dtype="f32"),
        lambda: as_is(build.transpose(build.reshape(pick(), shape=(2, 1, 4)), axes=(1, 0, 2))),
        lambda: as_is(build.transpose(build.transpose(pick(), axes=(1, 0)), axes=(1, 0))),
        lambda: build.broadcast_to(build.sum(pick(), axes=(0,)), (2, 4)),
        lambda: build.broadcast_to(build.max(pick(), axes=(0, 1)), (2, 4)),
        lambda: build.matmul(build.reshape(pick(), shape=(2, 4)), build.number(1.0, f32(4, 4))),
    )
    for _ in range(12):
        pool.append(steps[random.integers(len(steps))]())
    outputs = tuple(Output(f"out_{number}", value) for number, value in enumerate(pool[-4:]))
    return build.graph("random", outputs)


@pytest.mark.parametrize("seed", range(60))
def test_random_graphs_keep_their_results(same_results, seed):
    graph = random_graph(np.random.default_rng(seed))
    facts = SplitFacts(minimum_tasks=4, minimum_depth=1, tile_rows=2, tile_columns=4)
    after = optimize(graph, OPS, facts, lambda name, graph: None)
    same_results(graph, after, special=seed % 2 == 0)
