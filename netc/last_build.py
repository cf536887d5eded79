"""The folder of the last build here: `netc compile` notes it, commands without FILE read it."""

import json
from pathlib import Path

LAST = Path("build", "last.json")


def last_folder() -> Path:
    """OSError where nothing was built here, ValueError where the note is damaged."""
    told = json.loads(LAST.read_text(encoding="utf-8"))
    if not isinstance(told, dict) or not isinstance(told.get("folder"), str):
        raise ValueError(f"{LAST} names no folder")
    return Path(told["folder"])
