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
    natural,
    open_program,
    positive,
    trained,
    wrong_use,
)
from netc.compiler.program import FunctionFacts
from netc.runtime.data.sources import read_file
from netc.runtime.errors import fail
from netc.runtime.feeding import open_data
from netc.runtime.files import write_atomically
from netc.runtime.pictures import png

PREFIX = "run_"
Arrays = dict[str, np.ndarray]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_program(parser)
    parser.add_argument("--net", metavar="NAME", help="where the program has several")
    inputs = parser.add_mutually_exclusive_group(required=True)
    inputs.add_argument("--inputs", metavar="PATH", help="an .npz by name, or .npy of one input")
    inputs.add_argument("--rows", type=positive, metavar="N", help="the first of the test data")
    inputs.add_argument("--random", type=positive, metavar="N", help="rows of normal numbers")
    parser.add_argument("--seed", type=natural, default=0, help="of --random")
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
    inputs = chosen_inputs(program, net, arguments)
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


def chosen_inputs(program: Program, net: str, arguments: argparse.Namespace) -> Arrays:
    if arguments.inputs is not None:
        return read_inputs(program, net, Path(arguments.inputs))
    function = program.facts.function(PREFIX + net)
    if function is None:
        return {}  # the session tells which nets there are
    if arguments.rows is not None:
        return test_rows(program, function, arguments.rows)
    return random_rows(function, arguments.random, arguments.seed)


def test_rows(program: Program, function: FunctionFacts, rows: int) -> Arrays:
    """The first rows of the program's own data, of its test part where there is one, by name."""
    data = open_data(program.facts)
    part = data.train if data.test is None else data.test
    lacking = [field.name for field in function.fields if field.name not in part]
    if lacking:
        there = ", ".join(f"`{name}`" for name in part)
        message = f"the net takes `{lacking[0]}`, which is no field of the data: {there}"
        raise fail("E0523", message, help="give the inputs: `--inputs FILE.npz`")
    return {field.name: part[field.name][:rows] for field in function.fields}


def random_rows(function: FunctionFacts, rows: int, seed: int) -> Arrays:
    """Standard normal numbers for each input; NetError where one is not f32."""
    random = np.random.Generator(np.random.Philox(seed))
    wrong = [field for field in function.fields if field.dtype != "f32"]
    if wrong:
        message = f"`--random` makes f32, the net takes `{wrong[0].name}` as {wrong[0].dtype}"
        raise fail("E0521", message, help="give the inputs: `--inputs FILE.npz`")
    shapes = {field.name: (rows, *field.shape[1:]) for field in function.fields}
    return {name: random.standard_normal(shape, np.float32) for name, shape in shapes.items()}


def read_inputs(program: Program, net: str, path: Path) -> dict[str, np.ndarray]:
    """Arrays by input; the array of an .npy file is the input where there is only one."""
    arrays = read_file(path).train
    function = program.facts.function(PREFIX + net)
    if path.suffix == ".npy" and function is not None and len(function.fields) == 1:
        return {function.fields[0].name: next(iter(arrays.values()))}
    return dict(arrays)


def tell(outputs: dict[str, np.ndarray], arguments: argparse.Namespace) -> None:
    """Write the outputs to the files that are named, or print them where none is."""
    if arguments.png is not None:
        write_atomically(Path(arguments.png), png(next(iter(outputs.values()))))
    if arguments.out is not None:
        buffer = io.BytesIO()
        np.savez(buffer, **outputs)
        write_atomically(Path(arguments.out), buffer.getvalue())
    if arguments.json:
        print(json.dumps({name: array.tolist() for name, array in outputs.items()}))
    elif arguments.png is None and arguments.out is None:
        for name, array in outputs.items():
            print(f"{name}: {array.dtype}{list(array.shape)}")
            print(np.array2string(array, precision=4, suppress_small=True, threshold=200))
