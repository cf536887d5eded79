"""Fixtures that every folder of tests shares."""

from pathlib import Path

import pytest

from netc.compiler.driver import compile_file

PROGRAMS = Path(__file__).parent / "programs"
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
