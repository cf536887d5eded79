"""The device `cpu`: the C source of a program, built on first use and called for many steps."""

import ctypes
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netc.compiler.build.cc import build_library, find_compiler, instruction_sets
from netc.compiler.build.processor import processor_flags
from netc.compiler.program import FunctionFacts, Program, Tensor
from netc.runtime.arena import allocate, processors, view
from netc.runtime.errors import ENVIRONMENT, fail
from netc.runtime.functions import numbers

PROFILED = "NETC_PROFILE"  # the macro with which a library counts the time of its kernels
# A library has one team of threads, and sessions may share a library: one call at a time.
ONE_AT_A_TIME = threading.Lock()


CALL = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)


@dataclass(frozen=True)
class Entry:
    """A function of a library, ready to be called: nothing is looked up then. `rows` is the array
    of its `netc_field`s, each of which is two numbers: an address and the bytes of a row."""

    call: Callable
    rows: type[ctypes.Array]
    numbers: int

    @classmethod
    def of(cls, library: ctypes.CDLL, function: FunctionFacts) -> "Entry":
        call = getattr(library, function.symbol)
        call.argtypes, call.restype = CALL, None
        return cls(call, ctypes.c_int64 * (2 * len(function.fields)), len(numbers(function)))


class Cpu:
    """A program in the memory of this machine."""

    name = target = "cpu"

    def __init__(self, program: Program, folder: Path, threads: int) -> None:
        self.threads = threads or processors()
        self.about = find_compiler().version
        self.march = program.march
        refuse_foreign(program.march)
        self.folder = folder
        self.arena = allocate(program.on(self.target).arena_bytes)
        self.place = self.arena.ctypes.data  # asking takes longer than a small net
        self.libraries: dict[tuple[str, ...], ctypes.CDLL] = {}
        self.entries: dict[str, Entry] = {}

    def read(self, tensor: Tensor) -> np.ndarray:
        return view(self.arena, tensor).copy()

    def write(self, tensor: Tensor, array: np.ndarray) -> None:
        view(self.arena, tensor)[...] = array

    def prepare(self, function: FunctionFacts) -> None:
        self.library(function)

    def run(
        self,
        function: FunctionFacts,
        fields: tuple[np.ndarray, ...],
        order: np.ndarray | None,
        steps: int,
    ) -> np.ndarray:
        entry = self.entries.get(function.symbol)
        if entry is None:
            entry = self.entries[function.symbol] = Entry.of(self.library(function), function)
        return self.call(entry, fields, order, steps)

    def call(
        self, entry: Entry, fields: tuple[np.ndarray, ...], order: np.ndarray | None, steps: int
    ) -> np.ndarray:
        log = np.zeros((steps, entry.numbers), np.float32)
        places = [number for array in fields for number in (address(array), row_bytes(array))]
        rows = entry.rows(*places)
        with ONE_AT_A_TIME:
            entry.call(self.place, rows, address(order), steps, address(log))
        return log

    def run_kernel(self, function: FunctionFacts, number: int) -> None:
        call = getattr(self.library(function), f"{function.symbol}_kernel")
        call(ctypes.c_void_p(self.arena.ctypes.data), ctypes.c_int64(number))

    def profile(
        self, function: FunctionFacts, fields: tuple[np.ndarray, ...], order: np.ndarray, steps: int
    ) -> np.ndarray:
        """Run so many steps in a profiled build: the seconds that each kernel took of all threads
        together, on the processor, in one step."""
        library = self.library(function, PROFILED)
        self.call(Entry.of(library, function), fields, order, steps)
        spent = np.zeros(len(function.kernels))
        library.netc_profile(ctypes.c_void_p(spent.ctypes.data), ctypes.c_int64(len(spent)))
        return spent / steps

    def library(self, function: FunctionFacts, *defines: str) -> ctypes.CDLL:
        """The library of a function, built with these macros, its threads started."""
        key = (function.symbol, *defines)
        if key not in self.libraries:
            self.libraries[key] = self.load(*key)
        return self.libraries[key]

    def load(self, symbol: str, *defines: str) -> ctypes.CDLL:
        source = self.folder / "c" / f"{symbol}.c"
        if not source.is_file():
            raise fail(
                "E0614",
                f"the build folder lacks `{source}`",
                help="`netc compile FILE --target cpu` writes it",
            )
        path = build_library(source, *defines, march=self.march).resolve()
        with ONE_AT_A_TIME:
            library = ctypes.CDLL(str(path))
            library.netc_start(self.threads)
        return library

    def close(self) -> None:
        """The libraries stay: their threads sleep, and the next session takes them over."""
        self.libraries.clear()
        self.entries.clear()
        self.arena = self.arena[:0]


def refuse_foreign(march: str) -> None:
    """A program for a processor that has vectors which this one lacks would be killed midway."""
    missing = sorted(instruction_sets(march) - processor_flags())
    if missing:
        raise fail(
            "E0717",
            f"the program is for {march}, and this processor has no {', '.join(missing)}",
            help="compile it again without `--march`",
            exit_code=ENVIRONMENT,
        )


def open_cpu(program: Program, folder: Path, threads: int) -> Cpu:
    return Cpu(program, folder, threads)


def address(array: np.ndarray | None) -> int:
    """Where an array begins; 0 where there is nothing in it."""
    if array is None or not array.size:
        return 0
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))
    except TypeError:  # it may only be read: that way takes four times as long
        return array.ctypes.data


def row_bytes(array: np.ndarray) -> int:
    return array.strides[0] if array.ndim and len(array) else 0
