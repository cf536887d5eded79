"""Fixtures for tests of the language: programs as text, and nets run in NumPy."""

from dataclasses import dataclass

import numpy as np
import pytest

from netc.compiler.diagnostics import NetError, Source
from netc.compiler.interpret import interpret
from netc.compiler.ir.verify import verify
from netc.compiler.language.model import Model, load_model
from netc.compiler.ops.table import OPS


@dataclass(frozen=True)
class Run:
    """What a net gave: its outputs, and the weights that it had by the end of their names."""

    outputs: dict[str, np.ndarray]
    weights: dict[str, np.ndarray]

    @property
    def output(self) -> np.ndarray:
        return self.outputs["output"]


def random_weights(model: Model, seed: int = 0) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {weight.name: generator.uniform(0.5, 1.5, weight.type.shape) for weight in model.weights}


def inputs_of(graph, known):
    counters = {"seed": np.int32(7), "step": np.int32(0), "total": np.int32(10)}
    names = {entry.value.name for entry in graph.inputs}
    return {name: value for name, value in (counters | known).items() if name in names}


@pytest.fixture
def load():
    """load(text): the model of a program."""

    def run(text: str, **options) -> Model:
        return load_model(Source("test.net", text), **options)

    return run


@pytest.fixture
def run_net(load):
    """run_net(text, **arrays): the outputs of the only net of a program, its weights made up."""

    def run(text: str, **arrays) -> Run:
        model = load(text)
        (name,) = model.nets
        weights = random_weights(model)
        sizes = next(iter(arrays.values())).shape
        graph = model.trace_net(name, batch=sizes[0] if sizes else 1)
        verify(graph, OPS)
        outputs = interpret(graph, inputs_of(graph, weights | arrays))
        return Run(outputs, {key.split(".", 1)[1]: value for key, value in weights.items()})

    return run


@pytest.fixture
def run_step():
    """run_step(model, **arrays): outputs and updates of a training step, and the weights before."""

    def run(model: Model, *, training: bool = True, **arrays) -> Run:
        weights = random_weights(model)
        batch = next(iter(arrays.values())).shape[0]
        graph = model.trace_step(batch).graph if training else model.trace_evaluation(batch)
        verify(graph, OPS)
        return Run(interpret(graph, inputs_of(graph, weights | arrays)), weights)

    return run


@pytest.fixture
def faults():
    """faults(text): the diagnostics of a program that must have some."""

    def run(text: str, **options):
        with pytest.raises(NetError) as caught:
            load_model(Source("test.net", text), **options)
        return caught.value.diagnostics

    return run
