"""A path from a program comes in; the file it means, or an error with what to do, goes out."""

import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from tokenize import TokenError

from netc.runtime.errors import fail
from netc.runtime.files import cause_of

# Everything that NumPy, zip and gzip raise over bytes that somebody made up.
FAULTS = (
    ValueError, EOFError, TypeError, KeyError, IndexError, OverflowError, SyntaxError,
    NotImplementedError, RuntimeError, TokenError, MemoryError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
MOST_EXPANSION = 1100  # deflate's limit is 1032 to 1


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn any fault in reading a file into E0502, which names the file."""
    try:
        yield
    except OSError as error:
        cause = cause_of(error) if error.errno else str(error)
        raise fail("E0502", f"cannot read `{path}`: {cause}") from error
    except MemoryError as error:
        raise fail("E0502", f"cannot read `{path}`: not enough memory") from error
    except FAULTS as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise fail("E0502", f"cannot read `{path}`: {reason}") from error


def find_file(name: str, beside: Path | None = None) -> Path:
    """The regular file of that name: beside the program first, then in the current folder."""
    return find(name, beside, "file", Path.is_file)


def find_folder(name: str, beside: Path | None = None) -> Path:
    """The folder of that name: beside the program first, then in the current folder."""
    return find(name, beside, "folder", Path.is_dir)


def find(
    name: str, beside: Path | None, kind: str, fits: Callable[[Path], bool]
) -> Path:
    places = [Path(beside or ".", name), Path(name)]
    for path in places:
        try:
            if fits(path):
                return path
            taken = path.exists()
        except (OSError, ValueError) as error:
            raise fail("E0501", f"cannot look for {name!r}: {error}") from error
        if taken:
            raise fail("E0501", f"`{path}` is not a {kind}")
    raise fail("E0501", f"there is no {kind} `{places[0]}`", help=advice(places[0], kind))


def advice(path: Path, kind: str) -> str:
    """What to do about a missing file: a name that is nearly the same, or where to put it."""
    try:
        names = sorted(other.name for other in path.parent.iterdir())
    except OSError:
        return f"put the {kind} there; there is no folder `{path.parent}` yet"
    near = get_close_matches(path.name, names, n=1, cutoff=0.7)
    return f"did you mean `{path.with_name(near[0])}`?" if near else f"put the {kind} there"
