"""Functions of random graphs, laid out."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from netc.compiler.ir.graph import Role
from netc.compiler.kernels.memory import plan_persistent
from netc.compiler.ops.table import OPS
from netc.compiler.targets.function import make_function

PROGRAMS = Path(__file__).parent.parent / "targets" / "random_programs.py"


@pytest.fixture(scope="session")
def random_function():
    """random_function(seed) -> Function."""
    spec = spec_from_file_location("random_programs", PROGRAMS)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)

    def make(seed: int):
        graph, _ = module.random_program(seed)
        persistent = plan_persistent(tuple(e for e in graph.inputs if e.role is not Role.FIELD))
        return make_function(graph, 1, OPS, persistent)

    return make
