"""A checkpoint and a program come in; a session that goes on from it, or why none can, goes out."""

from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path

import numpy as np

from netc.compiler.diagnostics import NetError
from netc.compiler.program import Program, load
from netc.runtime.arena import DTYPES
from netc.runtime.checkpoint import Checkpoint
from netc.runtime.data.classes import from_text
from netc.runtime.errors import fail
from netc.runtime.session import Session

MOST_DIFFERENCES = 6


def load_program(folder: Path) -> Program:
    """The program of a build folder; NetError E0613 if there is none, E0614 if it is damaged."""
    try:
        return load(folder)
    except (FileNotFoundError, NotADirectoryError) as error:
        message = f"there is no program in `{folder}`"
        raise fail("E0613", message, help="`netc compile FILE` makes one") from error
    except OSError as error:
        raise fail("E0613", f"cannot read the program in `{folder}`: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        message = f"the program in `{folder}` is damaged or of another version of netc"
        raise fail("E0614", message, help="compile it again: `netc compile FILE`") from error


def restore(session: Session, found: Checkpoint, source: str = "") -> None:
    """Set a session to a checkpoint of its very program; NetError E0610 says what differs.

    `source` is the text that the checkpoint's program was compiled from, where it is known.
    """
    if found.facts.program_hash != session.program.hash:
        raise another_program(session, found, source)
    wrong = differences(session.program, found.tensors)
    if wrong:
        raise fail("E0610", f"`{found.path}` does not fit its own program", notes=wrong)
    session.restore(found.tensors, found.facts.seed)
    session.classes = from_text(dict(found.facts.extra).get("classes", ""))


def another_program(session: Session, found: Checkpoint, source: str) -> NetError:
    program = session.program
    notes = changed_lines(source, session.folder / f"{program.name}.net")
    notes += differences(program, found.tensors)
    if not notes:
        notes = ("the weights have the same names and shapes: what is computed has changed",)
    return fail(
        "E0610",
        f"the checkpoint `{found.path}` belongs to another program",
        notes=(f"its program is {found.facts.program_hash}, this one {program.hash}", *notes),
        help="compile the program that it was made with, or start a new run",
    )


def changed_lines(before: str, path: Path) -> tuple[str, ...]:
    """The first line of the source that is another now."""
    try:
        after = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ()
    pairs = zip_longest(before.splitlines(), after.splitlines(), fillvalue="")
    for number, (old, new) in enumerate(pairs, 1):
        if before and old != new:
            return (f"line {number} was `{old.strip()}` and is `{new.strip()}` now",)
    return ()


def differences(program: Program, tensors: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """What a checkpoint's tensors and the program's disagree on, in words."""
    wanted = {entry.tensor.name: entry.tensor for entry in program.saved}
    told = [f"it lacks `{name}`" for name in wanted if name not in tensors]
    told += [f"the program has no `{name}`" for name in tensors if name not in wanted]
    for name, tensor in wanted.items():
        array = tensors.get(name)
        if array is None:
            continue
        if array.shape != tensor.shape:
            told.append(f"`{name}` is {list(array.shape)} in it, {list(tensor.shape)} here")
        elif array.dtype != DTYPES[tensor.dtype]:
            told.append(f"`{name}` is {array.dtype} in it, {tensor.dtype} here")
    more = len(told) - MOST_DIFFERENCES
    return tuple(told[:MOST_DIFFERENCES]) + ((f"and {more} more",) if more > 0 else ())
