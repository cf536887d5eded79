"""Keeps what Jinja makes of a template beside it, as Python keeps the bytecode of a module.

Translating the templates of a program takes a tenth of a second, each time. Jinja checks that what
was kept is of the same text and the same version of Python; the name of the file tells its own. A
file that was damaged since is not looked at.
"""

import hashlib
import os
import sys
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket, BytecodeCache

from netc.compiler.cache import DIGEST_BYTES


class KeptBeside(BytecodeCache):
    """Bytecode in `__pycache__`, or where PYTHONPYCACHEPREFIX says; PYTHONDONTWRITEBYTECODE and
    folders that cannot be written are respected, too."""

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """The file that a template comes from; nothing where it lies in an archive."""
        return filename or ""

    def load_bytecode(self, bucket: Bucket) -> None:
        if not bucket.key:
            return
        with suppress(OSError):
            data = place_of(bucket.key).read_bytes()
            if digest(data[DIGEST_BYTES:]) == data[:DIGEST_BYTES]:
                bucket.bytecode_from_string(data[DIGEST_BYTES:])

    def dump_bytecode(self, bucket: Bucket) -> None:
        if sys.dont_write_bytecode or not bucket.key:
            return
        place, data = place_of(bucket.key), bucket.bytecode_to_string()
        fresh = place.with_suffix(f".{os.getpid()}.new")
        with suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(digest(data) + data)
            os.replace(fresh, place)


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def place_of(template: str) -> Path:
    return Path(cache_from_source(f"{template}.jinja-{jinja2.__version__}.py"))
