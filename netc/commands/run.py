"""Compute a net's outputs for inputs, or let it write a text on, with trained weights."""

import argparse
import codecs
import io
import json
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from netc.api import Program, started
from netc.commands.common import (
    add_device,
    add_json,
    add_program,
    add_trained,
    natural,
    number,
    open_program,
    positive,
    trained,
    wrong_use,
)
from netc.commands.inputs import chosen_inputs
from netc.runtime.data.classes import named
from netc.runtime.files import write_atomically
from netc.runtime.pictures import png
from netc.runtime.sample import Taste, write_on

PREFIX = "run_"
MANY = 200  # words that are printed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_program(parser)
    parser.add_argument("--net", metavar="NAME", help="where the program has several")
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--inputs", metavar="PATH", help="an .npz by name, or .npy of one input")
    given.add_argument("--rows", type=positive, metavar="N", help="the first of the test data")
    given.add_argument("--random", type=positive, metavar="N", help="rows of normal numbers")
    given.add_argument("--sample", metavar="TEXT", help="the start of a text; the net writes on")
    parser.add_argument("--length", type=positive, default=200, help="letters to write (200)")
    parser.add_argument(
        "--temperature", type=warmth, default=1.0, help="0: the likeliest letter, 1: as learned (1)"
    )
    parser.add_argument("--seed", type=natural, default=0, help="of --random and --sample (0)")
    parser.add_argument("--out", metavar="FILE.npz", help="write the outputs instead of printing")
    parser.add_argument("--png", metavar="FILE.png", help="write the first output as pictures")
    add_trained(parser)
    add_device(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    program = open_program(arguments)
    net = chosen_net(program, arguments.net)
    if arguments.out is not None and Path(arguments.out).suffix != ".npz":
        raise wrong_use("outputs are written as .npz", "--out outputs.npz")
    if arguments.png is not None and Path(arguments.png).suffix != ".png":
        raise wrong_use("pictures are written as .png", "--png pictures.png")
    if arguments.sample is not None:
        return write(program, net, arguments)
    function = program.facts.function(PREFIX + net)
    inputs = {} if function is None else chosen_inputs(program, function, arguments)
    session = started(program, trained(program, arguments))
    outputs = session.run(net, **inputs)
    together = outputs if isinstance(outputs, tuple) else (outputs,)
    names = [name for name, _ in session.function(PREFIX + net).outputs]
    found = dict(zip(names, together, strict=True))
    tell(found, named(session.classes, found), arguments)
    return 0


def warmth(text: str) -> float:
    value = number(text)
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text!r:.40} is not a number from 0 to 100")
    return value


def write(program: Program, net: str, arguments: argparse.Namespace) -> int:
    """Print the start of a text and, letter by letter, what the net makes of it."""
    if arguments.out is not None:
        raise wrong_use("`--out` is for the outputs of `--inputs`", "redirect the text: > FILE")
    session = started(program, trained(program, arguments))
    start = arguments.sample.encode(errors="surrogateescape")
    taste = Taste(arguments.temperature, arguments.seed)
    letters = write_on(session, net, start, arguments.length, taste)
    if arguments.json:
        print(json.dumps({"text": "".join(readable([*start, *letters]))}))
        return 0
    first = next(letters)  # faults come before anything is printed
    for character in readable(chain(start, (first,), letters)):
        print(character, end="", flush=True)
    print()
    return 0


def readable(letters: Iterable[int]) -> Iterator[str]:
    """Bytes as characters, whole ones only; what would steer a terminal is shown as `?`."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    for letter in letters:
        for character in decoder.decode(bytes((letter,))):
            yield character if character.isprintable() or character in "\n\t" else "?"
    yield decoder.decode(b"", final=True)


def chosen_net(program: Program, name: str | None) -> str:
    if name is not None:
        return name
    names = {function.name for function in program.functions}
    nets = {one.removeprefix(PREFIX) for one in names if one.startswith(PREFIX)}
    if len(nets) != 1:
        found = ", ".join(sorted(nets)) or "none"
        raise wrong_use(f"`--net` must say which net: there are {found}", "--net NAME")
    return nets.pop()


def tell(
    outputs: dict[str, np.ndarray], classes: dict[str, list[str]], arguments: argparse.Namespace
) -> None:
    """Write the outputs to the files that are named, or print them where none is, and with them
    the `classes` that they stand for."""
    if arguments.png is not None:
        write_atomically(Path(arguments.png), png(next(iter(outputs.values()))))
    if arguments.out is not None:
        buffer = io.BytesIO()
        np.savez(buffer, **outputs)
        write_atomically(Path(arguments.out), buffer.getvalue())
    if arguments.json:
        told: dict[str, object] = {name: array.tolist() for name, array in outputs.items()}
        print(json.dumps(told | ({"classes": classes} if classes else {})))
    elif arguments.png is None and arguments.out is None:
        for name, array in outputs.items():
            print(f"{name}: {array.dtype}{list(array.shape)}")
            print(np.array2string(array, precision=4, suppress_small=True, threshold=200))
        for name, found in classes.items():
            print(f"{name} as classes: {shortened(found)}")


def shortened(words: list[str]) -> str:
    """The first and the last of many words."""
    shown = words if len(words) <= MANY else [*words[: MANY // 2], "...", *words[-MANY // 2 :]]
    return "".join(readable(", ".join(shown).encode()))
