"""A net's parameters and the words of the command line come in; the arrays to run on go out."""

import argparse
from pathlib import Path

import numpy as np

from netc.api import Program
from netc.compiler.program import FunctionFacts
from netc.runtime.data.sources import read_file
from netc.runtime.errors import fail
from netc.runtime.feeding import open_data

Arrays = dict[str, np.ndarray]


def chosen_inputs(
    program: Program, function: FunctionFacts | None, arguments: argparse.Namespace
) -> Arrays:
    """Arrays by input: of a file, the program's own data, or random numbers."""
    if arguments.inputs is not None:
        return read_inputs(function, Path(arguments.inputs))
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


def read_inputs(function: FunctionFacts | None, path: Path) -> Arrays:
    """Arrays by input; the array of an .npy file is the input where there is only one."""
    arrays = read_file(path).train
    if path.suffix == ".npy" and function is not None and len(function.fields) == 1:
        return {function.fields[0].name: next(iter(arrays.values()))}
    return dict(arrays)
