"""Explain an error code, a layer with its source, an op, an optimizer, data or a kernel."""

import argparse
import re
from importlib import import_module
from pathlib import Path

import netc.compiler
import netc.runtime
from netc.compiler.codes import CODES, find_code
from netc.compiler.diagnostics import Diagnostic, NetError, nearest
from netc.compiler.explanations.settings import SETTINGS
from netc.compiler.program import TARGETS, FunctionFacts, KernelFacts, Layout, load
from netc.last_build import last_folder

HOME = Path(netc.compiler.__file__).parent
DATA = Path(netc.runtime.__file__).parent / "data"
BLOCK = re.compile(r"^(?:block|net) (\w+)", re.MULTILINE)
DOCUMENTATION = re.compile(r'^"""(.*?)"""', re.DOTALL)
SOURCE = re.compile(r'^def (?:read_)?(\w+)\([^)]*\) -> DataSet:\n    """(.*?)"""', re.DOTALL | re.M)
STATED = {"ops": "OP = ", "optimizers": "OPTIMIZER = "}  # folder -> what a file of it states


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", metavar="WHAT", help="E0203, dense, matmul, adam, mnist, k02_...")


def run(arguments: argparse.Namespace) -> int:
    print(explanation(arguments.what))
    return 0


def explanation(what: str) -> str:
    page = find_code(what)
    if page is not None:
        return str(page)
    texts = kernels() | sources() | files("ops") | files("optimizers") | prelude()
    texts |= SETTINGS
    if what in texts:
        return texts[what]
    # loaded only here: a page that is text needs nothing of the compiler
    names = import_module("netc.compiler.language.about")
    told = names.about(what)
    if told is not None:
        return told
    raise unknown(what, [*texts, *names.names(), *(page.code for page in CODES)])


def prelude() -> dict[str, str]:
    """Every block of the prelude by its name: its comment and its source."""
    found = {}
    for path in sorted((HOME / "prelude").glob("*.net")):
        for piece in re.split(r"\n\n(?=#|block|net)", path.read_text(encoding="utf-8")):
            match = BLOCK.search(piece)
            if match:
                found[match[1]] = piece.strip("\n")
    return found


def files(folder: str) -> dict[str, str]:
    """What each file says that states an op or an optimizer, by that name."""
    found = {}
    for path in sorted((HOME / folder).glob("*.py")):
        text = path.read_text(encoding="utf-8")
        told = DOCUMENTATION.match(text)
        if told and f"\n{STATED[folder]}" in text:
            found[path.stem] = f"{told[1].strip()}\n\nIt is written down in {path}"
    return found


def sources() -> dict[str, str]:
    """What each source of data says of its fields."""
    found = {}
    for path in sorted(set(DATA.glob("*.py")) - {DATA / "dataset.py", DATA / "sources.py"}):
        for match in SOURCE.finditer(path.read_text(encoding="utf-8")):
            lines = [line.strip() for line in match[2].strip().splitlines()]
            found[match[1]] = "\n".join([f"{match[1]}(...): data with the fields", "", *lines])
    return found


def kernels() -> dict[str, str]:
    """What is known of each kernel of the last build, if there is one."""
    try:
        folder = last_folder()
        program = load(folder)
        lines = (folder / f"{program.name}.net").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {
        kernel.name: about_kernel(kernel, function, lines, program.on(target).layout)
        # the cpu and its training step come first, and win
        for target in reversed(TARGETS)
        for function in reversed(program.on(target).functions)
        for kernel in function.kernels
    }


def about_kernel(
    kernel: KernelFacts, function: FunctionFacts, lines: list[str], layout: Layout
) -> str:
    told = [
        f"{kernel.name}: a {kernel.kind} kernel of `{function.symbol}`, {kernel.phase}",
        f"of {kernel.path or 'the train block'}, from",
        *(f"    {n} | {lines[n - 1].strip()}" for n in kernel.lines if n <= len(lines)),
        f"{kernel.flops:,} FLOP and at least {kernel.bytes:,} bytes: "
        f"{kernel.seconds * 1e6:,.1f} us predicted on {layout.processor}",
        "",
        f"`netc show {kernel.name} --target {layout.target}` prints its source",
    ]
    return "\n".join(told)


def unknown(what: str, names: list[str]) -> NetError:
    near = nearest(what, names)
    kinds = "error codes, layers, ops, optimizers, settings and data can be explained"
    help = f"did you mean `{near}`?" if near else kinds
    return NetError(Diagnostic("", f"there is nothing called `{what}`", helps=(help,)))
