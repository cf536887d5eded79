"""Explain an error code, a layer of the prelude with its source, or an op."""

import argparse
import re
from pathlib import Path

import netc.compiler
from netc.compiler.codes import CODES, find_code
from netc.compiler.diagnostics import Diagnostic, NetError, nearest

HOME = Path(netc.compiler.__file__).parent
BLOCK = re.compile(r"^(?:block|net) (\w+)", re.MULTILINE)
DOCUMENTATION = re.compile(r'^"""(.*?)"""', re.DOTALL)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", metavar="WHAT", help="E0203, dense, matmul ...")


def run(arguments: argparse.Namespace) -> int:
    print(explanation(arguments.what))
    return 0


def explanation(what: str) -> str:
    page = find_code(what)
    if page is not None:
        return str(page)
    layers = prelude()
    if what in layers:
        return layers[what]
    if what in ops():
        return op(what)
    raise unknown(what, [*layers, *ops(), *(page.code for page in CODES)])


def prelude() -> dict[str, str]:
    """Every block of the prelude by its name: its comment and its source."""
    found = {}
    for path in sorted((HOME / "prelude").glob("*.net")):
        for piece in re.split(r"\n\n(?=#|block|net)", path.read_text(encoding="utf-8")):
            match = BLOCK.search(piece)
            if match:
                found[match[1]] = piece.strip("\n")
    return found


def ops() -> tuple[str, ...]:
    """The files of compiler/ops that state an op, by the op's name."""
    paths = sorted((HOME / "ops").glob("*.py"))
    return tuple(path.stem for path in paths if "OP = " in path.read_text(encoding="utf-8"))


def op(name: str) -> str:
    path = HOME / "ops" / f"{name}.py"
    told = DOCUMENTATION.match(path.read_text(encoding="utf-8"))
    text = told[1].strip() if told else name
    return f"{text}\n\nAn op: its type rule, gradient, cost and reference are in {path}"


def unknown(what: str, names: list[str]) -> NetError:
    near = nearest(what, names)
    help = f"did you mean `{near}`?" if near else "an error code, a layer or an op"
    return NetError(Diagnostic("", f"there is nothing called `{what}`", helps=(help,)))
