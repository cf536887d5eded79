"""Source text -> syntax tree, or every syntax error of the file."""

import functools
import os

from lark import UnexpectedToken

from netc.compiler.diagnostics import Diagnostic, NetError, Source, Span
from netc.compiler.syntax import limits, tree
from netc.compiler.syntax.limits import starts_statement
from netc.compiler.syntax.messages import bracket_error, explain
from netc.compiler.syntax.table import parser
from netc.compiler.syntax.tokens import DECLARING, Token, retyped, tokenize

STATEMENT_WORDS = frozenset(("return", "yield", "for", "repeat"))


def read_source(path: str) -> Source:
    """The source in a file; NetError when it cannot be read as one."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            limits.check_size(size, path)
            data = file.read(limits.BYTES)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        message = f"cannot read {path}: {reason.lower()}"
        raise NetError(Diagnostic("E0121", message)) from None
    try:
        return Source(path, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"{path} is not UTF-8 text: byte {error.start} (line {line})"
        raise NetError(Diagnostic("E0116", message)) from None


def parse(source: Source) -> tree.Program:
    """The tree of a source; NetError with its syntax errors, up to 20, when it is no program."""
    limits.check_size(len(source.text.encode("utf-8", "surrogatepass")), source.path)
    words = tokenize(source).words
    limits.check_amounts(words)
    declarations, errors = [], limits.hidden_characters(source)
    pieces = split_declarations(words)
    for piece, following in zip(pieces, [*pieces[1:], (None,)], strict=False):
        found = piece_errors(piece, following[0])
        errors += found
        if not found and not any(word.type in limits.FAULTY for word in piece):
            made, found = parse_piece(piece, following[0])
            declarations += made
            errors += found
        if len(errors) >= limits.ERRORS:
            break
    if errors:
        errors.sort(key=lambda error: (error.span.line, error.span.column))
        raise NetError(*errors[: limits.ERRORS])
    return tree.Program(tuple(declarations), span=whole(source))


def whole(source: Source) -> Span:
    last = len(source.lines)
    return Span(source, 1, 1, last, len(source.line(last)) + 1)


def split_declarations(words) -> list[tuple[Token, ...]]:
    """The words of each declaration: an error in one does not hide those in the next."""
    starts = [place for place, word in enumerate(words) if word.type in DECLARING]
    bounds = sorted({0, *starts, len(words)})
    return [words[start:end] for start, end in zip(bounds, bounds[1:], strict=False)]


def piece_errors(piece: tuple[Token, ...], following: Token | None) -> list[Diagnostic]:
    """What is wrong with a declaration before it is worth parsing."""
    found = limits.faulty_words(piece)
    if any(word.type == "unclosed" for word in piece):
        return found
    bracket = bracket_error(piece, following)
    return [*found, bracket] if bracket else found


@functools.cache
def terminal_names() -> dict[str, str]:
    """The grammar's name for each keyword and mark: `->` is `ARROW` there."""
    return {one.pattern.value: one.name for one in parser().terminals if one.pattern.type == "str"}


def parse_piece(
    piece, following: Token | None
) -> tuple[tuple[tree.Declaration, ...], list[Diagnostic]]:
    """The declarations of a piece, and its errors: a faulty statement is left out for the next."""
    errors = []
    while len(errors) < limits.ERRORS:
        place, outcome = feed(piece, following)
        if place is None:
            return outcome, errors
        errors += outcome
        piece = without_statement(piece, place)
        if piece is None:
            break
    return (), errors


def feed(piece, following: Token | None) -> tuple[int | None, tuple]:
    """Declarations after None, or diagnostics after the place of the word that is to blame."""
    state = parser().parse_interactive()
    names = terminal_names()
    place = 0
    try:
        for place, word in enumerate(piece):  # noqa: B007
            state.feed_token(retyped(word, names.get(word.type, word.type)))
        place = len(piece)
        return None, state.feed_eof()
    except UnexpectedToken:
        texts = {name: text for text, name in names.items()}
        expected = frozenset(texts.get(name, name) for name in state.accepts())
        found = piece[place] if place < len(piece) else following
        diagnostic = explain(found, piece[:place], expected)
        return blamed(piece, diagnostic, place), (diagnostic,)
    except NetError as error:
        return place, error.diagnostics


def blamed(piece, diagnostic: Diagnostic, place: int) -> int:
    """The place of the word that a diagnostic points at: the one that was found, or one before."""
    while place and (place == len(piece) or piece[place].span != diagnostic.span):
        place -= 1
    return place


def without_statement(piece, place: int):
    """The piece without the statement around a place; None where it has no clear bounds."""
    lines = [here for here in range(1, len(piece)) if piece[here].line > piece[here - 1].line]
    ends = [here for here in lines if ends_statement(piece[here], piece[here - 1])]
    before = [here for here in ends if here <= place and piece[here].type != "}"]
    after = [here for here in ends if here > place]
    if not before or not after:
        return None
    statement = piece[before[-1] : after[0]]
    rest = piece[: before[-1]] + piece[after[0] :]
    return rest if bracket_error(statement, None) is None else None


def ends_statement(word: Token, previous: Token) -> bool:
    """Whether a word at the start of a line ends what comes before it, even unfinished."""
    return starts_statement(word, previous) or word.type in ("}", *STATEMENT_WORDS)
