"""Whole training steps as C: right, and the same bits for any number of threads."""

import numpy as np

from netc.compiler.ir.graph import Graph, Role


def start_of(graph: Graph) -> dict[str, np.ndarray]:
    """Weights around 0, moments 0, counters 0, and a batch of the right dtypes."""
    random = np.random.default_rng(4)
    arrays = {}
    for entry in graph.inputs:
        kind = entry.value.type
        if entry.role is Role.WEIGHT:
            arrays[entry.value.name] = random.normal(size=kind.shape).astype(np.float32) * 0.2
        elif entry.role is not Role.FIELD:
            arrays[entry.value.name] = np.zeros(
                kind.shape, np.float32 if kind.is_float else np.int32
            )
        elif kind.is_float:
            arrays[entry.value.name] = random.normal(size=kind.shape).astype(np.float32)
        else:
            high = 256 if kind.dtype == "u8" else 3
            arrays[entry.value.name] = random.integers(0, high, kind.shape).astype(
                {"u8": np.uint8, "i32": np.int32}[kind.dtype]
            )
    return arrays


def test_a_step_gives_what_the_interpreter_does(functions, build_on_cpu, within_rounding):
    graph = functions[0].graph
    inputs = start_of(graph)
    within_rounding(graph, inputs, build_on_cpu(graph)(inputs))


def test_twenty_steps_give_the_same_bits_on_any_number_of_threads(functions, build_on_cpu):
    graph = functions[0].graph
    run = build_on_cpu(graph)
    inputs = start_of(graph)
    alone = run(inputs, threads=1, steps=20)
    again = [run(inputs, threads=threads, steps=20) for threads in (1, 2, 3, 5)]
    for results in again:
        for name, array in alone.items():
            assert results[name].tobytes() == array.tobytes(), name
    assert alone["step"] == 20
    moved = [e.value.name for e in graph.inputs if e.role is Role.WEIGHT]
    assert moved and all((alone[name] != inputs[name]).any() for name in moved)
