"""Mistakes that people make, and what they are told: golden messages that were read with care."""

import tomllib
from pathlib import Path

import pytest

from netc.compiler.diagnostics import NetError, Source, render_all
from netc.compiler.language.model import load_model

HERE = Path(__file__).parent
PROGRAMS = HERE.parent / "programs"
MISTAKES = tomllib.loads((HERE / "mistakes.toml").read_text())


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_as_its_author_would_want(name, golden):
    mistake = MISTAKES[name]
    path = PROGRAMS / f"{mistake['program']}.net"
    right = path.read_text()
    assert mistake["old"] in right
    wrong = right.replace(mistake["old"], mistake["new"])
    golden(HERE / "golden" / f"{name}.txt", f"{told(path, wrong, mistake.get('train'))}\n")


def told(path: Path, text: str, train: str | None) -> str:
    """What netc says of a program, by its file's name alone."""
    try:
        found = load_model(Source(str(path), text), train=train).warnings
    except NetError as error:
        found = error.diagnostics
    assert found, "it is not told of at all"
    return render_all(found).replace(f"{PROGRAMS}/", "")


def test_every_golden_message_belongs_to_a_mistake():
    assert {path.stem for path in (HERE / "golden").iterdir()} == set(MISTAKES)
    assert len(MISTAKES) >= 20


def test_the_right_programs_have_no_warnings():
    paths = sorted(PROGRAMS.glob("*.net"))
    assert len(paths) >= 10
    for path in paths:
        train = "deep" if path.stem == "recommend" else None
        assert load_model(Source(str(path), path.read_text()), train=train).warnings == ()
