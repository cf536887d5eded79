"""Keeps what Jinja makes of a template beside it, as Python keeps the bytecode of a module.

Translating the templates of a program takes a tenth of a second, each time. Jinja checks that what
was kept is of the same text and the same version of Python; the name of the file tells its own.
"""

import os
import pickle
import sys
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket, BytecodeCache


class KeptBeside(BytecodeCache):
    """Bytecode in `__pycache__`, or where PYTHONPYCACHEPREFIX says; PYTHONDONTWRITEBYTECODE and
    folders that cannot be written are respected, too."""

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """The file that a template comes from; nothing where it lies in an archive."""
        return filename or ""

    def load_bytecode(self, bucket: Bucket) -> None:
        if not bucket.key:
            return
        damaged = (EOFError, pickle.UnpicklingError)
        with suppress(OSError, *damaged), place_of(bucket.key).open("rb") as file:
            bucket.load_bytecode(file)

    def dump_bytecode(self, bucket: Bucket) -> None:
        if sys.dont_write_bytecode or not bucket.key:
            return
        place = place_of(bucket.key)
        fresh = place.with_suffix(f".{os.getpid()}.new")
        with suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(bucket.bytecode_to_string())
            os.replace(fresh, place)


def place_of(template: str) -> Path:
    return Path(cache_from_source(f"{template}.jinja-{jinja2.__version__}.py"))
