"""A net that leaves the length of a sequence open runs on any."""

import numpy as np
import pytest

import netc
from netc.compiler.diagnostics import NetError
from netc.sizes import fitted

PROGRAM = """\
net reader(x: f32[N, T, 5]) {
    return x -> lstm(6) -> dense(3)
}

train {
    take x: f32[N, 7, 5] from feed
    z = reader(x)
    minimize mean(z * z) with adam(lr=0.01)
    batch 4
}
"""


def test_a_net_runs_on_sequences_of_another_length(in_folder):
    (in_folder / "reader.net").write_text(PROGRAM)
    program = netc.compile("reader.net")
    session = program.start(seed=1)
    x = np.random.default_rng(0).normal(size=(3, 19, 5)).astype(np.float32)
    session.step(x=x[:1].repeat(4, 0)[:, :7])
    short, same = x[:, :7], {"x": x[:, :7]}
    assert fitted(session, program, "reader", same) is session
    expected = session.run("reader", x=short)
    longer = fitted(session, program, "reader", {"x": x})
    found = longer.run("reader", x=x)
    assert found.shape == (3, 19, 3)
    np.testing.assert_allclose(found[:, :7], expected, rtol=1e-6)


def test_inputs_that_no_length_makes_fit_are_refused(in_folder):
    (in_folder / "reader.net").write_text(PROGRAM)
    program = netc.compile("reader.net")
    session = program.start(seed=1)
    wrong = {"x": np.zeros((3, 7, 4), np.float32)}
    with pytest.raises(NetError) as caught:
        fitted(session, program, "reader", wrong).run("reader", **wrong)
    assert caught.value.diagnostics[0].code == "E0521"
