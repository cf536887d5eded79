"""Fixtures that every folder of tests shares."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from netc.compiler.driver import compile_file

TESTS = Path(__file__).parent
PROGRAMS = TESTS / "programs"
SMALL = """\
net small(x: f32[N, 4]) {
    return x -> dense(8) -> tanh -> dropout(0.1) -> dense(3)
}

train {
    take x, label from blobs(count=200, features=4, classes=3)
    logits = small(x)
    minimize cross_entropy(logits, label) with adam(lr=cosine(0.02))
    measure accuracy(logits, label)
    validate 20%
    batch 16
    epochs 4
    seed 1
}
"""


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden", action="store_true", help="write golden files anew; read their diff"
    )
    parser.addoption(
        "--gpu", nargs="?", const="cuda", choices=("cuda", "stand-in"),
        help="collect the tests of tests/gpu: on a GPU, or on a stand-in for its driver",
    )  # fmt: skip


def pytest_ignore_collect(collection_path, config):
    is_for_gpu = TESTS / "gpu" in (collection_path, *collection_path.parents)
    return True if is_for_gpu and not config.getoption("--gpu") else None


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """No test fetches data from far away."""
    monkeypatch.setenv("NETC_OFFLINE", "1")


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
def fake_driver():
    """fake_driver(...): a stand-in for the NVIDIA driver that runs kernels on this CPU."""
    return load(TESTS / "cuda_on_cpu" / "driver.py").FakeDriver


@pytest.fixture(scope="session")
def small_text() -> str:
    """A program that trains in no time, and has all that a training run can depend on: measures,
    validation, random numbers in a step, a schedule over the whole run, moments."""
    return SMALL


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """(program, build folder) of `small_text`; the folder is shared: tests write nothing there."""
    place = tmp_path_factory.mktemp("small")
    (place / "small.net").write_text(SMALL)
    return compile_file(place / "small.net", out=place / "build" / "small")


@pytest.fixture
def in_folder(tmp_path, monkeypatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
