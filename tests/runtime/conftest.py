"""Stand-ins for the system calls behind durable files, and checkpoints to write with them."""

import errno
import itertools
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from netc.runtime.checkpoint import CheckpointFacts
from netc.runtime.files import SYSTEM, System

MOST_WRITTEN = 400  # bytes by one call: several calls a file make more states to look at


@dataclass
class Counter:
    """Lets the calls through until the n-th, which fails."""

    fails_at: int
    code: int = errno.ENOSPC
    calls: int = 0

    def system(self) -> System:
        names = ("open", "write", "fsync", "close", "replace", "unlink", "mkdir", "lstat")
        return System(**{name: self.counted(name) for name in names})

    def counted(self, name):
        real = getattr(SYSTEM, name)

        def call(*arguments):
            self.calls += 1
            if self.calls == self.fails_at:
                if name == "close":
                    real(*arguments)  # Linux has let go of the file when close reports an error
                raise OSError(self.code, os.strerror(self.code))
            return real(*arguments)

        return call


@dataclass
class Recorder:
    """Does the calls and writes them down as what they do to a disk: data of files, names in the
    folder, and which of these a sync has made certain."""

    skips_sync: bool = False
    operations: list[tuple] = field(default_factory=list)
    files: dict[int, int | None] = field(default_factory=dict)  # descriptor -> file, None: folder
    names: dict[str, int] = field(default_factory=dict)
    acknowledged: list[tuple[int, int]] = field(default_factory=list)  # (operations so far, step)

    def system(self) -> System:
        return System(self.open, self.write, self.fsync, self.close, self.replace, self.unlink)

    def open(self, path, flags, mode=0o777):
        descriptor = os.open(path, flags, mode)
        if flags & os.O_DIRECTORY:
            self.files[descriptor] = None
            return descriptor
        number = len(self.operations)
        self.files[descriptor] = self.names[Path(path).name] = number
        self.operations.append(("create", Path(path).name, number))
        return descriptor

    def write(self, descriptor, data):
        part = bytes(data[:MOST_WRITTEN])
        self.operations.append(("write", self.files[descriptor], part))
        return os.write(descriptor, part)

    def fsync(self, descriptor):
        if not self.skips_sync:
            self.operations.append(("sync", self.files[descriptor]))

    def close(self, descriptor):
        del self.files[descriptor]
        os.close(descriptor)

    def replace(self, source, target):
        number = self.names[Path(target).name] = self.names.pop(Path(source).name)
        self.operations.append(("rename", Path(source).name, Path(target).name, number))
        os.replace(source, target)

    def unlink(self, path):
        self.operations.append(("unlink", Path(path).name))
        os.unlink(path)

    def crash_states(self):
        """(steps acknowledged, {name: bytes}) for a crash after each operation: what is not synced
        may or may not have happened, each by itself."""
        for end in range(len(self.operations) + 1):
            pending = pending_of(self.operations[:end])
            known = [step for count, step in self.acknowledged if count <= end]
            for lost in itertools.product((False, True), repeat=len(pending)):
                gone = {index for index, is_lost in zip(pending, lost, strict=True) if is_lost}
                yield known, disk_without(self.operations[:end], gone)


def pending_of(operations) -> list[int]:
    """Which operations no sync has made certain."""
    pending = []
    for index, operation in enumerate(operations):
        if operation[0] == "sync" and operation[1] is None:
            pending = [old for old in pending if operations[old][0] == "write"]
        elif operation[0] == "sync":
            pending = [old for old in pending if operations[old][:2] != ("write", operation[1])]
        else:
            pending.append(index)
    return pending


def disk_without(operations, gone) -> dict[str, bytes]:
    """What the folder holds when the operations `gone` never reached the disk."""
    names, contents, length = {}, {}, {}
    for index, (kind, *rest) in enumerate(operations):
        if kind == "write":
            file, data = rest
            start = length.get(file, 0)
            length[file] = start + len(data)
            if index not in gone:
                contents[file] = contents.get(file, b"").ljust(start, b"\0") + data
        elif index in gone or kind == "sync":
            continue
        elif kind == "create":
            names[rest[0]] = rest[1]
        elif kind == "rename":
            names.pop(rest[0], None)
            names[rest[1]] = rest[2]
        else:
            names.pop(rest[0], None)
    return {name: contents.get(file, b"") for name, file in names.items()}


@pytest.fixture
def failing():
    """Counter(n): the n-th system call fails."""
    return Counter


@pytest.fixture
def recorder():
    return Recorder


@pytest.fixture
def facts():
    """facts(step): what a checkpoint of that step tells besides its tensors."""
    first = CheckpointFacts(
        step=0, epoch=1, position=7, seed=3, program_hash="ab12", netc_version="0.1.0",
        target="cpu", best_value=0.25, best_step=0, extra=(("threads", 2),),
    )  # fmt: skip
    return lambda step: replace(first, step=step)


@pytest.fixture
def tensors():
    """tensors(step): a few arrays of several types that differ from step to step."""

    def make(step):
        words = np.random.Generator(np.random.Philox(step))
        return {
            "net.dense_1.kernel": words.standard_normal((5, 7)).astype(np.float32),
            "net.dense_1.bias": np.zeros(7, np.float32),
            "adam.step": np.array(step, np.int64),
            "empty": np.zeros((0, 3), np.float16),
            "mask": np.array([True, False]),
        }

    return make
