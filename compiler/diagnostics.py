"""Diagnostics: what is wrong, and where, in; the text or the JSON that a user reads, out."""

import difflib
import unicodedata
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Source:
    """A file's path, as the user wrote it, and its text."""

    path: str
    text: str

    @cached_property
    def lines(self) -> tuple[str, ...]:
        return tuple(line.removesuffix("\r") for line in self.text.split("\n"))

    def line(self, number: int) -> str:
        """Line `number`, counted from 1; empty past the end of the text."""
        return self.lines[number - 1] if number <= len(self.lines) else ""


@dataclass(frozen=True)
class Span:
    """A stretch of a source. Lines and columns count code points from 1; the end is exclusive."""

    source: Source
    line: int
    column: int
    end_line: int
    end_column: int

    def to(self, last: "Span") -> "Span":
        """From the start of this span to the end of `last`."""
        return Span(self.source, self.line, self.column, last.end_line, last.end_column)

    @property
    def text(self) -> str:
        """The first line of what the span covers."""
        line = self.source.line(self.line)
        return line[self.column - 1 : self.end_column - 1 if self.line == self.end_line else None]

    def __str__(self) -> str:
        return f"{self.source.path}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Label:
    """A remark about another place that matters."""

    span: Span
    text: str


@dataclass(frozen=True)
class Diagnostic:
    """One finding. Without a span it speaks of something that has no line: a file, the machine."""

    code: str
    message: str
    span: Span | None = None
    label: str = ""
    secondary: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    helps: tuple[str, ...] = ()
    severity: str = "error"


class NetError(Exception):
    """What a user did that netc cannot accept, and the exit code that it ends with."""

    def __init__(self, *diagnostics: Diagnostic, exit_code: int = 1):
        super().__init__("; ".join(f"{one.code}: {one.message}" for one in diagnostics))
        self.diagnostics = diagnostics
        self.exit_code = exit_code


def nearest(name: str, candidates) -> str | None:
    """The candidate that `name` was probably meant to be."""
    close = difflib.get_close_matches(name, list(candidates), n=1, cutoff=0.6)
    return close[0] if close else None


def visible(text: str) -> str:
    """Text as it may be shown: a tab is four spaces, what hides or reorders is escaped."""
    return "".join(_visible_character(character) for character in text)


def _visible_character(character: str) -> str:
    if character == "\t":
        return "    "
    if character.isascii() and character.isprintable():
        return character
    if unicodedata.category(character)[0] in "CZ":
        return f"\\u{{{ord(character):x}}}"
    return character


WIDTH = 160
COLOURS = {"error": "1;31", "warning": "1;33", "gutter": "1;34", "strong": "1", "help": "1;32"}


def _paint(text: str, colour: str, color: bool) -> str:
    return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m" if color and text else text


def render(diagnostic: Diagnostic, color: bool = False) -> str:
    """The diagnostic as lines for a terminal, the source line with its carets between."""
    severity = diagnostic.severity
    code = f"[{diagnostic.code}]" if diagnostic.code else ""
    head = _paint(f"{severity}{code}", severity, color)
    lines = [head + _paint(f": {visible(diagnostic.message)}", "strong", color)]
    width = 1
    if diagnostic.span is not None:
        places = (Label(diagnostic.span, diagnostic.label), *diagnostic.secondary)
        width = len(str(max(place.span.line for place in places)))
        lines += _excerpts(places, width, severity, color)
    gutter = " " * (width + 1) + _paint("=", "gutter", color)
    lines += [f"{gutter} note: {visible(note)}" for note in diagnostic.notes]
    lines += [f"{gutter} {_paint('help', 'help', color)}: {visible(it)}" for it in diagnostic.helps]
    return "\n".join(lines)


def _excerpts(places, width: int, severity: str, color: bool) -> list[str]:
    """The primary file's lines first; each other file that a label points into follows."""
    primary = places[0]
    sources = list(dict.fromkeys(place.span.source for place in places))
    lines = []
    for source in sources:
        here = [place for place in places if place.span.source == source]
        arrow = _paint("-->" if source == primary.span.source else ":::", "gutter", color)
        lines.append(f"{' ' * width}{arrow} {visible(str(here[0].span))}")
        lines.append(" " * (width + 1) + _paint("|", "gutter", color))
        lines += _excerpt(source, here, primary, width, severity, color)
    return lines


def _excerpt(source, places, primary, width: int, severity: str, color: bool) -> list[str]:
    lines = []
    previous = None
    for number in sorted({place.span.line for place in places}):
        if previous is not None and number > previous + 1:
            lines.append(_paint("." * 3, "gutter", color))
        previous = number
        bar = _paint("|", "gutter", color)
        shown = _paint(f"{number:>{width}}", "gutter", color)
        on_line = [place for place in places if place.span.line == number]
        start, text = _window(source.line(number), min(place.span.column for place in on_line))
        lines.append(f"{shown} {bar} {visible(text)}".rstrip())
        for place in sorted(on_line, key=lambda place: place is not primary):
            colour = severity if place is primary else "gutter"
            mark = _paint(_marks(place, place is primary, start, text), colour, color)
            lines.append(f"{' ' * width} {bar} {mark}")
    return lines


def _window(line: str, column: int) -> tuple[int, str]:
    """The part of a line to show, and where it starts: a very long line is cut around a column."""
    if len(line) <= WIDTH:
        return 0, line
    start = max(0, column - 1 - WIDTH // 4)
    return start, line[start : start + WIDTH]


def _marks(place: Label, primary: bool, window: int, text: str) -> str:
    """The run of `^` or `-` under a span's first line, then what is said about it."""
    span = place.span
    end = span.end_column if span.end_line == span.line else window + len(text) + 1
    start = max(0, span.column - 1 - window)
    indent = len(visible(text[:start]))
    length = max(1, len(visible(text[start : max(0, end - 1 - window)])))
    mark = "^" if primary else "-"
    return f"{' ' * indent}{mark * length} {visible(place.text)}".rstrip()


def render_all(diagnostics, color: bool = False) -> str:
    """Every diagnostic, a blank line between them, and how many errors there are when several."""
    parts = [render(diagnostic, color) for diagnostic in diagnostics]
    errors = sum(diagnostic.severity == "error" for diagnostic in diagnostics)
    if errors > 1:
        parts.append(f"{errors} errors")
    return "\n\n".join(parts)


def as_json(diagnostic: Diagnostic) -> dict:
    """The diagnostic for a machine: plain dicts, lists, strings and numbers."""
    return {
        "severity": diagnostic.severity,
        "code": diagnostic.code,
        "message": diagnostic.message,
        "span": _span_as_json(diagnostic.span),
        "label": diagnostic.label,
        "secondary": [
            {"span": _span_as_json(label.span), "label": label.text}
            for label in diagnostic.secondary
        ],
        "notes": list(diagnostic.notes),
        "helps": list(diagnostic.helps),
    }


def _span_as_json(span: Span | None) -> dict | None:
    if span is None:
        return None
    return {
        "file": span.source.path,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }
