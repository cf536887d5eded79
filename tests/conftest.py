"""Fixtures that every folder of tests shares."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

TESTS = Path(__file__).parent
PROGRAMS = TESTS / "programs"


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden", action="store_true", help="write golden files anew; read their diff"
    )


@pytest.fixture
def golden(request):
    """golden(path, text): the text is what the file says, or becomes it under --update-golden."""

    def compare(path: Path, text: str) -> None:
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{path} is missing: run pytest --update-golden and read it"
        assert text == path.read_text(encoding="utf-8")

    return compare


@pytest.fixture
def programs() -> tuple[Path, ...]:
    """The corpus: complete programs that must compile and train as they stand."""
    return tuple(sorted(PROGRAMS.glob("*.net")))


def load(path: Path) -> ModuleType:
    """A helper that lives in a file of its own."""
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


@pytest.fixture
def fake_driver(cuda_on_cpu):
    """fake_driver(...): a stand-in for the NVIDIA driver that runs kernels on this CPU."""
    driver = load(TESTS / "cuda_on_cpu" / "driver.py")
    return lambda **facts: driver.FakeDriver(cuda_on_cpu.launch_kernel, **facts)
