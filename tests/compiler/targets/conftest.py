"""The example uses of every op, as the tests of the ops have them, and random programs."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

TABLE = Path(__file__).parent.parent / "ops" / "conftest.py"


def load(name: str, path: Path) -> ModuleType:
    spec = spec_from_file_location(name, path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def op_cases() -> tuple:
    """Every case of tests/compiler/ops: so that no op can land without a kernel that is right."""
    return load("op_cases", TABLE).CASES


@pytest.fixture(scope="session")
def random_program():
    """random_program(seed) -> (graph, inputs)."""
    return load("random_programs", Path(__file__).parent / "random_programs.py").random_program


@pytest.fixture(scope="session")
def sass():
    """The reader of compiled kernels' instructions."""
    return load("sass", Path(__file__).parent / "sass.py")


@pytest.fixture(scope="session")
def kernel_facts():
    """What the compiler makes of kernels."""
    return load("kernel_facts", Path(__file__).parent / "kernel_facts.py")
