"""What the tests of passes share: running a graph op by op, by the ops' references."""

import numpy as np
import pytest

from netc.compiler.ops.table import OPS


@pytest.fixture
def run():
    """run(graph, {input name: array}) -> {output or update target name: array}, in float64."""

    def run_graph(graph, inputs):
        known = {name: np.asarray(array) for name, array in inputs.items()}
        for node in graph.nodes:
            operands = (known[value.name] for value in node.inputs)
            results = OPS[node.op].reference(*operands, **node.named)
            results = results if len(node.outputs) > 1 else (results,)
            known |= {v.name: r for v, r in zip(node.outputs, results, strict=True)}
        results = {output.name: known[output.value.name] for output in graph.outputs}
        return results | {update.target.name: known[update.value.name] for update in graph.updates}

    return run_graph
