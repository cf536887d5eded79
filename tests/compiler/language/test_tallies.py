"""tally adds up over the batches of an evaluation, and nowhere else."""

import numpy as np

from netc.compiler.ir.graph import Role

TEXT = """\
net line(x: f32[N, 3]) {{ return x -> dense(1) }}
train {{
    take x: f32[N, 3] from feed
    minimize mean(line(x)) with sgd(lr=0.1)
    measure seen = {measure}
    batch 8
}}
"""


def tallies(graph) -> list:
    return [entry.value for entry in graph.inputs if entry.role is Role.TALLY]


def test_an_evaluation_keeps_what_a_measure_tallies(load, run_step):
    model = load(TEXT.format(measure="tally(sum(x > 0)) / tally(3 * N)"))
    evaluation = model.trace_evaluation(8)
    assert [str(value.type) for value in tallies(evaluation)] == ["i32[]", "i32[]"]
    assert {update.target for update in evaluation.updates} == set(tallies(evaluation))
    assert not tallies(model.trace_step(8).graph)
    x = np.random.default_rng(1).normal(size=(8, 3)).astype(np.float32)
    found = run_step(model, x=x).outputs["seen"]
    np.testing.assert_allclose(found, np.mean(x > 0), rtol=1e-6)


def test_a_measure_in_a_net_is_of_its_batch(load):
    text = "net right(x: f32[N, 3], y: i32[N]) { return perplexity(x, y) }"
    assert not tallies(load(text).trace_net("right", 4))


def test_what_grows_with_the_batch_cannot_be_tallied(faults):
    (found,) = faults(TEXT.format(measure="sum(tally(x))"))
    assert found.code == "E0221" and "this is f32[N, 3]" in found.message
    assert found.helps == ("sum over the batch first: `tally(sum(x, axis=0))`",)
