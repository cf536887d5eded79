"""Compute a net's outputs for inputs, with trained weights."""

import argparse
import io
import json
from pathlib import Path

import numpy as np

from netc.api import Program, started
from netc.commands.common import (
    add_device,
    add_json,
    add_program,
    add_trained,
    open_program,
    trained,
    wrong_use,
)
from netc.runtime.data.sources import read_file
from netc.runtime.files import write_atomically

PREFIX = "run_"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_program(parser)
    parser.add_argument("--net", metavar="NAME", help="where the program has several")
    parser.add_argument(
        "--inputs", required=True, metavar="PATH", help="an .npz by name, or .npy of one input"
    )
    parser.add_argument("--out", metavar="FILE.npz", help="write the outputs instead of printing")
    add_trained(parser)
    add_device(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    program = open_program(arguments)
    net = chosen_net(program, arguments.net)
    if arguments.out is not None and Path(arguments.out).suffix != ".npz":
        raise wrong_use("outputs are written as .npz", "--out outputs.npz")
    inputs = read_inputs(program, net, Path(arguments.inputs))
    session = started(program, trained(program, arguments))
    outputs = session.run(net, **inputs)
    together = outputs if isinstance(outputs, tuple) else (outputs,)
    names = [name for name, _ in session.function(PREFIX + net).outputs]
    tell(dict(zip(names, together, strict=True)), arguments)
    return 0


def chosen_net(program: Program, name: str | None) -> str:
    if name is not None:
        return name
    names = {function.name for function in program.functions}
    nets = {one.removeprefix(PREFIX) for one in names if one.startswith(PREFIX)}
    if len(nets) != 1:
        found = ", ".join(sorted(nets)) or "none"
        raise wrong_use(f"`--net` must say which net: there are {found}", "--net NAME")
    return nets.pop()


def read_inputs(program: Program, net: str, path: Path) -> dict[str, np.ndarray]:
    """Arrays by input; the array of an .npy file is the input where there is only one."""
    arrays = read_file(path).train
    function = program.facts.function(PREFIX + net)
    if path.suffix == ".npy" and function is not None and len(function.fields) == 1:
        return {function.fields[0].name: next(iter(arrays.values()))}
    return dict(arrays)


def tell(outputs: dict[str, np.ndarray], arguments: argparse.Namespace) -> None:
    if arguments.out is not None:
        buffer = io.BytesIO()
        np.savez(buffer, **outputs)
        write_atomically(Path(arguments.out), buffer.getvalue())
    elif arguments.json:
        print(json.dumps({name: array.tolist() for name, array in outputs.items()}))
    else:
        for name, array in outputs.items():
            print(f"{name}: {array.dtype}{list(array.shape)}")
            print(np.array2string(array, precision=4, suppress_small=True, threshold=200))
