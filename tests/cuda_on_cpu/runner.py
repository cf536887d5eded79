"""A graph or a function in; its CUDA C in the emulator, outputs and updates out. For tests only."""

from collections.abc import Mapping

import numpy as np

from netc.compiler.ir.graph import Graph, Role, Value
from netc.compiler.kernels.memory import plan_persistent
from netc.compiler.ops.table import OPS
from netc.compiler.targets.cuda import render_function
from netc.compiler.targets.cuda_launches import from_json, to_json
from netc.compiler.targets.cuda_step import launches
from netc.compiler.targets.function import Function, make_function
from netc.emulator.launch import FORWARD, Schedule
from netc.emulator.memory import Buffer
from netc.emulator.step import build_step

ARCH = "sm_90a"
Arrays = Mapping[str, np.ndarray]
ARRAYS = {"f32": np.float32, "i32": np.int32, "u8": np.uint8, "bool": np.uint8}


def function_of(graph: Graph, batch: int = 1) -> Function:
    """The graph as kernels in memory; whatever is not a field lasts."""
    lasting = tuple(entry for entry in graph.inputs if entry.role is not Role.FIELD)
    return make_function(graph, batch, OPS, plan_persistent(lasting))


def source_of(function: Function, arch: str = ARCH) -> str:
    return render_function(function, arch, ())


class CudaOnCpu:
    """A function that is compiled and has an arena, in which every unset byte is part of a NaN.

    `source` is what netc renders, or what a test has made of that.
    """

    def __init__(
        self,
        function: Function,
        checked: bool = False,
        source: str | None = None,
        arch: str = ARCH,
    ) -> None:
        self.function = function
        step = from_json(to_json(launches(function, arch, function.name)))
        self.step = build_step(source or source_of(function, arch), step, checked)
        self.clear()

    def clear(self) -> None:
        size = self.function.memory.arena_bytes + 256
        self.arena = Buffer("arena", np.full(size, 0xFF, np.uint8), np.zeros(size, np.uint8))

    def place(self, value: Value) -> slice:
        buffer = self.function.memory.buffer(value.name)
        return slice(buffer.offset, buffer.offset + buffer.bytes)

    def write(self, value: Value, array: np.ndarray) -> None:
        array = np.array(array, ARRAYS[value.type.dtype], order="C")
        assert array.shape == value.type.shape
        self.arena.bytes[self.place(value)] = array.reshape(-1).view(np.uint8)
        self.arena.written[self.place(value)] = 1

    def read(self, value: Value) -> np.ndarray:
        raw = self.arena.bytes[self.place(value)].view(ARRAYS[value.type.dtype])
        return raw.reshape(value.type.shape).copy()

    def run(
        self,
        fields: list[np.ndarray],
        order: np.ndarray,
        steps: int,
        schedule: Schedule = FORWARD,
    ) -> np.ndarray:
        """The log of so many steps, whose samples are rows of `fields` in this order."""
        return self.step.run(self.arena, tuple(fields), order, steps, schedule)

    def results(self, arrays: Arrays, schedule: Schedule = FORWARD) -> dict[str, np.ndarray]:
        """Every output by its name and every update by its target's name, as of `interpret`."""
        self.clear()
        graph, fields = self.function.graph, []
        for entry in graph.inputs:
            if entry.role is Role.FIELD:
                array = arrays[entry.value.name]
                fields.append(np.array(array, ARRAYS[entry.value.type.dtype], order="C"))
            elif entry.value.name in dict(self.function.memory.places):
                self.write(entry.value, arrays[entry.value.name])
        self.run(fields, np.zeros(1, np.int64), 1, schedule)
        results = {output.name: self.read(output.value) for output in graph.outputs}
        return results | {u.target.name: self.read(u.target) for u in graph.updates}
