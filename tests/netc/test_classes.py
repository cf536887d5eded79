"""Words in a column of a table are classes: numbered by name, kept, and printed as words again."""

import json

import numpy as np
import pytest

import netc
from netc.compiler.diagnostics import NetError
from netc.runtime.data.classes import named, renumbered
from netc.runtime.data.csv import read_csv

PROGRAM = """\
net judge(x: f32[N, 2]) {
    return x -> dense(8) -> tanh -> dense(3)
}

train {
    take a: f32[N], b: f32[N], kind: i32[N] from csv("shapes.csv")
    logits = judge(stack([a, b], axis=-1))
    minimize cross_entropy(logits, kind) with adam(lr=0.05)
    measure accuracy(logits, kind)
    batch 10
    epochs 20
}
"""
KINDS = ("round", "Square", "été")  # in the order in which they come; sorted, Square is first
CENTRES = {"round": (0, 2), "Square": (2, -1), "été": (-2, -1)}


def table(kinds, count: int) -> str:
    random = np.random.default_rng(count)
    lines = ["a,kind,b"]
    for number in range(count):
        kind = kinds[number % len(kinds)]
        a, b = CENTRES[kind] + 0.3 * random.normal(size=2)
        lines.append(f"{a:.4f}, {kind} ,{b:.4f}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def trained(in_folder):
    (in_folder / "shapes.csv").write_text(table(KINDS, 90), "utf-8")
    (in_folder / "shapes.net").write_text(PROGRAM)
    return netc.train("shapes.net", seed=1, quiet=True)


def test_words_are_learned_and_printed_as_words(trained, netc, in_folder):
    assert trained.metrics["accuracy"] >= 0.98
    x = np.array([CENTRES[kind] for kind in ("été", "round", "Square", "round")], np.float32)
    np.savez(in_folder / "x.npz", x=x)
    told = netc("run", "--inputs", "x.npz").out
    assert "output as classes: été, round, Square, round" in told
    found = json.loads(netc("run", "--inputs", "x.npz", "--json").out)
    assert found["classes"] == {"output": ["été", "round", "Square", "round"]}
    assert np.shape(found["output"]) == (4, 3)


def test_other_data_gets_the_numbers_of_training(trained, netc, in_folder):
    (in_folder / "some.csv").write_text(table(("été", "round"), 20), "utf-8")
    told = json.loads(netc("eval", "--data", "some.csv", "--json").out)
    assert told["samples"] == 20 and told["accuracy"] >= 0.98
    assert trained.session.evaluate(in_folder / "some.csv")["accuracy"] >= 0.98
    (in_folder / "other.csv").write_text("a,b,kind\n1,2,rund\n", "utf-8")
    with pytest.raises(NetError) as caught:
        trained.session.evaluate(in_folder / "other.csv")
    (problem,) = caught.value.diagnostics
    assert problem.code == "E0505" and problem.helps == ("did you mean `round`?",)


@pytest.mark.parametrize("text, line", [
    ("a\nyes\n1\n", 3), ("a\nyes\n\"\"\n", 3), ("a\nnan\nyes\n", 2), ("a\n1\nyes\n", 3),
])  # fmt: skip
def test_a_column_has_names_or_numbers(tmp_path, text, line):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(NetError) as caught:
        read_csv(tmp_path / "t.csv")
    assert f"line {line}, column `a`" in caught.value.diagnostics[0].message


def test_names_are_no_fractions(in_folder):
    (in_folder / "shapes.csv").write_text("a,b,kind\n1,no,x\n")
    (in_folder / "shapes.net").write_text(PROGRAM)
    with pytest.raises(NetError) as caught:
        netc.train("shapes.net", quiet=True)
    assert "`b` holds names of classes" in caught.value.diagnostics[0].message


def test_two_files_of_names_have_the_numbers_of_the_first(tmp_path):
    (tmp_path / "a.csv").write_text("k\nb\na\nc\n")
    (tmp_path / "b.csv").write_text("k\nc\nb\n")
    first, second = (read_csv(tmp_path / name) for name in ("a.csv", "b.csv"))
    assert first.train["k"].tolist() == [1, 0, 2] and second.train["k"].tolist() == [1, 0]
    assert renumbered(second, first.classes, "b").train["k"].tolist() == [2, 1]


def test_only_outputs_that_can_be_classes_are_named():
    classes = (("k", ("no", "yes")),)
    scores, places = np.float32([[1, 2], [3, 0]]), np.array([1, 0], np.int32)
    outputs = {"a": scores, "b": places, "c": scores.T[:1], "d": np.float32([[1, 2, 3]])}
    assert named(classes, outputs) == {"a": ["yes", "no"], "b": ["yes", "no"], "c": ["yes"]}
    assert named((*classes, ("m", ("x", "y"))), outputs) == {} == named((), outputs)
