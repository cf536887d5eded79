"""An exception that should never have come out comes in; one line and a file about it go out."""

import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Sequence

CRASHED = 101


def report_crash(error: Exception, words: Sequence[str]) -> int:
    """Write what is needed to find the fault to a file and name it; NETC_DEBUG=1 shows it too."""
    told = "".join(traceback.format_exception(error))
    line = str(error).strip().partition("\n")[0][:200]
    place = write_report(told, words)
    print(f"netc itself failed: {type(error).__name__}: {line}", file=sys.stderr)
    print(f"please report it with the file {place}" if place else told, file=sys.stderr)
    if place and os.environ.get("NETC_DEBUG"):
        print(told, file=sys.stderr)
    return CRASHED


def write_report(told: str, words: Sequence[str]) -> str | None:
    """The path of the report; None where nothing can be written."""
    lines = (
        f"netc {' '.join(map(repr, words))}",
        f"Python {platform.python_version()} on {platform.platform()}",
        told,
    )
    try:
        handle, path = tempfile.mkstemp(prefix="netc-crash-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write("\n".join(lines))
    except OSError:
        return None
    return path
