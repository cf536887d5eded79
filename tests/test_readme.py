"""What the README shows is so: its commands print it, its programs compile, its op is right."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import netc
from netc.cli import COMMANDS, main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FOLDERS = tuple(PROJECT["tool"]["setuptools"]["package-dir"].values())
NEW_OP = "compiler/ops/atan.py"
TRAINING = """
net bend(x: f32[N, 3]) { return x -> dense(4) -> atan -> dense(1) }
train {
    take x: f32[N, 3], y: f32[N, 1] from feed
    minimize mean_squared_error(bend(x), y) with sgd(lr=0.1)
    batch 8 epochs 1
}
"""


def blocks(kind: str) -> list[str]:
    """The fenced blocks of one kind, in order."""
    found = re.findall(rf"^```{kind}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert found, f"the README has no block of {kind}"
    return found


@pytest.fixture(scope="module")
def tour(tmp_path_factory) -> Path:
    """The folder of the tour: the examples, and a `netc` that is this one."""
    folder = tmp_path_factory.mktemp("tour")
    for path in (ROOT / "examples").glob("*.net"):
        shutil.copy(path, folder)
    (folder / "data").symlink_to(ROOT / "examples" / "data")
    command = folder / "bin" / "netc"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m netc "$@"\n')
    command.chmod(0o755)
    return folder


def shell(command: str, folder: Path) -> str:
    """What a command prints; its exit code is not looked at, since faults are shown too."""
    path = f"{folder / 'bin'}:/usr/bin:/bin"
    result = subprocess.run(("sh", "-c", command), cwd=folder, env={"PATH": path},
                            capture_output=True, text=True, timeout=120)  # fmt: skip
    return result.stdout + result.stderr


def likeness(line: str) -> str:
    """A line without what differs between machines and changes: numbers, hashes, trailing space."""
    return re.sub(r"\b[0-9a-f]{16}\b|[\d.,]*\d", "#", line).rstrip()


def test_the_commands_of_the_tour_print_what_is_shown(tour):
    commands = 0
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            printed = iter([likeness(line) for line in shell(command, tour).splitlines()])
            commands += 1
            for line in shown.splitlines():
                if line != "...":
                    assert likeness(line) in printed, f"`{command}` does not print: {line}"
    assert commands >= 4


def later() -> list[str]:
    """What the README says is not there yet."""
    paragraph = README[README.index("Not yet:") :].partition("\n\n")[0]
    return re.findall(r"`([^`]+)`", paragraph)


def test_every_command_on_the_page_is_a_command():
    words = {word for shown in re.findall(r"`(netc [a-z]+)", README) for word in [shown]}
    assert len(words - set(later())) >= 5
    for command in words - set(later()):
        assert command.split()[1] in COMMANDS, command


@pytest.mark.parametrize("name", later())
def test_what_is_not_there_yet_says_so(name, tmp_path, capsys):
    if name.startswith("netc "):
        assert main(name.split()[1:]) == 2
    else:
        (tmp_path / "later.net").write_text(f"net f(x: f32[N, 4]) {{ y = {name}(x) return x }}")
        assert main(["check", str(tmp_path / "later.net")]) != 0
    assert re.search(rf"E0901\]: `{name}.*` is not supported yet", capsys.readouterr().err)


def test_the_program_on_the_page_trains(tmp_path):
    (program,) = blocks("net")
    (tmp_path / "look.net").write_text(program)
    run = netc.train(tmp_path / "look.net", out=tmp_path / "runs", quiet=True, define={})
    assert run.is_finished and run.test["accuracy"] > 0.5
    assert "look.stage_2.conv2d_1.kernel" in run.session.weights


def test_the_python_on_the_page_runs(tour, monkeypatch):
    monkeypatch.chdir(tour)
    code = next(block for block in blocks("python") if block.startswith("import netc"))
    points = "import numpy as np\nx = np.ones((32, 8), np.float32)\ny = x[:, :1]\n"
    check = "assert guess.shape == (5, 1) and kernel.shape == (8, 32) and loss > 0\n"
    script = tour / "page.py"
    script.write_text(points + code + check)
    result = subprocess.run((sys.executable, script), capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """A copy of the tree with the README's op in it."""
    folder = tmp_path_factory.mktemp("copy")
    for name in (*FOLDERS, "netc", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FOLDERS:
        (folder / name).rename(folder / "netc" / name)
        (folder / name).symlink_to(folder / "netc" / name)
    source = next(block for block in blocks("python") if block.startswith('"""atan'))
    (folder / NEW_OP).write_text(source)
    (edits,) = blocks("diff")
    follow(edits, folder)
    return folder


def follow(edits: str, folder: Path) -> None:
    """Put each `+` line behind every place of the line that is shown above it."""
    lines = edits.splitlines()
    for name, before, after in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
        path = folder / name
        old, new = before[1:], after[1:]
        text = path.read_text()
        assert f"\n{old}\n" in text, f"{name} has no line `{old}`"
        path.write_text(text.replace(f"\n{old}\n", f"\n{old}\n{new}\n"))


def in_copy(folder: Path, *words: str) -> subprocess.CompletedProcess:
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); sys.meta_path[:] = [f for f in "
    code += "sys.meta_path if 'editable' not in repr(f).lower()]; import runpy; sys.argv[:1] = []; "
    code += "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
    return subprocess.run((sys.executable, "-c", code, *words), cwd=folder, capture_output=True,
                          text=True)  # fmt: skip


def test_an_op_takes_thirty_lines():
    source = next(block for block in blocks("python") if block.startswith('"""atan'))
    added = [line for line in blocks("diff")[0].splitlines() if line.startswith("+")]
    assert len(source.splitlines()) + len(added) <= 30


def test_the_op_on_the_page_passes_the_tests_of_the_ops(copy):
    result = in_copy(copy, "pytest", "--import-mode=importlib", "-q", "-k", "atan or every_op_has",
                     "tests/compiler/ops")  # fmt: skip
    assert result.returncode == 0, result.stdout
    assert int(re.search(r"(\d+) passed", result.stdout)[1]) > 10


def test_the_op_on_the_page_trains(copy):
    (copy / "bend.net").write_text(TRAINING)
    x = np.random.default_rng(1).normal(size=(64, 3)).astype(np.float32)
    np.savez(copy / "points.npz", x=x, y=x[:, :1])
    result = in_copy(copy, "netc", "train", "bend.net", "--data", "points.npz")
    assert result.returncode == 0, result.stderr
    assert "atanf(" in (copy / "build/bend/c/train.c").read_text()
    assert str(copy) in in_copy(copy, "netc", "explain", "atan").stdout
