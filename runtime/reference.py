"""The device `reference`: the same program run op by op in NumPy. Slow, and obviously right."""

from pathlib import Path

import numpy as np
from lark.exceptions import LarkError

from netc.compiler.interpret import interpret, run_nodes
from netc.compiler.ir.graph import Graph, Role
from netc.compiler.ir.text import parse_graph
from netc.compiler.program import TARGETS, FunctionFacts, Program, Tensor
from netc.runtime.arena import allocate, view
from netc.runtime.errors import fail
from netc.runtime.functions import numbers


class Reference:
    """A program's IR, that of its target, and its tensors in one arena as on any device."""

    name = "reference"
    about = f"NumPy {np.__version__}"
    threads = 1

    def __init__(self, program: Program, folder: Path) -> None:
        self.target, self.folder = program.target, folder
        self.persistent = {entry.tensor.name: entry.tensor for entry in program.persistent}
        self.arena = allocate(program.arena_bytes)
        self.graphs: dict[str, Graph] = {}

    def read(self, tensor: Tensor) -> np.ndarray:
        return view(self.arena, tensor).copy()

    def write(self, tensor: Tensor, array: np.ndarray) -> None:
        view(self.arena, tensor)[...] = array

    def prepare(self, function: FunctionFacts) -> None:
        self.graph(function.symbol)

    def run(
        self,
        function: FunctionFacts,
        fields: tuple[np.ndarray, ...],
        order: np.ndarray | None,
        steps: int,
    ) -> np.ndarray:
        graph, log = self.graph(function.symbol), []
        for step in range(steps):
            places = np.arange(step * function.batch, (step + 1) * function.batch)
            rows = places if order is None else order[places]
            batch = {
                field.name: array[rows].reshape(field.shape)
                for field, array in zip(function.fields, fields, strict=True)
            }
            log.append(self.step(graph, function, batch))
        return np.array(log, np.float32).reshape(steps, len(numbers(function)))

    def step(
        self, graph: Graph, function: FunctionFacts, batch: dict[str, np.ndarray]
    ) -> list[float]:
        """One step: outputs and updates go to their places; the numbers among them come back."""
        lasting = {
            entry.value.name: self.read(self.persistent[entry.value.name])
            for entry in graph.inputs
            if entry.role is not Role.FIELD
        }
        results = interpret(graph, lasting | batch)
        for name, tensor in function.outputs:
            self.write(tensor, results[name])
        for update in graph.updates:
            self.write(self.persistent[update.target.name], results[update.target.name])
        return [float(results[name].reshape(-1)[0]) for name in numbers(function)]

    def run_kernel(self, function: FunctionFacts, number: int) -> None:
        kernel = function.kernels[number]
        given = {tensor.name: self.read(tensor) for tensor in kernel.reads}
        wanted = {tensor.name for tensor in kernel.writes}
        results = run_nodes(self.graph(function.symbol).between(given, wanted), given)
        for tensor in kernel.writes:
            self.write(tensor, results[tensor.name])

    def graph(self, symbol: str) -> Graph:
        if symbol not in self.graphs:
            path = self.folder / TARGETS[self.target] / f"{symbol}.ir"
            try:
                self.graphs[symbol] = parse_graph(path.read_text(encoding="utf-8"))
            except (OSError, ValueError, LarkError) as error:
                message = f"the build folder lacks a readable `{path}`"
                raise fail("E0614", message, help="compile the program again") from error
        return self.graphs[symbol]

    def close(self) -> None:
        self.graphs.clear()
        self.arena = self.arena[:0]


def open_reference(program: Program, folder: Path, threads: int) -> Reference:
    return Reference(program, folder)
