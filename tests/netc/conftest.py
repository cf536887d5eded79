"""The command line, in a process of its own and in this one."""

import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

from netc.cli import main


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def netc(in_folder, capfd):
    """netc(*words) -> Result: a command in this process, in an empty folder."""

    def call(*words) -> Result:
        capfd.readouterr()
        code = main([str(word) for word in words])
        told = capfd.readouterr()
        return Result(code, told.out, told.err)

    return call


@pytest.fixture
def netc_process(in_folder):
    """netc_process(*words, **options) -> Result: the same in a process of its own."""

    def call(*words, environment=None, **options) -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "netc", *map(str, words)],
            capture_output=True, text=True, timeout=60,
            env=os.environ | (environment or {}), **options,
        )  # fmt: skip
        return Result(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def small_file(in_folder, small_text):
    """`small.net` in the current folder."""
    path = in_folder / "small.net"
    path.write_text(small_text)
    return path
