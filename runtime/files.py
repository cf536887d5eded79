"""A path and bytes come in; a file that survives a crash, or an untouched old one, goes out.

Every durable write of netc is here, and each system call goes through one `System`, so that a test
can record the calls or make any one of them fail.
"""

import errno
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from netc.runtime.errors import ENVIRONMENT, fail

TEMPORARY = re.compile(r"\..*\.(\d{1,10})\.[0-9a-f]{8}\.part")

CAUSES = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "the file system is read-only",
    errno.EIO: "the disk reports an input/output error",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open",
    errno.ENOTDIR: "a part of the path is not a folder",
    errno.EISDIR: "it is a folder",
    errno.ENOENT: "there is no such file or folder",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ELOOP: "too many symbolic links",
}


@dataclass(frozen=True)
class System:
    """The system calls behind every durable write."""

    open: Callable[..., int] = os.open
    write: Callable[[int, memoryview], int] = os.write
    fsync: Callable[[int], None] = os.fsync
    close: Callable[[int], None] = os.close
    replace: Callable[[str, str], None] = os.replace
    unlink: Callable[[str], None] = os.unlink
    mkdir: Callable[[str], None] = os.mkdir
    lstat: Callable[[str], os.stat_result] = os.lstat


SYSTEM = System()


def cause_of(error: OSError) -> str:
    """Why a system call failed, in words."""
    return CAUSES.get(error.errno, error.strerror or str(error))


@contextmanager
def explained(action: str, path: Path) -> Iterator[None]:
    """Turn an OSError of the body into a NetError that names the file and the cause."""
    try:
        yield
    except OSError as error:
        message = f"cannot {action} `{path}`: {cause_of(error)}"
        raise fail("E0701", message, exit_code=ENVIRONMENT) from error
    except ValueError as error:  # a NUL in the path never reaches the system
        message = f"cannot {action} {str(path)!r}: {error}"
        raise fail("E0701", message, exit_code=ENVIRONMENT) from error


def write_atomically(
    path: Path, data: bytes | Iterable[bytes], system: System = SYSTEM
) -> None:
    """Make `path` hold `data`, durably, or leave it as it was.

    A reader sees the old bytes or the new ones, never a mixture, whenever the machine stops; once
    this returns, the new bytes are there after a power loss too. Raises NetError, exit code 4.
    """
    path = Path(path)
    chunks = (data,) if isinstance(data, bytes | bytearray | memoryview) else data
    with explained("write", path):
        refuse_special_file(path, system)
        temporary = f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.part"
        replace_by_temporary(path, str(path.with_name(temporary)), chunks, system)
        sync_folder(path.parent, system)


def replace_by_temporary(
    path: Path, temporary: str, chunks: Iterable[bytes], system: System
) -> None:
    """Write a new file beside `path` and rename it over; leave no new file after a failure."""
    descriptor = system.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        try:
            for chunk in chunks:
                write_all(descriptor, chunk, system)
            system.fsync(descriptor)
        finally:
            system.close(descriptor)
        system.replace(temporary, str(path))
    except BaseException:  # a second Ctrl-C too must leave nothing behind
        with suppress(OSError):
            system.unlink(temporary)
        raise


def write_all(descriptor: int, data: bytes, system: System) -> None:
    """Write until nothing is left: the system may take less than it is given."""
    rest = memoryview(data).cast("B")
    while rest:
        rest = rest[written_or_error(system.write(descriptor, rest)) :]


def written_or_error(count: int) -> int:
    if count == 0:
        raise OSError(errno.EIO, "nothing was written")
    return count


def sync_folder(folder: Path, system: System = SYSTEM) -> None:
    """Make the names in a folder durable; without this a rename may be lost with the power."""
    descriptor = system.open(str(folder), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        system.fsync(descriptor)
    finally:
        system.close(descriptor)


def refuse_special_file(path: Path, system: System = SYSTEM) -> None:
    """A rename over /dev/full would replace the device: only regular files are written."""
    try:
        mode = system.lstat(str(path)).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        message = f"cannot write `{path}`: it exists and is not a regular file"
        raise fail("E0702", message, exit_code=ENVIRONMENT)


def make_folder(path: Path, system: System = SYSTEM) -> bool:
    """Make one folder, durably; False if something of that name is there already."""
    with explained("make the folder", path):
        try:
            system.mkdir(str(path))
        except FileExistsError:
            return False
        sync_folder(Path(path).parent, system)
    return True


def make_folders(path: Path, system: System = SYSTEM) -> None:
    """Make a folder and those above it that are missing."""
    path = Path(path)
    with explained("make the folder", path):
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        make_folder(folder, system)
    if not path.is_dir():
        message = f"cannot make the folder `{path}`: a file of that name is in the way"
        raise fail("E0702", message, exit_code=ENVIRONMENT)


def remove(path: Path, system: System = SYSTEM) -> None:
    """Remove a file; one that is gone already is no error."""
    with explained("remove", path), suppress(FileNotFoundError):
        system.unlink(str(path))


def sweep(folder: Path, system: System = SYSTEM) -> tuple[Path, ...]:
    """Remove what killed writers left in a folder, and return it; live writers keep theirs."""
    with explained("read the folder", folder):
        names = sorted(os.listdir(folder))
    stale = tuple(Path(folder, name) for name in names if is_stale(name))
    for path in stale:
        remove(path, system)
    return stale


def is_stale(name: str) -> bool:
    """Is this the temporary file of a process that is gone?"""
    found = TEMPORARY.fullmatch(name)
    return found is not None and not is_alive(int(found[1]))


def is_alive(process: int) -> bool:
    if process == os.getpid():  # a number used again: this process sweeps before it writes
        return False
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


@dataclass(frozen=True)
class LineFile:
    """A file open for appending whole lines."""

    path: Path
    descriptor: int
    system: System = SYSTEM

    def close(self) -> None:
        with explained("close", self.path):
            self.system.close(self.descriptor)


def open_lines(path: Path, system: System = SYSTEM) -> LineFile:
    """Open for appending; a line that a crash cut short is ended, so that the next is whole."""
    with explained("write", path):
        refuse_special_file(path, system)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        file = LineFile(Path(path), system.open(str(path), flags, 0o666), system)
        size = os.fstat(file.descriptor).st_size
        if size and os.pread(file.descriptor, 1, size - 1) != b"\n":
            write_all(file.descriptor, b"\n", system)
    return file


def append_line(file: LineFile, text: str) -> None:
    """Add one line by one system call, so that a kill leaves it whole or absent."""
    if "\n" in text:
        raise ValueError("append_line takes one line")
    with explained("write", file.path):
        write_all(file.descriptor, f"{text}\n".encode(), file.system)
