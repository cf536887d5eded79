"""What a source may hold at most: tokens in, diagnostics out, before anything is parsed.

The limits keep a stranger's program from using up the machine, and every later stage from
exhausting the stack: a tree that passes is at most DEPTH nodes deep.
"""

import math
import re
from dataclasses import dataclass

from netc.compiler.diagnostics import Diagnostic, NetError, Source, Span
from netc.compiler.syntax.tokens import CAN_END, CLOSING, DECLARING, OPENING, Token

BYTES = 1 << 20
STATEMENTS = 20_000
NESTING = 64
DEPTH = 200
NAME_LENGTH = 63
DIGITS = 400
ERRORS = 20

HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
    "\ud800-\udfff]"
)
FAULTY = frozenset(("malformed", "unclosed", "strange"))
STARTING = frozenset(("NAME", "WHEN", "return", "yield", "repeat", "for", "layer", "weight"))
STARTING |= {"state", "update", "take", "minimize", "measure"} | DECLARING
LEAVES = frozenset(("NAME", "NUMBER", "PERCENTAGE", "STRING", "true", "false", *FAULTY))
REPLACEMENTS = {
    ";": "nothing stands between statements: leave it out",
    "'": 'strings are written with double quotes: "text"',
    "!": "write `not`, or `!=` for unequal",
    "&": "write `and`",
    "|": "write `or`",
    "^": "a power is written `**`",
    "?": "a choice is written `a if condition else b`",
    "$": "names consist of letters, digits and `_`",
}


def check_size(size: int, path: str) -> None:
    """Refuse a source of more than BYTES bytes."""
    if size > BYTES:
        message = f"{path} has {size:,} bytes: a program may have {BYTES:,}"
        helps = ("move parts into other files and `use` them",)
        raise NetError(Diagnostic("E0110", message, helps=helps))


def hidden_characters(source: Source) -> list[Diagnostic]:
    """Characters that a reader cannot see: they could make a program look like another."""
    found = []
    for match in HIDDEN.finditer(source.text):
        before = source.text[: match.start()]
        line, column = before.count("\n") + 1, match.start() - before.rfind("\n")
        span = Span(source, line, column, line, column + 1)
        message = f"the source holds the hidden character U+{ord(match.group()):04X}"
        found.append(Diagnostic("E0115", message, span, helps=("remove it",)))
        if len(found) == ERRORS:
            break
    return found


def check_amounts(words: tuple[Token, ...]) -> None:
    """Refuse a source with too many statements or too much nesting."""
    statements = 0
    levels = [Level()]
    for previous, word in zip((None, *words), words, strict=False):
        if starts_statement(word, previous):
            statements += 1
            levels = [Level()] if word.type in DECLARING else levels
            levels[-1].restart()
        if statements > STATEMENTS:
            raise NetError(too_many_statements(word))
        descend(levels, word)
        if len(levels) > NESTING + 1:
            raise NetError(too_nested(word, f"{NESTING} brackets stand inside each other here"))
        if levels[-1].depth > DEPTH:
            raise NetError(too_nested(word, f"{DEPTH} operations depend on each other here"))


@dataclass(slots=True)
class Level:
    """How deep the tree is between two brackets, at most: one node for each operator.

    `own` and `inside` count since the last comma or statement, `most` is the deepest before it.
    """

    own: int = 0
    inside: int = 0
    most: int = 0

    @property
    def depth(self) -> int:
        return self.own + self.inside

    def restart(self) -> None:
        self.own, self.inside, self.most = 0, 0, self.deepest()

    def deepest(self) -> int:
        return max(self.most, self.depth)


def descend(levels: list[Level], word: Token) -> None:
    """Count a word at the innermost level; brackets open and close levels."""
    if word.type == ",":
        levels[-1].restart()
    elif word.type in CLOSING:
        if len(levels) > 1:
            closed = levels.pop()
            levels[-1].inside = max(levels[-1].inside, closed.deepest())
    elif word.type not in LEAVES:
        levels[-1].own += 1
    if word.type in OPENING:
        levels.append(Level())


def starts_statement(word: Token, previous: Token | None) -> bool:
    """Whether a word can only be the start of a statement or a declaration."""
    if word.type not in STARTING:
        return False
    return previous is None or previous.type in CAN_END


def too_many_statements(word: Token) -> Diagnostic:
    return Diagnostic(
        "E0112",
        f"the source has more than {STATEMENTS:,} statements",
        word.span,
        "the first one too many",
        helps=("say it with `repeat`, `for` or a block",),
    )


def too_nested(word: Token, label: str) -> Diagnostic:
    helps = ("give parts of it a name, in statements before this one",)
    return Diagnostic("E0111", "this is nested too deeply", word.span, label, helps=helps)


def faulty_words(words: tuple[Token, ...]) -> list[Diagnostic]:
    """The words that the language does not have."""
    checks = {
        "NAME": faulty_name,
        "NUMBER": faulty_number,
        "PERCENTAGE": faulty_number,
        "malformed": malformed_number,
        "unclosed": unclosed_string,
        "strange": strange_character,
    }
    found, seen = [], set()
    for word in words:
        if word.type in checks and (word.text, word.line) not in seen:
            seen.add((word.text, word.line))
            found += [checks[word.type](word)]
    return [diagnostic for diagnostic in found if diagnostic is not None]


def faulty_name(word: Token) -> Diagnostic | None:
    if not word.text.isascii():
        helps = ("names consist of the letters a to z and A to Z, digits and `_`",)
        return Diagnostic("E0114", "a name with a letter outside ASCII", word.span, helps=helps)
    if len(word.text) > NAME_LENGTH:
        message = f"a name of {len(word.text)} characters: {NAME_LENGTH} are allowed"
        return Diagnostic("E0113", message, shortened(word))
    return None


def faulty_number(word: Token) -> Diagnostic | None:
    digits = word.text.rstrip("%")
    if len(digits) > DIGITS:
        message = f"a number of {len(digits):,} digits: {DIGITS} are allowed"
        return Diagnostic("E0117", message, shortened(word))
    if math.isinf(float(digits)) and not digits.isdigit():
        message = "this number is too large"
        return Diagnostic("E0118", message, word.span, "the largest is about 1.8e308")
    return None


def malformed_number(word: Token) -> Diagnostic:
    helps = ("numbers look like 3, 0.25 and 1e-3; names start with a letter",)
    if word.text.startswith("."):
        helps = (f"write 0{word.text}",)
    return Diagnostic("E0107", f"`{cut(word.text)}` is not a number", shortened(word), helps=helps)


def unclosed_string(word: Token) -> Diagnostic:
    label = "no closing quote on this line"
    return Diagnostic("E0104", "a string without an end", word.span, label)


def strange_character(word: Token) -> Diagnostic:
    if HIDDEN.match(word.text):
        return None
    replacement = REPLACEMENTS.get(word.text)
    helps = (replacement,) if replacement else ()
    return Diagnostic("E0105", f"`{word.text}` means nothing here", word.span, helps=helps)


def shortened(word: Token) -> Span:
    """The start of a word that may be longer than a screen."""
    end = word.column + min(len(word.text), NAME_LENGTH)
    return Span(word.source, word.line, word.column, word.line, end)


def cut(text: str) -> str:
    return text if len(text) <= NAME_LENGTH else text[:NAME_LENGTH] + "..."
