"""Every faulty program of golden/ against the text that a user gets for it."""

import re
from pathlib import Path

import pytest

from netc.compiler.diagnostics import NetError, render_all
from netc.compiler.syntax.parse import parse, read_source

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.stem for path in GOLDEN.glob("*.net"))


def errors_of(path: Path, monkeypatch):
    monkeypatch.chdir(path.parent)
    with pytest.raises(NetError) as caught:
        parse(read_source(path.name))
    return caught.value.diagnostics


@pytest.mark.parametrize("case", CASES)
def test_a_faulty_program_gets_its_golden_text(case, golden, monkeypatch):
    diagnostics = errors_of(GOLDEN / f"{case}.net", monkeypatch)
    golden(GOLDEN / f"{case}.txt", render_all(diagnostics) + "\n")


def test_the_golden_files_cover_every_way_to_go_wrong():
    assert len(CASES) >= 40
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(CASES)


@pytest.mark.parametrize(
    "case, lines",
    [
        ("errors_in_two_nets", [2, 8]),
        ("malformed_numbers", [1, 2, 3, 4]),
        ("statement_without_name", [2, 3, 4]),
        ("nothing_after_equals", [1, 3]),
        ("minimize_without_optimizer", [3]),
    ],
)
def test_errors_are_reported_together_and_without_cascades(case, lines, monkeypatch):
    diagnostics = errors_of(GOLDEN / f"{case}.net", monkeypatch)
    assert [diagnostic.span.line for diagnostic in diagnostics] == lines


def test_messages_follow_the_house_rules(monkeypatch):
    for case in CASES:
        for diagnostic in errors_of(GOLDEN / f"{case}.net", monkeypatch):
            assert re.fullmatch(r"E01\d\d", diagnostic.code)
            assert not diagnostic.message.endswith((".", "!"))
            assert diagnostic.message[0] in "`" or not diagnostic.message[0].isupper()
