"""What runs graphs in the emulator."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def emulated():
    """emulated(graph): its CUDA C in the emulator."""
    spec = spec_from_file_location("emulated", Path(__file__).parent / "emulated.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Emulated
