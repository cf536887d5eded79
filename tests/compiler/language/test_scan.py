"""`scan` in the language: what it means, how it differentiates, what it refuses."""

import re
import time

import numpy as np
import pytest

from netc.compiler.diagnostics import Source
from netc.compiler.differences import slopes
from netc.compiler.functions import SPLITS
from netc.compiler.interpret import interpret
from netc.compiler.language.model import load_model
from netc.compiler.ops.table import OPS
from netc.compiler.passes.pipeline import optimize
from netc.compiler.passes.train import add_gradient_outputs

CELL = """\
block cell(x: [N, T, C], units) {
    layer gates = dense(2 * units)
    h = zeros(N, units)
    count = ones(N, units)
    BODY
    return concat(hs, others, axis=-1), h * count
}

net reader(x: f32[N, T, 3]) {
    states, last = x -> cell(4)
    return states * states -> dense(2), last
}

train {
    take x: f32[N, 5, 3] from feed
    y, last = reader(x)
    minimize mean(y * y) + mean(sin(last)) with sgd(lr=0.1)
    batch 2
}
"""
SCANNED = """hs, others = scan xt in x, other in x * 2 along 1 REVERSE carry h, count {
        a, b = concat(xt, h) -> gates -> split(2)
        h = tanh(a) * sigmoid(b) + 0.1 * h + mean(other)
        count = count * 0.9 + relu(b)
        yield h, other * mean(h)
    }"""
UNROLLED = """hs = zeros(N, 0 + 1, units)[:, :0 + 1]
    all = []
    rest = []
    for i in ORDER {
        xt = x[:, i]
        other = 2 * x[:, i]
        a, b = concat(xt, h) -> gates -> split(2)
        h = tanh(a) * sigmoid(b) + 0.1 * h + mean(other)
        count = count * 0.9 + relu(b)
        all = JOIN
        rest = RESTJOIN
    }
    hs = stack(all, axis=1)
    others = stack(rest, axis=1)"""


def scanned(reverse: bool) -> str:
    return CELL.replace("BODY", SCANNED.replace("REVERSE", "reverse" * reverse))


def unrolled(reverse: bool) -> str:
    joined = ("[h] + all", "[other * mean(h)] + rest")
    if not reverse:
        joined = ("all + [h]", "rest + [other * mean(h)]")
    body = UNROLLED.replace("ORDER", "[4, 3, 2, 1, 0]" if reverse else "0..5")
    return CELL.replace("BODY", body.replace("RESTJOIN", joined[1]).replace("JOIN", joined[0]))


def gradients(text: str):
    """The gradient graph through all passes, with the loss's graph before them."""
    step = load_model(Source("test.net", text)).trace_step(2)
    graph = add_gradient_outputs(step.graph, step.objectives, OPS)
    return step, optimize(graph, OPS, SPLITS["cpu"], lambda name, graph: None)


def made_up(graph, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {e.value.name: random.normal(size=e.value.type.shape) for e in graph.inputs}


@pytest.mark.parametrize("reverse", [False, True])
def test_a_scan_and_the_same_steps_unrolled_have_equal_values_and_gradients(reverse):
    _, short = gradients(scanned(reverse))
    _, long = gradients(unrolled(reverse))
    values = made_up(long)
    found, expected = interpret(short, values), interpret(long, values)
    assert found.keys() == expected.keys() and len(found) > 4
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("reverse", [False, True])
def test_gradients_of_a_scan_are_its_slopes(reverse):
    step, graph = gradients(scanned(reverse))
    values = made_up(graph)
    found = interpret(graph, values)
    weights = [weight.name for weight in step.objectives[0].weights]
    random = np.random.default_rng(1)
    directions = {name: random.choice((-1.0, 1.0), found[name].shape) for name in weights}
    losses = {name: (step.objectives[0].loss,) for name in weights}
    expected = slopes(step.graph, losses, values, directions)
    for name in weights:
        assert (found[name] * directions[name]).sum() == pytest.approx(expected[name], rel=1e-5)


def test_a_longer_scan_takes_no_longer_to_compile():
    def compiled(steps: int) -> tuple[int, float]:
        start = time.process_time()
        _, graph = gradients(scanned(False).replace("f32[N, 5, 3]", f"f32[N, {steps}, 3]"))
        return len(list(graph.values())), time.process_time() - start

    (few, short), (many, long) = compiled(28), compiled(1000)
    assert many < 1.1 * few, "only sums are cut into more parts"
    assert long < 3 * short + 0.5


def test_random_numbers_differ_from_step_to_step(run_net):
    text = (
        "net f(x: f32[N, 6, 50]) {\n    h = zeros(N, 50)\n"
        "    return_value = scan row in x along 1 carry h {\n"
        "        h = h * 0 + row + random_uniform(N, 50)\n        yield h\n    }\n"
        "    return return_value\n}\n"
    )
    noise = run_net(text, x=np.zeros((2, 6, 50))).output
    steps = noise.transpose(1, 0, 2).reshape(6, -1)
    assert len({row.tobytes() for row in steps}) == 6 and 0.4 < noise.mean() < 0.6


HEAD = "net f(x: f32[N, 5, 8], z: f32[N, 4, 8]) {\n    h = zeros(N, 8)\n    k = zeros(N, 3)\n"


@pytest.mark.parametrize(
    ("scan", "code", "words"),
    [
        ("scan a in x along 1 carry h { h = h + a }", "E0324", "ends with `yield`"),
        ("scan a in x along 1 carry n { n = n + 1 yield a }", "E0301", "no `n`"),
        ("scan a in x, b in z along 1 { yield a + b }", "E0324", "one length, not 5 and 4"),
        ("scan a in x along 3 { yield a }", "E0208", "no axis 3"),
        ("scan a in x along 1 carry h { h = a[:, :2] yield h }", "E0324", "before a step"),
        ("scan a in x along 1 { k = a yield k }", "E0324", "has a value before the scan"),
        ("scan a in x along 1 { yield 3 }", "E0324", "yields tensors"),
        ("scan a in x along 1 { return a }", "E0316", "ends with `yield`"),
        ("scan a in 5 along 1 { yield a }", "E0324", "goes along tensors"),
        ("scan a in x along 1 { y = scan b in a along 1 { yield b } yield y }", "E0324", "other"),
    ],
)
def test_a_scan_that_cannot_run_says_why(faults, scan, code, words):
    found = faults(f"{HEAD}    y = {scan}\n    return y\n}}\n")
    assert [one.code for one in found][:1] == [code], found
    assert words in found[0].message


def test_a_scan_that_cannot_hold_another_holds_a_loop(faults):
    body = "{ c = zeros(N, 4) BODY h = h + c yield h }"
    text = """net f(x: f32[N, 3, 5, 2]) {
    layer first = dense(4)
    layer second = dense(4)
    h = zeros(N, 4)
    y = scan a in x along 1 carry h LOOP
    return y
}
""".replace("LOOP", body)
    inner = "ys = scan b in a along 1 carry c { c = tanh(first(b) + second(c)) yield c }"
    (found,) = faults(text.replace("BODY", inner))
    unrolled = re.search("`(for .*})`", found.helps[0]).group(1)
    model = load_model(Source("test.net", text.replace("BODY", unrolled)))
    assert sorted(one.name for one in model.weights)[0] == "f.first.bias"
