"""The words of a command line come in; the exit code goes out, errors told as users need them.

Only the standard library is loaded here; a command's module comes in when the command is used.
"""

import argparse
import gc
import json
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from netc.compiler.collector import without_collector
from netc.compiler.diagnostics import Diagnostic, NetError, as_json, nearest, render_all
from netc.crash import report_crash

COMMANDS = {
    "new": "make a folder with a small program to start from",
    "check": "check a program's names, shapes and types; builds nothing",
    "compile": "make a build folder: program, IR and sources",
    "train": "train a program: the last build, or compile it first",
    "eval": "measure a trained program on data",
    "run": "compute a net's outputs for inputs",
    "profile": "time each kernel, beside the prediction and the machine's limits",
    "tune": "measure other tiles and keep the best for this machine",
    "show": "print the generated source of a kernel, or list the kernels",
    "verify": "compare every kernel and gradient of a program with the reference",
    "explain": "explain an error code, a layer, an op or a kernel",
    "fit": "say what memory and time a program needs, here and on named GPUs",
    "diff": "say what an edit changes: parameters, memory, kernels, time",
    "fmt": "put programs into the canonical format",
    "devices": "list what is here to run on",
}
LATER = (
    "view", "export", "import", "lsp", "eject",
)  # fmt: skip
USAGE, ENVIRONMENT = 2, 4


class Parser(argparse.ArgumentParser):
    """A parser whose errors look like all others."""

    def error(self, message: str):
        help = f"`{self.prog} --help` lists what it takes"
        raise NetError(Diagnostic("", message, helps=(help,)), exit_code=USAGE)


def main(words: Sequence[str] | None = None) -> int:
    """Run one command. The exit codes are those of DESIGN: 0, 1, 2, 3, 4, 101, 130 and 143."""
    words = list(sys.argv[1:] if words is None else words)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = dispatch(words)
        sys.stdout.flush()
        return code
    except NetError as error:
        return tell(error, "--json" in words)
    except BrokenPipeError:  # whoever read this has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt as stop:
        print("interrupted", file=sys.stderr)
        return getattr(stop, "exit_code", 130)
    except MemoryError:
        return tell(environment("E0710", "there is not enough memory"), "--json" in words)
    except OSError as error:
        return tell(environment("E0701", as_text(error)), "--json" in words)
    except Exception as error:
        return report_crash(error, words)


def dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        return 0 if words else USAGE
    if words[0] in ("-V", "--version", "version"):
        print(f"netc {own_version()}")
        return 0
    name = words[0]
    if name not in COMMANDS:
        raise no_command(name)
    with without_collector():
        command = import_module(f"netc.commands.{name}")
        gc.freeze()  # it all stays: nothing of it is garbage to look for
    parser = Parser(prog=f"netc {name}", description=command.__doc__, allow_abbrev=False)
    command.add_arguments(parser)
    try:
        arguments = parser.parse_args(words[1:])
    except SystemExit as end:  # argparse has printed the help
        return int(end.code or 0)
    return command.run(arguments)


def overview() -> str:
    """What `netc --help` prints."""
    lines = ["netc compiles neural networks: netc compile mnist.net && netc train", ""]
    lines += [f"    {name:9}{text}" for name, text in COMMANDS.items()]
    lines += ["", "`netc COMMAND --help` tells more of one; `netc --version` of this netc."]
    return "\n".join(lines)


def no_command(name: str) -> NetError:
    if name in LATER:
        message = f"`netc {name}` is not supported yet"
        return NetError(Diagnostic("E0901", message), exit_code=USAGE)
    near = nearest(name, COMMANDS)
    help = f"did you mean `netc {near}`?" if near else "`netc --help` lists the commands"
    return NetError(Diagnostic("", f"there is no command `{name}`", helps=(help,)), exit_code=USAGE)


def own_version() -> str:
    try:  # loaded here: it reads mail headers, which no other command needs
        return import_module("importlib.metadata").version("netc")
    except ModuleNotFoundError:
        return "of a checkout"


def tell(error: NetError, in_json: bool) -> int:
    """Print what is wrong: for a machine on standard output, else on standard error."""
    try:
        if in_json:
            for diagnostic in error.diagnostics:
                print(json.dumps(as_json(diagnostic)))
            sys.stdout.flush()
        else:
            print(render_all(error.diagnostics, color=has_color()), file=sys.stderr)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return error.exit_code


def has_color() -> bool:
    """NO_COLOR, FORCE_COLOR and TERM=dumb are heard; otherwise only a terminal gets colour."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def environment(code: str, message: str) -> NetError:
    return NetError(Diagnostic(code, message), exit_code=ENVIRONMENT)


def as_text(error: OSError) -> str:
    name = f" `{error.filename}`" if error.filename else ""
    return f"cannot use{name or ' a file'}: {(error.strerror or str(error)).lower()}"
