"""What a user sees of an error, character by character."""

import json

import pytest

from netc.compiler.diagnostics import (
    Diagnostic,
    Label,
    NetError,
    Source,
    Span,
    as_json,
    nearest,
    render,
    render_all,
    visible,
)

TEXT = "\n" * 5 + "net f(x: f32[N, 8]) {\n    return sum(x) -> dense(10)\n}\n"
SOURCE = Source("mnist.net", TEXT)


def place(line: int, column: int, length: int, source: Source = SOURCE) -> Span:
    return Span(source, line, column, line, column + length)


SCALAR = Diagnostic(
    "E0203",
    "dense expects [N, ..., C] but got a scalar",
    place(7, 12, 6),
    "f32[]: every axis was summed here",
    helps=("name the axes to sum: sum(x, axis=-1)",),
)


def test_a_diagnostic_looks_as_designed():
    assert (
        render(SCALAR)
        == """\
error[E0203]: dense expects [N, ..., C] but got a scalar
 --> mnist.net:7:12
  |
7 |     return sum(x) -> dense(10)
  |            ^^^^^^ f32[]: every axis was summed here
  = help: name the axes to sum: sum(x, axis=-1)"""
    )


def test_other_places_are_underlined_and_notes_follow():
    diagnostic = Diagnostic(
        "E0204",
        "C is 8 and 10",
        place(7, 22, 9),
        "10 here",
        secondary=(Label(place(6, 10, 9), "8 here"), Label(place(1, 1, 1), "far")),
        notes=("shapes so far: [N, 8] -> []",),
        helps=("write 8",),
    )
    assert (
        render(diagnostic)
        == """\
error[E0204]: C is 8 and 10
 --> mnist.net:7:22
  |
1 |
  | - far
...
6 | net f(x: f32[N, 8]) {
  |          --------- 8 here
7 |     return sum(x) -> dense(10)
  |                      ^^^^^^^^^ 10 here
  = note: shapes so far: [N, 8] -> []
  = help: write 8"""
    )


def test_a_label_in_another_file_names_that_file():
    other = Source("blocks.net", "block g(x: [N, C]) {\n}\n")
    secondary = (Label(place(1, 12, 6, other), "asked here"),)
    diagnostic = Diagnostic("E0203", "wrong", place(7, 12, 6), "this", secondary)
    assert render(diagnostic).splitlines()[5:] == [
        " ::: blocks.net:1:12",
        "  |",
        "1 | block g(x: [N, C]) {",
        "  |            ------ asked here",
    ]


def test_a_diagnostic_without_a_place_renders():
    diagnostic = Diagnostic("E0501", "data/mnist: no such folder", notes=("a",), helps=("b",))
    assert render(diagnostic) == (
        "error[E0501]: data/mnist: no such folder\n  = note: a\n  = help: b"
    )


def test_line_numbers_align_with_the_widest():
    source = Source("a.net", "x\n" * 120)
    secondary = (Label(place(100, 1, 1, source), "there"),)
    lines = render(Diagnostic("E0101", "m", place(9, 1, 1, source), "", secondary)).splitlines()
    assert lines[1] == "   --> a.net:9:1"
    assert lines[2:5] == ["    |", "  9 | x", "    | ^"]
    assert lines[6] == "100 | x"


def test_hidden_characters_are_escaped_and_tabs_are_four_spaces():
    source = Source("a\x1b.net", "\ta\u202e\x1b[2Jb = é\n")
    lines = render(Diagnostic("E0115", "hid\x00den", place(1, 3, 1, source))).splitlines()
    assert lines[0] == "error[E0115]: hid\\u{0}den"
    assert lines[1] == " --> a\\u{1b}.net:1:3"
    assert lines[3] == "1 |     a\\u{202e}\\u{1b}[2Jb = é"
    assert lines[4] == "  |      ^^^^^^^^"
    assert visible("a\u2028b\ud800") == "a\\u{2028}b\\u{d800}"


def test_a_span_over_several_lines_is_marked_to_the_end_of_its_first():
    span = Span(SOURCE, 6, 21, 8, 2)
    assert render(Diagnostic("E0101", "m", span)).splitlines()[-1] == "  |" + " " * 21 + "^"


def test_a_very_long_line_is_cut_around_the_place():
    source = Source("a.net", "a" * 5000 + "b" + "c" * 5000)
    lines = render(Diagnostic("E0101", "m", place(1, 5001, 1, source))).splitlines()
    assert len(lines[3]) < 200
    assert lines[3][lines[4].index("^")] == "b"


def test_several_errors_end_with_their_count():
    assert render_all([SCALAR]) == render(SCALAR)
    assert render_all([SCALAR, SCALAR]) == f"{render(SCALAR)}\n\n{render(SCALAR)}\n\n2 errors"
    warning = Diagnostic("E0101", "m", severity="warning")
    assert render(warning) == "warning[E0101]: m"
    assert not render_all([SCALAR, warning]).endswith("errors")


def test_colours_change_nothing_but_the_colours():
    coloured = render(SCALAR, color=True)
    assert "\x1b[1;31merror[E0203]\x1b[0m" in coloured
    plain = coloured
    for escape in ("1;31", "1;34", "1;32", "1", "0"):
        plain = plain.replace(f"\x1b[{escape}m", "")
    assert plain == render(SCALAR)


def test_json_holds_everything():
    found = json.loads(json.dumps(as_json(SCALAR)))
    assert found["code"] == "E0203" and found["severity"] == "error"
    assert found["span"] == {
        "file": "mnist.net", "line": 7, "column": 12, "end_line": 7, "end_column": 18,
    }  # fmt: skip
    assert found["helps"] == ["name the axes to sum: sum(x, axis=-1)"]
    assert as_json(Diagnostic("E0501", "m"))["span"] is None


def test_columns_count_code_points():
    source = Source("a.net", '"😀é" x')
    lines = render(Diagnostic("E0101", "m", place(1, 6, 1, source))).splitlines()
    assert source.line(1)[5] == "x" and lines[4].index("^") == lines[3].index("x")


@pytest.mark.parametrize(
    "name, meant", [("dens", "dense"), ("relu6", "relu"), ("xyz", None), ("", None)]
)
def test_the_nearest_name_is_suggested(name, meant):
    assert nearest(name, ("dense", "relu", "conv2d")) == meant


def test_a_net_error_says_its_messages_and_its_exit_code():
    error = NetError(SCALAR, exit_code=4)
    assert error.diagnostics == (SCALAR,) and error.exit_code == 4
    assert str(error) == "E0203: dense expects [N, ..., C] but got a scalar"
    assert NetError(SCALAR).exit_code == 1
