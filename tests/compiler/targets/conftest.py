"""The example uses of every op, as the tests of the ops have them."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

TABLE = Path(__file__).parent.parent / "ops" / "conftest.py"


@pytest.fixture(scope="session")
def op_cases() -> tuple:
    """Every case of tests/compiler/ops: so that no op can land without a kernel that is right."""
    spec = spec_from_file_location("op_cases", TABLE)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.CASES
