"""What several commands take: a program by its file, its build folder or as the last build."""

import argparse
import sys
from pathlib import Path

from netc.api import Program, checkpoint_at, compile
from netc.compiler.diagnostics import Diagnostic, NetError, render
from netc.last_build import LAST, last_folder
from netc.runtime.checkpoint import Checkpoint
from netc.runtime.errors import fail
from netc.runtime.feeding import Given
from netc.runtime.restore import load_program
from netc.runtime.run_folder import latest_run, reopen


def add_program(parser: argparse.ArgumentParser) -> None:
    """FILE and what belongs to compiling it."""
    parser.add_argument(
        "file", nargs="?", metavar="FILE", help="a .net file or a build folder; else the last build"
    )
    add_defines(parser)


def add_defines(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-D", "--define", action="append", default=[], type=definition, metavar="NAME=NUMBER",
        help="override a constant of the file",
    )  # fmt: skip
    parser.add_argument("--block", metavar="NAME", help="the train block, where there are several")


def add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", help="cpu, cuda (where there is a GPU), emulate, reference")
    parser.add_argument("--threads", type=positive, default=0, help="one a processor by default")


def add_trained(parser: argparse.ArgumentParser) -> None:
    """Where the weights come from."""
    parser.add_argument("--checkpoint", metavar="PATH", help="a checkpoint, or the folder of a run")
    parser.add_argument("--runs", default="runs", help="where runs are kept (runs)")


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for machines: JSON on standard output")


def definition(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=NUMBER")
    if value in ("true", "false"):
        return name, value == "true"
    try:
        return name, int(value)
    except ValueError:
        return name, number(value)


def number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r:.40} is not a number") from None


def positive(text: str) -> int:
    return whole(text, 1)


def natural(text: str) -> int:
    return whole(text, 0)


def whole(text: str, least: int) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18 or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r:.40} is not a whole number from {least}")
    return int(text)


def seconds(text: str) -> float:
    value = number(text)
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r:.40} is not a number of seconds")
    return value


def open_program(arguments: argparse.Namespace) -> Program:
    """The program that the words name: compiled if they name a file, else the one that the named
    run or checkpoint was made with, else the last build."""
    device, threads = getattr(arguments, "device", None), getattr(arguments, "threads", 0)
    folder = known_build(arguments) if arguments.file is None else named_build(arguments.file)
    if arguments.file is None or is_folder(folder):
        if arguments.define or arguments.block:
            help = "name the `.net` file too"
            raise wrong_use("a build that is there cannot be given constants or a block", help)
        return Program(load_program(folder), folder, device, threads)
    return compile(
        folder,
        device=device,
        define=dict(arguments.define),
        train=arguments.block,
        threads=threads,
    )


def known_build(arguments: argparse.Namespace) -> Path:
    told = None
    if getattr(arguments, "resume", None):
        told = reopen(Path(arguments.resume)).facts().get("build")
    elif getattr(arguments, "checkpoint", None):
        told = dict(checkpoint_at(Path(arguments.checkpoint)).facts.extra).get("program")
    return Path(told) if isinstance(told, str) else last_build()


def named_build(name: str) -> Path:
    """What a word means: a file or a folder, or else the build of that name, `build/NAME`."""
    path, build = Path(name), LAST.parent / name
    return build if not path.suffix and not is_folder(path) and is_folder(build) else path


def is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def last_build() -> Path:
    """The build folder that the last `netc compile` here made."""
    try:
        return last_folder()
    except OSError:
        reason = f"there is no build here: `{LAST}` is missing"
    except ValueError:
        reason = f"`{LAST}` is damaged"
    raise fail("E0613", reason, help="name a program: `netc compile FILE`")


def trained(program: Program, arguments: argparse.Namespace) -> Checkpoint:
    """The checkpoint that is named, or the newest of the program's latest run."""
    if arguments.checkpoint is not None:
        return checkpoint_at(Path(arguments.checkpoint))
    run = latest_run(Path(arguments.runs), program.name)
    if run is None:
        message = f"there is no run of `{program.name}` in `{arguments.runs}`"
        help = "train it first with `netc train`, or name a `--checkpoint`"
        raise fail("E0612", message, help=help)
    return checkpoint_at(run.path)


def given_data(text: str | None) -> Given:
    return None if text is None else Path(text)


def show_warning(warning: Diagnostic) -> None:
    """On standard error, in colour where that is a terminal."""
    print(render(warning, color=sys.stderr.isatty()), file=sys.stderr)


def wrong_use(message: str, help: str) -> NetError:
    return NetError(Diagnostic("", message, helps=(help,)), exit_code=2)
