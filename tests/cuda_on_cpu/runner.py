"""Runs a function's CUDA C on this CPU: a function and arrays in, arrays out. For tests only.

The source is compiled by g++ behind cuda_on_cpu.h, and launched as the launch data says, so that
both are tested: kernels, grids, offsets and all.
"""

import ctypes
import mmap
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from netc.compiler.ir.graph import Graph, Role, Value
from netc.compiler.kernels.memory import plan_persistent
from netc.compiler.ops.table import OPS
from netc.compiler.targets.cuda import launches, render_function
from netc.compiler.targets.cuda_launches import CudaLaunch, from_json, to_json
from netc.compiler.targets.function import Function, make_function

HEADER = Path(__file__).parent / "cuda_on_cpu.h"
ARCH = "sm_75"  # whose kernels are plain CUDA C: the emulator runs those with tensor cores
Arrays = Mapping[str, np.ndarray]
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
        self.code = build(source_of(function), folder)
        self.clear()

    def clear(self) -> None:
        self.arena = np.full(self.function.memory.arena_bytes + 256, 0xFF, np.uint8)

    def write(self, value: Value, array: np.ndarray) -> None:
        array = np.array(array, ARRAYS[value.type.dtype], order="C")
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
        spaces = {"order": order, "log": log, "cursor": cursor, "arena": self.arena}
        for _ in range(steps):
            for launch in self.step.launches:
                self.launch(launch, fields, spaces, backward)
            for source, target, size in self.step.copies:
                self.arena[target : target + size] = self.arena[source : source + size]
            self.launch(self.step.last, fields, spaces, backward)
        assert cursor[0] == steps
        return log

    def launch(self, launch: CudaLaunch, fields, spaces, backward: bool) -> None:
        places = [
            fields[p.offset].ctypes.data
            if p.space == "field"
            else spaces[p.space].ctypes.data + p.offset
            for p in launch.parameters
        ]
        self.call(launch, places, backward)

    def call(self, launch: CudaLaunch, places: list[int], backward: bool) -> None:
        pointers = np.array(places, np.uint64)
        slots = pointers.ctypes.data + 8 * np.arange(len(pointers), dtype=np.uint64)
        launch_kernel(
            self.code, launch.kernel, slots.ctypes.data, launch.grid, launch.block, backward
        )

    def results(self, arrays: Arrays, backward: bool = False) -> dict[str, np.ndarray]:
        """Every output by its name and every update by its target's name, as of `interpret`."""
        self.clear()
        graph, fields = self.function.graph, []
        for entry in graph.inputs:
            if entry.role is Role.FIELD:
                array = arrays[entry.value.name]
                fields.append(np.array(array, ARRAYS[entry.value.type.dtype], order="C"))
            elif entry.value.name in dict(self.function.memory.places):
                self.write(entry.value, arrays[entry.value.name])
        self.run(fields, np.zeros(1, np.int64), 1, backward)
        results = {output.name: self.read(output.value) for output in graph.outputs}
        return results | {u.target.name: self.read(u.target) for u in graph.updates}


class GuardedOnCpu(CudaOnCpu):
    """The same, but every tensor that a kernel is given lies against a page that may not be
    touched, at its end or at its start: an access outside of it ends the process."""

    at_end = True

    def call(self, launch: CudaLaunch, places: list[int], backward: bool) -> None:
        sizes = self.sizes(launch.kernel)
        rooms = [
            Guarded(sizes[p.offset], self.at_end) if p.space == "arena" else None
            for p in launch.parameters
        ]
        pairs = [(room, place) for room, place in zip(rooms, places, strict=True) if room]
        for room, place in pairs:
            ctypes.memmove(room.address, place, room.size)
        moved = [room.address if room else place for room, place in zip(rooms, places, strict=True)]
        super().call(launch, moved, backward)
        for room, place in pairs:
            ctypes.memmove(place, room.address, room.size)

    def sizes(self, name: str) -> dict[int, int]:
        """The bytes of each tensor that a kernel is given, by its offset in the arena."""
        graph, memory = self.function.graph, self.function.memory
        values = {kernel.name: (*kernel.reads, *kernel.writes) for kernel in self.function.kernels}
        values["netc_take"] = tuple(e.value for e in graph.inputs if e.role is Role.FIELD)
        values["netc_log"] = tuple(output.value for output in graph.outputs)
        buffers = (memory.buffer(value.name) for value in values[name])
        return {buffer.offset: buffer.bytes for buffer in buffers}


class Guarded:
    """Memory of some bytes that starts behind, or ends before, a page without any access."""

    def __init__(self, size: int, at_end: bool) -> None:
        page = mmap.PAGESIZE
        room = -(-size // page) * page
        self.memory, self.size = mmap.mmap(-1, room + 2 * page), size
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        for guard in (start, start + page + room):
            assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(guard), page, 0) == 0
        self.address = start + page + (room - size if at_end else 0)


def launch_kernel(code: ctypes.CDLL, name: str, slots: int, grid, block, backward=False) -> None:
    """What a driver does: `slots` is the address of the addresses of the arguments."""
    sizes = (ctypes.c_uint(size) for size in (*grid, *block))
    getattr(code, f"launch_{name}")(ctypes.c_void_p(slots), *sizes, backward)


def build(source: str, folder: Path) -> ctypes.CDLL:
    """The source as a loaded library; out of bounds of a shared or register array is a trap."""
    path = folder / "step.cpp"
    path.write_text(source + entry_points(source), encoding="utf-8")
    flags = ["-std=c++17", "-O1", "-w", "-shared", "-fPIC", "-ffp-contract=off"]
    flags += ["-fsanitize=bounds", "-fsanitize-undefined-trap-on-error", "-include", str(HEADER)]
    library = folder / "step.so"
    subprocess.run(["g++", *flags, str(path), "-o", str(library)], check=True)
    return ctypes.CDLL(str(library))


def entry_points(source: str) -> str:
    """For every kernel of a source a C function that launches it."""
    kernels = re.findall(r'extern "C" __global__ [^{]*? void (\w+)\(([^{]*)\)\s*{', source)
    return "".join(entry_point(name, parameters.count("*")) for name, parameters in kernels)


def entry_point(name: str, count: int) -> str:
    arguments = ", ".join(f"netc_argument{{slots[{i}]}}" for i in range(count))
    return f"""
extern "C" void launch_{name}(
    void **slots, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
    int backward)
{{
    auto kernel = [](void **slots) {{ {name}({arguments}); }};
    netc_launch(kernel, slots, {{gx, gy, gz}}, {{bx, by, bz}}, backward);
}}
"""
