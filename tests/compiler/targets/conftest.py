"""What the tests of targets share: helpers that live in files of their own, loaded by path."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

TESTS = Path(__file__).parents[2]


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"helper_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def cuda_on_cpu() -> ModuleType:
    """The runner of CUDA C on this CPU."""
    return load(TESTS / "cuda_on_cpu" / "runner.py")


@pytest.fixture(scope="session")
def graphs() -> ModuleType:
    """Graphs that need every family of kernels."""
    return load(TESTS / "cuda_on_cpu" / "graphs.py")


@pytest.fixture(scope="session")
def op_graph(graphs):
    """One graph in which every example use of every op is an output."""
    return graphs.every_op(load(TESTS / "compiler" / "ops" / "conftest.py").CASES)
