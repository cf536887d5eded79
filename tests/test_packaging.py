"""What is installed is what lies here: the listed packages, their files, a wheel that works."""

import importlib
import os
import subprocess
import sys
import tomllib
import venv
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUP = PROJECT["tool"]["setuptools"]
FOLDERS = ("netc", *SETUP["package-dir"].values())
SMALL = """
net line(x: f32[N, 2]) { return x -> dense(3) -> relu -> dense(1) }
train {
    take x: f32[N, 2], y: f32[N, 1] from feed
    minimize mean_squared_error(line(x), y) with sgd(lr=0.1)
    batch 4 epochs 2
}
"""


def package_of(folder: Path) -> str:
    """The package that a folder is installed as: `compiler/ir` is `netc.compiler.ir`."""
    parts = folder.relative_to(ROOT).parts
    return ".".join(parts if parts[0] == "netc" else ("netc", *parts))


def packages() -> dict[str, Path]:
    found = {package_of(init.parent): init.parent
             for folder in FOLDERS
             for init in (ROOT / folder).rglob("__init__.py")}  # fmt: skip
    assert len(found) > 10
    return found


def data_files() -> list[Path]:
    """Every file of the packages that is not Python."""
    found = [
        path
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file() and path.suffix not in (".py", ".pyc")
    ]
    assert len(found) > 10
    return found


def test_every_package_is_listed():
    assert sorted(SETUP["packages"]) == sorted(packages())


def test_every_folder_of_python_is_a_package():
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            assert (path.parent / "__init__.py").exists(), path.parent


@pytest.mark.parametrize("name", SETUP["packages"])
def test_every_listed_package_can_be_imported(name):
    assert importlib.import_module(name).__name__ == name


def test_every_file_that_is_not_python_is_package_data():
    patterns = SETUP["package-data"]
    for path in data_files():
        home = next(folder for folder in path.parents if (folder / "__init__.py").exists())
        inside = path.relative_to(home).as_posix()
        mine = (*patterns["*"], *patterns.get(package_of(home), ()))
        assert any(fnmatch(inside, pattern.removeprefix("**/")) for pattern in mine), path


def test_the_command_that_is_installed_exists():
    module, function = PROJECT["project"]["scripts"]["netc"].split(":")
    assert callable(getattr(importlib.import_module(module), function))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of this checkout, built without a network from a copy of what is installed."""
    source = tmp_path_factory.mktemp("source")
    for name in (*FOLDERS, "pyproject.toml", "README.md"):
        (source / name).symlink_to(ROOT / name)
    command = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run((*command, "--wheel-dir", out, source), check=True, capture_output=True)
    (built,) = out.glob("netc-*.whl")
    return built


def test_the_wheel_holds_every_file_and_no_other(wheel):
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    python = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    here = {path.relative_to(ROOT).as_posix() for path in (*python, *data_files())}
    assert held == {name if name.startswith("netc/") else f"netc/{name}" for name in here}


def test_the_installed_command_compiles_and_trains_far_from_the_checkout(wheel, tmp_path):
    """A clean environment that borrows only the dependencies."""
    home = tmp_path / "environment"
    venv.create(home, symlinks=True, with_pip=False)
    python = home / "bin" / "python"
    site = next(home.glob("lib/python*/site-packages"))
    borrowed = Path(importlib.import_module("numpy").__file__).parents[1]
    install = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index")
    subprocess.run((*install, "--no-deps", wheel), check=True, capture_output=True)
    (site / "dependencies.pth").write_text(f"{borrowed}\n")

    work = tmp_path / "work"
    work.mkdir()
    (work / "small.net").write_text(SMALL)
    points = "import numpy as n; x = n.ones((8, 2), 'f4'); n.savez('points.npz', x=x, y=x[:, :1])"
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}

    def run(*command) -> subprocess.CompletedProcess:
        return subprocess.run(command, cwd=work, env=kept, text=True, capture_output=True)

    def where(module: str) -> str:
        return run(python, "-c", f"import {module}; print({module}.__file__)").stdout

    assert str(site) in where("netc.compiler")
    assert run(python, "-c", points).returncode == 0
    for arguments in (("compile", "small.net"), ("train", "--data", "points.npz")):
        result = run(home / "bin" / "netc", *arguments)
        assert result.returncode == 0, result.stderr
    assert (work / "build" / "small" / "program.json").is_file()
    assert list((work / "runs").glob("small*/metrics.jsonl"))
