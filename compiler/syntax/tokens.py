"""Source text -> tokens and comments, each with its place.

Words that are keywords only where a statement or a clause can start are told apart here, so that
the grammar stays free of conflicts: `weight` declares in `weight w: f32[4] = zeros` and is a name
in `cross_entropy(y, label, weight=hidden)`.
"""

import re
from dataclasses import dataclass

from netc.compiler.diagnostics import Source, Span

RESERVED = frozenset(
    ("return", "repeat", "for", "in", "if", "else", "yield", "scan")
    + ("and", "or", "not", "true", "false")
)
DECLARING = frozenset(("use", "const", "block", "net", "train"))
CLAUSES = frozenset(
    ("layer", "weight", "state", "update", "take", "from", "minimize", "with", "over")
    + ("measure", "along", "reverse", "carry")
)
OPENING = {"(": ")", "[": "]", "{": "}"}
CLOSING = frozenset(OPENING.values())
CAN_END = frozenset(
    ("NAME", "NUMBER", "PERCENTAGE", "STRING", "true", "false", "reverse", ")", "]", "}", "{")
)

PATTERN = re.compile(
    r"""
    (?P<space> [ \t\r\n]+ )
  | (?P<comment> \#[^\n]* )
  | (?P<PERCENTAGE> [0-9]+(?:\.[0-9]+)?% (?= [\s)\]},:\#] | -> | \.\. | $ ) )
  | (?P<NUMBER> [0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)? (?! [A-Za-z0-9_] ) )
  | (?P<malformed> \.?[0-9](?: [eE][+-] | \.(?!\.) | \w )* )
  | (?P<NAME> [^\W\d]\w* )
  | (?P<STRING> "(?: [^"\\\r\n] | \\[^\r\n] )*" )
  | (?P<unclosed> "[^\r\n]* )
  | (?P<mark> -> | \.\.\. | \.\. | // | \*\* | == | != | <= | >= | [-+*/%@<>=.,:()\[\]{}] )
  | (?P<strange> . )
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the source. `type` is its class, or the text itself for keywords and marks."""

    type: str
    text: str
    source: Source
    line: int
    column: int

    @property
    def span(self) -> Span:
        end = self.column + len(self.text)
        return Span(self.source, self.line, self.column, self.line, end)


@dataclass(frozen=True)
class Tokens:
    """A tokenized source: what the grammar sees, and the comments that it does not."""

    words: tuple[Token, ...]
    comments: tuple[Token, ...]


def tokenize(source: Source) -> Tokens:
    """Every token of a source, also the faulty ones: types malformed, unclosed and strange."""
    plain, comments = [], []
    line, line_start = 1, 0
    for match in PATTERN.finditer(source.text):
        kind, text = match.lastgroup, match.group()
        if kind == "space":
            ends = text.count("\n")
            if ends:
                line += ends
                line_start = match.start() + text.rindex("\n") + 1
            continue
        if kind == "mark" or text in RESERVED:
            kind = text
        token = Token(kind, text, source, line, match.start() - line_start + 1)
        (comments if kind == "comment" else plain).append(token)
    return Tokens(tuple(_keywords(_statement_ifs(plain))), tuple(comments))


def _statement_ifs(tokens: list[Token]) -> list[Token]:
    """Retype each `if` whose condition ends at a `{`: it opens a statement."""
    result = list(tokens)
    waiting, outside = [], []  # each `if` without an `else` so far: in these brackets, around them
    for position, token in enumerate(tokens):
        if token.type in OPENING:
            if token.type == "{" and waiting:
                first = waiting[0]
                result[first] = retyped(tokens[first], "WHEN")
            outside.append(waiting)
            waiting = []
        elif token.type in CLOSING and outside:
            before = outside.pop()
            waiting = [] if token.type == "}" else before
        elif token.type == "if":
            waiting.append(position)
        elif token.type == "else" and waiting:
            waiting.pop()
    return result


def _keywords(tokens: list[Token]) -> list[Token]:
    """Retype the words that are keywords where they stand."""
    result = []
    brackets = []
    previous = None
    for token, following in zip(tokens, [*tokens[1:], None], strict=False):
        if token.type == "NAME" and _is_keyword(token, previous, following, brackets):
            token = retyped(token, token.text)
            if token.text in DECLARING:
                brackets.clear()
        elif token.type in OPENING:
            brackets.append(token.type)
        elif token.type in CLOSING and brackets:
            brackets.pop()
        result.append(token)
        previous = token
    return result


def _is_keyword(token: Token, previous, following, brackets: list[str]) -> bool:
    if token.text not in DECLARING and token.text not in CLAUSES:
        return False
    if _starts_declaration(token, following):
        return True
    if brackets and brackets[-1] != "{":
        return False
    starts = previous is None or previous.type in CAN_END
    return starts and (following is None or following.type not in ("=", ","))


def _starts_declaration(token: Token, following) -> bool:
    """After whatever is unfinished, `net name` at the left margin is a new declaration."""
    at_margin = token.column == 1 and token.text in DECLARING
    return at_margin and following is not None and following.type in ("NAME", "STRING", "{")


def retyped(token: Token, kind: str) -> Token:
    return Token(kind, token.text, token.source, token.line, token.column)
