"""The parser of the grammar, with its table kept between runs: making it takes longer than parsing.

The table is kept as JSON, by a hash of the grammar and of Lark's version. One that is damaged, or
that this Lark does not read, is made anew.
"""

import functools
import json
from importlib.metadata import version
from importlib.resources import files

from lark import Lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

from netc.compiler.cache import keep, key_of, look_up
from netc.compiler.syntax.build import Builder


def grammar_text() -> str:
    return files("netc.grammar").joinpath("net.lark").read_text(encoding="utf-8")


@functools.cache
def parser() -> Lark:
    """The LALR(1) parser, which builds the syntax tree as it reads."""
    key = key_of("parser", version("lark"), grammar_text())
    kept = look_up(key)
    if kept is not None and (known := restored(kept)) is not None:
        return known
    made = made_anew()
    data, memo = made.memo_serialize([TerminalDef, Rule])
    data["options"]["transformer"] = None  # is code, and given anew
    keep(key, json.dumps([data, memo]).encode())
    return made


def made_anew() -> Lark:
    return Lark(
        grammar_text(),
        start="program",
        parser="lalr",
        lexer="basic",
        transformer=Builder(),
        keep_all_tokens=True,
    )


def restored(kept: bytes) -> Lark | None:
    """The parser of a kept table; None where it cannot be read."""
    try:
        data, memo = json.loads(kept)
        states = data["parser"]["parser"]
        states["states"] = numbered(states["states"])
        return Lark._load_from_dict(data, numbered(memo), transformer=Builder())
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError):
        return None


def numbered(entries: dict[str, object]) -> dict[int, object]:
    """JSON has texts for keys."""
    return {int(number): entry for number, entry in entries.items()}
