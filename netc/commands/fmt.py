"""Put programs into the canonical format: in place, or from standard input to standard output."""

import argparse
import sys
from pathlib import Path

from netc.compiler.diagnostics import Source
from netc.compiler.syntax.format import format_program
from netc.compiler.syntax.parse import read_source
from netc.runtime.files import write_atomically


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", metavar="FILE", help=".net files; none: standard input")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if it would")


def run(arguments: argparse.Namespace) -> int:
    if not arguments.files or arguments.files == ["-"]:
        return format_input(arguments.check)
    changed = [path for path in arguments.files if format_file(path, arguments.check)]
    for path in changed:
        verb = "would be" if arguments.check else "was"
        print(f"{path} {verb} formatted", file=sys.stderr)
    return 1 if changed and arguments.check else 0


def format_input(only_check: bool) -> int:
    text = sys.stdin.buffer.read().decode("utf-8", errors="replace")
    formatted = format_program(Source("<standard input>", text))
    if only_check:
        return int(formatted != text)
    sys.stdout.write(formatted)
    return 0


def format_file(path: str, only_check: bool) -> bool:
    """Whether the file is, or would be, changed."""
    source = read_source(path)
    formatted = format_program(source)
    if formatted == source.text:
        return False
    if not only_check:
        write_atomically(Path(path).resolve(), formatted.encode())
    return True
