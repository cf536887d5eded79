"""A graph in; its CUDA C, or a text made from it, run in the emulator; outputs and updates out."""

from collections.abc import Mapping

import numpy as np

from netc.compiler.ir.graph import Graph, Role, Value
from netc.compiler.kernels.memory import plan_persistent
from netc.compiler.ops.table import OPS
from netc.compiler.targets.cuda import launches, render_function
from netc.compiler.targets.cuda_launches import from_json, to_json
from netc.compiler.targets.function import make_function
from netc.emulator.launch import FORWARD, Schedule
from netc.emulator.memory import Buffer
from netc.emulator.step import build_step

ARCH = "sm_90a"
DTYPES = {"f32": np.float32, "i32": np.int32, "u8": np.uint8, "bool": np.uint8}


class Emulated:
    """A function in the emulator; `source` is what netc renders, for tests to spoil."""

    def __init__(self, graph: Graph) -> None:
        lasting = tuple(entry for entry in graph.inputs if entry.role is not Role.FIELD)
        self.graph = graph
        self.function = make_function(graph, 1, OPS, plan_persistent(lasting))
        self.source = render_function(self.function, ARCH, ())
        self.launches = from_json(to_json(launches(self.function, ARCH, self.function.name)))

    def build(self, checked: bool, source: str | None = None) -> None:
        self.step = build_step(source or self.source, self.launches, checked)

    def results(
        self, arrays: Mapping[str, np.ndarray], schedule: Schedule = FORWARD
    ) -> dict[str, np.ndarray]:
        """Every output by its name and every update by its target's name, as of `interpret`."""
        size = self.function.memory.arena_bytes + 256
        arena = Buffer("arena", np.full(size, 0xFF, np.uint8), np.zeros(size, np.uint8))
        fields = []
        for entry in self.graph.inputs:
            value = entry.value
            array = np.array(arrays[value.name], DTYPES[value.type.dtype], order="C")
            if entry.role is Role.FIELD:
                fields.append(array)
            elif value.name in dict(self.function.memory.places):
                arena.bytes[self.place(value)] = array.reshape(-1).view(np.uint8)
                arena.written[self.place(value)] = 1
        self.step.run(arena, tuple(fields), np.zeros(1, np.int64), 1, schedule)
        found = {output.name: output.value for output in self.graph.outputs}
        found |= {update.target.name: update.target for update in self.graph.updates}
        return {name: self.read(arena, value) for name, value in found.items()}

    def place(self, value: Value) -> slice:
        buffer = self.function.memory.buffer(value.name)
        return slice(buffer.offset, buffer.offset + buffer.bytes)

    def read(self, arena: Buffer, value: Value) -> np.ndarray:
        raw = arena.bytes[self.place(value)].view(DTYPES[value.type.dtype])
        return raw.reshape(value.type.shape).copy()
