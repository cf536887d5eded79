"""One function of a program (a training step, an evaluation, a net): ordered kernels in memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from netc.compiler.ir.graph import Graph, Value
from netc.compiler.ir.operation import Op
from netc.compiler.ir.text import print_graph
from netc.compiler.kernels.fuse import fuse
from netc.compiler.kernels.lower import Cut, lower
from netc.compiler.kernels.memory import Buffer, MemoryPlan, plan_memory
from netc.compiler.kernels.plan import Kernel
from netc.compiler.kernels.settle import settle


@dataclass(frozen=True)
class Function:
    """A graph, the kernels that run it in order, and where its tensors live.

    `batch` is the number of samples that its fields hold.
    """

    name: str
    batch: int
    graph: Graph
    kernels: tuple[Kernel, ...]
    memory: MemoryPlan

    @cached_property
    def text(self) -> str:
        """The graph as text: what is written to ir/, and what the program's hash is made of."""
        return print_graph(self.graph)


def make_function(
    graph: Graph,
    batch: int,
    ops: Mapping[str, Op],
    persistent: tuple[Buffer, ...],
    cut: Cut = fuse,
) -> Function:
    """Cut into kernels, lower and lay out a graph; `persistent` are the places that all functions
    share."""
    graph = settle(graph, ops)
    kernels = lower(graph, cut, ops)
    return Function(graph.name, batch, graph, kernels, plan_memory(graph, kernels, persistent))


def fits_int(kernel: Kernel) -> bool:
    """Whether every position in the kernel's tensors fits a 32-bit int."""
    values: tuple[Value, ...] = (*kernel.reads, *kernel.writes)
    counts = [value.type.count for value in values]
    counts += [node.inputs[0].type.count for node in kernel.group.nodes if node.inputs]
    return max(counts, default=0) < 2**31 - 2**16
