"""Fixtures that every folder of tests shares."""

from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parent / "programs"


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
