"""What a session asks of a device: memory that lasts, and functions that run many steps at once."""

from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import numpy as np

from netc.compiler.diagnostics import nearest
from netc.compiler.program import FunctionFacts, Program, Tensor
from netc.runtime.cuda_driver import why_no_cuda
from netc.runtime.errors import ENVIRONMENT, fail

# Modules are loaded only when they are asked for: each may need what the others do not.
DEVICES = MappingProxyType(
    {
        "cpu": ("netc.runtime.cpu", "open_cpu", "cpu"),
        "cuda": ("netc.runtime.cuda", "open_cuda", "cuda"),
        "emulate": ("netc.runtime.emulate", "open_emulate", "cuda"),
        "reference": ("netc.runtime.reference", "open_reference", "cpu"),
    }
)
Fields = tuple[np.ndarray, ...]


class Device(Protocol):
    """A program on a device: `target` is whose functions it runs, `about` what runs them."""

    name: str
    target: str
    about: str
    threads: int

    def read(self, tensor: Tensor) -> np.ndarray:
        """A copy of a tensor."""

    def write(self, tensor: Tensor, array: np.ndarray) -> None:
        """Set a tensor to an array of its very dtype and shape."""

    def prepare(self, function: FunctionFacts) -> None:
        """Build and load a function now, so that its first run takes no longer than the next."""

    def run(
        self, function: FunctionFacts, fields: Fields, order: np.ndarray | None, steps: int
    ) -> np.ndarray:
        """Run so many steps and return float32[steps, outputs of one number].

        `fields` are C-contiguous rows in the order of the function's fields. Step s takes the rows
        `order[s * batch : (s + 1) * batch]`, or without an order the rows of these numbers.
        """

    def run_kernel(self, function: FunctionFacts, number: int) -> None:
        """Run one kernel of a function, by its place in the function, on what was written."""

    def close(self) -> None:
        """Give everything back; a closed device is not used again."""


def open_device(name: str, program: Program, folder: Path, threads: int = 0) -> Device:
    """The program of a build folder on a device; no threads means one for each processor.

    Raises NetError where there is no such device (E0714) or not enough memory (E0710).
    """
    if name in DEVICES:
        module, opener, _ = DEVICES[name]
        return getattr(import_module(module), opener)(program, folder, threads)
    near = nearest(name, DEVICES)
    help = f"did you mean `{near}`?" if near else f"there are {', '.join(DEVICES)}"
    raise fail("E0714", f"there is no device `{name}`", help=help, exit_code=ENVIRONMENT)


def usual_device() -> str:
    """The device where none is named: `cuda` where a GPU and cuda-python are found, else `cpu`.

    The driver is looked for first, so that nothing of CUDA is loaded where there is none.
    """
    return "cuda" if why_no_cuda() is None else "cpu"


def target_of(name: str) -> str:
    """The target whose functions a device runs; `cpu` for a device that there is not."""
    return DEVICES[name][2] if name in DEVICES else "cpu"
