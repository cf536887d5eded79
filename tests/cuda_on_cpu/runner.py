"""Runs a function's CUDA C on this CPU: a function and arrays in, arrays out. For tests only.

The source is compiled by g++ behind cuda_on_cpu.h, and launched as the launch data says, so that
both are tested: kernels, grids, offsets and all.
"""

import ctypes
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from netc.compiler.ir.graph import Graph, Role, Value
from netc.compiler.kernels.memory import plan_persistent
from netc.compiler.ops.table import OPS
from netc.compiler.targets.cuda import launches, render_function
from netc.compiler.targets.cuda_launches import (
    CudaLaunch,
    CudaStep,
    Pointer,
    from_json,
    to_json,
)
from netc.compiler.targets.function import Function, make_function

HEADER = Path(__file__).parent / "cuda_on_cpu.h"
ARCH = "sm_90a"
ARRAYS = {"f32": np.float32, "i32": np.int32, "u8": np.uint8, "bool": np.uint8}


def function_of(graph: Graph, batch: int = 1) -> Function:
    """The graph as kernels in memory; whatever is not a field lasts."""
    lasting = tuple(entry for entry in graph.inputs if entry.role is not Role.FIELD)
    return make_function(graph, batch, OPS, plan_persistent(lasting))


def source_of(function: Function, arch: str = ARCH) -> str:
    return render_function(function, arch, ())


class CudaOnCpu:
    """A function that is compiled and has an arena, in which every unset byte is part of a NaN."""

    def __init__(self, function: Function, folder: Path) -> None:
        self.function = function
        self.step = from_json(to_json(launches(function, ARCH, function.name)))
        self.arena = np.full(function.memory.arena_bytes + 256, 0xFF, np.uint8)
        self.code = build(source_of(function) + entry_point(self.step), folder)

    def write(self, value: Value, array: np.ndarray) -> None:
        array = np.ascontiguousarray(array, ARRAYS[value.type.dtype])
        assert array.shape == value.type.shape
        place = self.function.memory.buffer(value.name)
        self.arena[place.offset : place.offset + place.bytes] = array.reshape(-1).view(np.uint8)

    def read(self, value: Value) -> np.ndarray:
        place = self.function.memory.buffer(value.name)
        raw = self.arena[place.offset : place.offset + place.bytes]
        return raw.view(ARRAYS[value.type.dtype]).reshape(value.type.shape).copy()

    def run(self, fields: list[np.ndarray], order: np.ndarray, steps: int, backward: bool):
        """The log of so many steps, whose samples are rows of `fields` in this order."""
        log = np.full((steps, self.step.outputs), np.nan, np.float32)
        cursor = np.zeros(1, np.int32)
        rows = (ctypes.c_void_p * max(len(fields), 1))(*(f.ctypes.data for f in fields))
        for _ in range(steps):
            self.code.netc_step(
                address(self.arena), rows, address(order), address(log), address(cursor), backward
            )
        assert cursor[0] == steps
        return log


def run_graph(
    graph: Graph, arrays: Mapping[str, np.ndarray], folder: Path, backward: bool = False
) -> dict[str, np.ndarray]:
    """Every output by its name and every update by its target's name, as `interpret` gives them."""
    function = function_of(graph)
    machine = CudaOnCpu(function, folder)
    fields = []
    for entry in graph.inputs:
        array = np.ascontiguousarray(arrays[entry.value.name], ARRAYS[entry.value.type.dtype])
        if entry.role is Role.FIELD:
            fields.append(array)
        elif entry.value.name in dict(function.memory.places):
            machine.write(entry.value, array)
    machine.run(fields, np.zeros(1, np.int64), 1, backward)
    results = {output.name: machine.read(output.value) for output in graph.outputs}
    return results | {update.target.name: machine.read(update.target) for update in graph.updates}


def address(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def build(source: str, folder: Path) -> ctypes.CDLL:
    """The source as a loaded library; out of bounds of a shared or register array is a trap."""
    path = folder / "step.cpp"
    path.write_text(source, encoding="utf-8")
    flags = ["-std=c++17", "-O1", "-w", "-shared", "-fPIC", "-ffp-contract=off"]
    flags += ["-fsanitize=bounds", "-fsanitize-undefined-trap-on-error", "-include", str(HEADER)]
    library = folder / "step.so"
    subprocess.run(["g++", *flags, str(path), "-o", str(library)], check=True)
    return ctypes.CDLL(str(library))


def entry_point(step: CudaStep) -> str:
    """One C function that launches every kernel of a step in order."""
    calls = [launch_text(number, launch) for number, launch in enumerate(step.launches)]
    copies = [f"    memcpy(arena + {t}, arena + {s}, {n});" for s, t, n in step.copies]
    last = launch_text(len(step.launches), step.last)
    lines = [wrapper(n, launch) for n, launch in enumerate((*step.launches, step.last))]
    lines.append(
        'extern "C" void netc_step(char *arena, void **fields, void *order, void *log, '
        "void *cursor, int backward)\n{"
    )
    return "\n".join(["", *lines, *calls, *copies, last, "}", ""])


def wrapper(number: int, launch: CudaLaunch) -> str:
    count = range(len(launch.parameters))
    arguments = ", ".join(f"netc_address{{arguments[{i}]}}" for i in count)
    body = f"{{ {launch.kernel}({arguments}); }}"
    return f"static void netc_call_{number}(void **arguments) {body}"


def launch_text(number: int, launch: CudaLaunch) -> str:
    pointers = ", ".join(pointer_text(pointer) for pointer in launch.parameters)
    grid, block = (f"{{{', '.join(map(str, sizes))}}}" for sizes in (launch.grid, launch.block))
    return (
        f"    {{ void *arguments[] = {{{pointers}}};\n"
        f"      netc_launch(netc_call_{number}, arguments, {grid}, {block}, backward); }}"
    )


def pointer_text(pointer: Pointer) -> str:
    if pointer.space == "arena":
        return f"arena + {pointer.offset}"
    return f"fields[{pointer.offset}]" if pointer.space == "field" else pointer.space
