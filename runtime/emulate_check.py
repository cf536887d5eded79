"""A compiled program in; what its CUDA kernels do wrong, as diagnostics, out."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from netc.compiler.diagnostics import Diagnostic, NetError
from netc.compiler.program import FunctionFacts, Program, Tensor
from netc.emulator.launch import Schedule
from netc.runtime.arena import DTYPES
from netc.runtime.emulate import Emulate
from netc.runtime.session import Session

SCHEDULE = Schedule(order=7, is_late=True, sample=16)
LEAST_CLASSES = 2  # whole numbers below it are labels and places that every program has


def emulate_check(program: Program, folder: Path) -> tuple[Diagnostic, ...]:
    """One step of every function of the program, with the accesses of every kernel checked.

    Returns what the kernels did wrong, by the order of the functions: nothing, if netc is right.
    """
    device = Emulate(program, folder, True, SCHEDULE)
    found = tuple(check_functions(program, folder, device))
    device.close()
    return found


def check_functions(program: Program, folder: Path, device: Emulate) -> Iterator[Diagnostic]:
    for function in device.program.functions:
        Session(program, folder, device)  # weights and counters as at the start of training
        try:
            device.run(function, made_up(function), None, 1)
        except NetError as error:
            yield from error.diagnostics


def made_up(function: FunctionFacts) -> tuple[np.ndarray, ...]:
    """A batch of numbers around zero, and of whole numbers that any program can take."""
    random = np.random.default_rng(1)
    return tuple(made_up_field(field, random) for field in function.fields)


def made_up_field(field: Tensor, random: np.random.Generator) -> np.ndarray:
    dtype = DTYPES[field.dtype]
    if dtype.kind == "f":
        return random.normal(size=field.shape).astype(dtype)
    return random.integers(0, LEAST_CLASSES, field.shape).astype(dtype)
