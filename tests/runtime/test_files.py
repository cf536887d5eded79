"""Durable files are whole or absent, whatever fails."""

import errno
import os
import subprocess
import sys

import pytest

from netc.compiler.diagnostics import NetError
from netc.runtime.files import (
    append_line,
    make_folder,
    make_folders,
    open_lines,
    sweep,
    write_atomically,
)

CODES = (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENOTDIR)
NUMBERED = {errno.ENOSPC: "the disk is full", errno.EIO: "input/output"}


def test_a_file_is_written_from_bytes_or_from_chunks(tmp_path):
    write_atomically(tmp_path / "a", b"one")
    write_atomically(tmp_path / "b", [b"o", b"", b"ne"])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == b"one"
    write_atomically(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"two"
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


@pytest.mark.parametrize("code", CODES)
def test_every_failing_call_leaves_the_old_file_and_no_other(tmp_path, failing, code):
    path = tmp_path / "file"
    ran = 0
    for n in range(1, 100):
        path.write_bytes(b"old")
        counter = failing(n, code)
        try:
            write_atomically(path, [b"new", b"er"], counter.system())
        except NetError as error:
            ran += 1
            assert error.exit_code == 4
            assert str(path) in error.diagnostics[0].message
            assert NUMBERED.get(code, "") in error.diagnostics[0].message
            assert os.listdir(tmp_path) == ["file"]
            assert path.read_bytes() in (b"old", b"newer")
        else:
            break
    assert ran == counter.calls >= 8
    assert path.read_bytes() == b"newer"


def test_the_file_is_synced_before_the_rename_and_the_folder_after_it(tmp_path, recorder):
    seen = recorder()
    write_atomically(tmp_path / "file", b"new", seen.system())
    assert [kind for kind, *_ in seen.operations] == ["create", "write", "sync", "rename", "sync"]
    assert seen.operations[2][1] == seen.operations[0][2]  # the file
    assert seen.operations[4][1] is None  # the folder


def test_an_interrupt_leaves_no_temporary_file(tmp_path):
    def chunks():
        yield b"new"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "file", chunks())
    assert os.listdir(tmp_path) == []


def test_special_files_are_refused(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("fifo", "folder", "link"):
        with pytest.raises(NetError, match="not a regular file"):
            write_atomically(tmp_path / name, b"")
    with pytest.raises(NetError, match="not a regular file"):
        open_lines(tmp_path / "fifo")


@pytest.mark.parametrize("name", ["missing/file", "file/below", "x" * 300, "a\0b", "\ud800"])
def test_paths_that_cannot_be_written_are_net_errors(tmp_path, name):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NetError) as caught:
        write_atomically(tmp_path / name, b"")
    assert caught.value.exit_code == 4


def test_sweeping_removes_what_dead_writers_left_and_nothing_else(tmp_path):
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                          capture_output=True, text=True, check=True).stdout.strip()  # fmt: skip
    stale = f".file.{dead}.0123abcd.part"
    kept = [f".file.{os.getppid()}.0123abcd.part", "file", ".file.part", f".{dead}.part"]
    for name in (stale, *kept):
        (tmp_path / name).write_bytes(b"")
    assert sweep(tmp_path) == (tmp_path / stale,)
    assert sorted(os.listdir(tmp_path)) == sorted(kept)


def test_lines_are_appended_whole_after_a_torn_one(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"first\nto")
    file = open_lines(path)
    append_line(file, "second")
    append_line(file, "third")
    file.close()
    assert path.read_bytes() == b"first\nto\nsecond\nthird\n"


def test_a_line_is_one_system_call(tmp_path, failing):
    counter = failing(0)
    file = open_lines(tmp_path / "log", counter.system())
    before = counter.calls
    append_line(file, "a line of " + "many " * 1000 + "words")
    assert counter.calls == before + 1
    file.close()


def test_folders_are_made_once(tmp_path):
    assert make_folder(tmp_path / "a")
    assert not make_folder(tmp_path / "a")
    make_folders(tmp_path / "b" / "c")
    make_folders(tmp_path / "b" / "c")
    assert (tmp_path / "b" / "c").is_dir()
    (tmp_path / "file").write_bytes(b"")
    for taken in (tmp_path / "file", tmp_path / "file" / "d"):
        with pytest.raises(NetError):
            make_folders(taken)
