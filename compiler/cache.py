"""The cache of compiled modules: bytes in and out by a hash of all that they were made from.

A module is written whole and then renamed, so that many processes may share the folder; an entry
that was damaged since is a miss. Where the folder cannot be written, nothing is kept.
"""

import hashlib
import os
import tempfile
from pathlib import Path

from platformdirs import user_cache_path

DIGEST_BYTES = 32


def key_of(*parts: str) -> str:
    """A name for what is made from these texts; every one of them matters, and their order."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


def folder() -> Path:
    """Where modules are kept: NETC_CACHE, or the system's place for caches."""
    chosen = os.environ.get("NETC_CACHE")
    return Path(chosen) if chosen else user_cache_path("netc")


def look_up(key: str) -> bytes | None:
    """The module that was kept under this key, if it is whole."""
    try:
        data = (folder() / key).read_bytes()
    except OSError:
        return None
    digest, module = data[:DIGEST_BYTES], data[DIGEST_BYTES:]
    return module if hashlib.sha256(module).digest() == digest else None


def keep(key: str, module: bytes) -> None:
    """Remember a module. A cache that cannot be written is no error: the next time takes longer."""
    try:
        folder().mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder(), prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(module).digest() + module)
            os.replace(name, folder() / key)
        except OSError:
            os.unlink(name)
    except OSError:
        pass
