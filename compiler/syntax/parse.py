"""Source text -> syntax tree, or every syntax error of the file."""

import functools
from importlib.resources import files

from lark import Lark, UnexpectedToken

from netc.compiler.diagnostics import Diagnostic, NetError, Source, Span
from netc.compiler.syntax import tree
from netc.compiler.syntax.build import Builder
from netc.compiler.syntax.tokens import DECLARING, Token, retyped, tokenize


def parse(source: Source) -> tree.Program:
    """The tree of a source; NetError with all its syntax errors when it is not a program."""
    words = tokenize(source).words
    declarations, errors = [], []
    for piece in split_declarations(words):
        try:
            declarations += parse_piece(piece, source)
        except NetError as error:
            errors += error.diagnostics
    if errors:
        raise NetError(*errors)
    return tree.Program(tuple(declarations), span=whole(source))


def whole(source: Source) -> Span:
    last = len(source.lines)
    return Span(source, 1, 1, last, len(source.line(last)) + 1)


def split_declarations(words) -> list[tuple[Token, ...]]:
    """The words of each declaration: an error in one does not hide those in the next."""
    starts = [place for place, word in enumerate(words) if word.type in DECLARING]
    bounds = sorted({0, *starts, len(words)})
    return [words[start:end] for start, end in zip(bounds, bounds[1:], strict=False)]


@functools.cache
def parser() -> Lark:
    grammar = files("netc.grammar").joinpath("net.lark").read_text(encoding="utf-8")
    return Lark(
        grammar,
        start="program",
        parser="lalr",
        lexer="basic",
        transformer=Builder(),
        keep_all_tokens=True,
    )


@functools.cache
def terminal_names() -> dict[str, str]:
    """The grammar's name for each keyword and mark: `->` is `ARROW` there."""
    return {one.pattern.value: one.name for one in parser().terminals if one.pattern.type == "str"}


def parse_piece(piece, source: Source) -> tuple[tree.Declaration, ...]:
    state = parser().parse_interactive()
    names = terminal_names()
    for word in piece:
        try:
            state.feed_token(retyped(word, names.get(word.type, word.type)))
        except UnexpectedToken as error:
            diagnostic = Diagnostic("E0101", f"unexpected {word.text} {error.expected}", word.span)
            raise NetError(diagnostic) from None
    try:
        return state.feed_eof()
    except UnexpectedToken:
        raise NetError(Diagnostic("E0101", "unexpected end of file", piece[-1].span)) from None
