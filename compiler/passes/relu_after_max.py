"""A graph in, the graph that takes the greatest of some elements before it applies relu out.

relu keeps the order of its operands, so max(relu(x)) is relu(max(x)), NaN included; but behind the
max of a pool there are fewer elements to work on, to keep, and to send a gradient through. It runs
before gradients are built.
"""

from collections.abc import Mapping

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Node, Value
from netc.compiler.ir.operation import Op
from netc.compiler.passes.rewrite import Producers, rewrite


def relu_after_max(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """Rewrites max over what only a relu makes, or over windows of it that nothing else reads."""
    readers = graph.consumers()
    kept = {value.name for value in graph.results}

    def is_only_read_here(value: Value) -> bool:
        return len(readers[value.name]) == 1 and value.name not in kept

    def swap(build: Builder, node: Node, producers: Producers) -> Value | None:
        """max(relu(x)), max(windows(relu(x))) -> relu(max(x)), relu(max(windows(x)))."""
        (x,) = node.inputs
        windows = producers.get(x.name)
        if windows is not None and windows.op == "windows" and windows.named["fill"] <= 0:
            (image,) = windows.inputs
        else:
            windows, image = None, x
        relu = producers.get(image.name)
        if relu is None or relu.op != "relu" or not is_only_read_here(image):
            return None
        if windows is None:
            return build.relu(build.max(relu.inputs[0], **node.named))
        if not is_only_read_here(x):
            return None
        before = build.windows(relu.inputs[0], **windows.named)
        return build.relu(build.max(before, **node.named))

    return rewrite(graph, ops, lambda node: (swap,) if node.op == "max" else ())
