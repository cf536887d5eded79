"""A function's CUDA source and launches in; its steps run on this CPU, and their log out."""

from dataclasses import dataclass
from math import prod

import numpy as np

from netc.compiler.targets.cuda_launches import CudaLaunch, CudaStep, Matrix, Pointer, in_order
from netc.emulator.build import Module, build_module
from netc.emulator.findings import EmulatorError, Finding
from netc.emulator.launch import FORWARD, Schedule, launch
from netc.emulator.memory import Buffer, TensorMap, buffer, guarded

NOTHING = np.zeros(0, np.uint8)


@dataclass(frozen=True)
class EmulatedStep:
    """A compiled function. In a checked one, accesses are looked at and results must be whole."""

    step: CudaStep
    module: Module

    def run(
        self,
        arena: Buffer,
        fields: tuple[np.ndarray, ...],
        order: np.ndarray,
        steps: int,
        schedule: Schedule = FORWARD,
    ) -> np.ndarray:
        """Run so many steps and return float32[steps, outputs of one number].

        Step s takes the rows `order[s * batch : (s + 1) * batch]` of the fields. Raises
        EmulatorError with what a kernel did wrong.
        """
        log = np.zeros((steps, self.step.outputs), np.float32)
        spaces = {
            "arena": arena,
            "workspace": self.workspace(),
            "order": self.buffer("order", np.ascontiguousarray(order, np.int64)),
            "log": self.buffer("log", log),
            "cursor": self.buffer("cursor", np.zeros(1, np.int32)),
        }
        rows = tuple(self.buffer(f"field_{i}", array) for i, array in enumerate(fields))
        for _ in range(steps):
            for entry in in_order(self.step.launches):
                self.launch(entry, spaces, rows, schedule)
            for source, target, size in self.step.copies:
                copy(arena, source, target, size)
            self.launch(self.step.last, spaces, rows, schedule)
        return log

    def run_kernel(self, arena: Buffer, name: str, schedule: Schedule = FORWARD) -> None:
        """Run the kernel of this name alone, on what lies in the arena."""
        spaces = {"arena": arena, "workspace": self.workspace()}
        for entry in self.step.of_kernel(name):
            self.launch(entry, spaces, (), schedule)

    def workspace(self) -> Buffer:
        """Fresh, without values."""
        size = self.step.workspace_bytes
        return Buffer("workspace", guarded(size), np.zeros(size, np.uint8))

    def launch(
        self,
        entry: CudaLaunch,
        spaces: dict[str, Buffer],
        rows: tuple[Buffer, ...],
        schedule: Schedule,
    ) -> None:
        arguments = tuple(place(pointer, spaces, rows) for pointer in entry.parameters)
        given = zip(entry.parameters, arguments, strict=True)
        results = [argument for pointer, argument in given if pointer.is_result]
        if self.module.checked:
            for result in results:
                result.written[:] = 0
        launch(
            self.module, entry.kernel, entry.grid, entry.block, arguments, entry.shared_bytes,
            schedule,
        )  # fmt: skip
        if self.module.checked:
            self.check_results(entry, results)

    def check_results(self, entry: CudaLaunch, results: list[Buffer]) -> None:
        """A result that is not whole would be whatever was in its memory before."""
        for result in results:
            if not result.written.all():
                raise EmulatorError(unwritten(entry, result, self.module))

    def buffer(self, name: str, array: np.ndarray) -> Buffer:
        """An array as a buffer; only checks need to know which bytes have values."""
        if self.module.checked:
            return buffer(name, array)
        return Buffer(name, array.reshape(-1).view(np.uint8), NOTHING)


def build_step(source: str, step: CudaStep, checked: bool = False) -> EmulatedStep:
    """Compile a function's source, `SYMBOL.cu`, for this CPU."""
    return EmulatedStep(step, build_module(source, f"{step.symbol}.cu", checked))


def place(
    pointer: Pointer, spaces: dict[str, Buffer], rows: tuple[Buffer, ...]
) -> Buffer | TensorMap:
    """What a kernel's parameter points at, cut from its space."""
    if pointer.space == "field":
        return rows[pointer.offset]
    space = spaces[pointer.space]
    if pointer.space not in ("arena", "workspace"):
        return space
    part = slice(pointer.offset, pointer.offset + pointer.bytes)
    cut = Buffer(pointer.name, space.bytes[part], space.written[part])
    return tensor_map(cut, pointer.matrix) if pointer.matrix else cut


def tensor_map(buffer: Buffer, matrix: Matrix) -> TensorMap:
    sizes, box = (matrix.line, matrix.lines), (matrix.box_line, matrix.box_lines)
    return TensorMap(buffer, sizes, matrix.line_bytes, box, matrix.element_bytes, swizzle=3)


def copy(arena: Buffer, source: int, target: int, size: int) -> None:
    for memory in (arena.bytes, arena.written):
        memory[target : target + size] = memory[source : source + size]


def unwritten(entry: CudaLaunch, result: Buffer, module: Module) -> Finding:
    missing = np.flatnonzero(result.written == 0)
    return Finding(
        kind="unwritten",
        kernel=entry.kernel,
        block=(0, 0, 0),
        thread=(0, 0, 0),
        file=module.name,
        line=0,
        text="",
        buffer=result.name,
        offset=int(missing[0]),
        words=f"{len(missing)} of {len(result.written)} bytes of a result are never written, "
        f"by {prod(entry.grid)} blocks of {prod(entry.block)} threads",
    )
