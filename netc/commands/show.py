"""Print the generated source of a kernel, found by a part of its name; without one, list them."""

import argparse
import re

from netc.api import ENDINGS, Program
from netc.commands.common import add_defines, open_program
from netc.compiler.diagnostics import nearest
from netc.compiler.program import FunctionFacts, KernelFacts
from netc.compiler.program import Program as Facts
from netc.runtime.errors import fail

Found = tuple[FunctionFacts, KernelFacts]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kernel", nargs="?", metavar="KERNEL", help="a part of its name or path")
    parser.add_argument(
        "--program", dest="file", metavar="FILE", help="a .net file or a build folder"
    )
    parser.add_argument("--target", choices=tuple(ENDINGS), default="cpu")
    parser.add_argument("--function", metavar="NAME", help="train, evaluate_1, run_NET_1 ...")
    add_defines(parser)


def run(arguments: argparse.Namespace) -> int:
    program = open_program(arguments)
    functions = chosen(program.facts.on(arguments.target), arguments.function)
    kernels = [(function, kernel) for function in functions for kernel in function.kernels]
    if arguments.kernel is None:
        print(listing(functions))
        return 0
    found = search(kernels, arguments.kernel)
    print("\n".join(source_of(program, one, arguments.target) for one in found))
    return 0


def chosen(program: Facts, symbol: str | None) -> tuple[FunctionFacts, ...]:
    """The function that is named, else the training step, else all."""
    symbols = {function.symbol: function for function in program.functions}
    if symbol is None:
        return (symbols["train"],) if "train" in symbols else program.functions
    if symbol not in symbols:
        near = nearest(symbol, symbols)
        help = f"did you mean `{near}`?" if near else f"there are {', '.join(symbols)}"
        raise fail("E0520", f"there is no function `{symbol}`", help=help)
    return (symbols[symbol],)


def listing(functions: tuple[FunctionFacts, ...]) -> str:
    lines = []
    for function in functions:
        lines.append(f"{function.symbol}: {len(function.kernels)} kernels")
        width = max((len(kernel.name) for kernel in function.kernels), default=0)
        for kernel in function.kernels:
            places = ", ".join(map(str, kernel.lines))
            line = f"line {places}" if places else "no line"
            time = f"{kernel.seconds * 1e6:9,.1f} us"
            lines.append(f"  {kernel.name:{width}}  {kernel.kind:10}{time}  {line}")
    return "\n".join(lines)


def search(kernels: list[Found], text: str) -> list[Found]:
    """The kernel of this name, else all that have the text in their name or path."""
    exact = [one for one in kernels if one[1].name == text]
    part = [one for one in kernels if text in one[1].name or text in one[1].path]
    if exact or part:
        return exact or part
    near = nearest(text, [kernel.name for _, kernel in kernels])
    help = f"did you mean `{near}`?" if near else "`netc show` lists the kernels"
    raise fail("E0520", f"there is no kernel `{text}`", help=help)


def source_of(program: Program, found: Found, target: str) -> str:
    """The kernel's function in its file, with the comment above it."""
    function, kernel = found
    folder, ending = ENDINGS[target]
    path = program.folder / folder / f"{function.symbol}.{ending}"
    if not path.is_file():
        message = f"the build folder has no {target} source `{path}`"
        raise fail("E0614", message, help="compile the program again")
    return cut(path.read_text(encoding="utf-8").split("\n"), kernel.name)


def cut(lines: list[str], name: str) -> str:
    """From the comment above a function's head to its closing brace."""
    head = re.compile(rf"[^/;]*\b{re.escape(name)}\($")
    start = next((i for i, line in enumerate(lines) if head.match(line)), None)
    if start is None:
        start = next(i for i, line in enumerate(lines) if re.match(rf"\s*{name}\(", line))
    end = next(i for i, line in enumerate(lines) if i > start and line == "}")
    while start and lines[start - 1].strip() and lines[start - 1] != "}":
        start -= 1
    return "\n".join([*lines[start : end + 1], ""])
