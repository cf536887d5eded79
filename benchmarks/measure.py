"""A command in; how long it took, the most memory it held, and a table of such figures out."""

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"
NETC = (sys.executable, "-m", "netc")


@dataclass(frozen=True)
class Outcome:
    """One run of a command: seconds by the clock and of the processor, the most resident memory in
    MB, and what it printed."""

    seconds: float
    processor: float
    megabytes: float
    output: str


def run(command: Sequence[str], folder: Path, **environment: str) -> Outcome:
    """Run a command in a folder; one that fails ends the benchmark with what it said."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}\n{output}")
    processor = usage.ru_utime + usage.ru_stime
    return Outcome(seconds, processor, usage.ru_maxrss / 1024, output)


def medians(measure: Callable[[], Outcome], runs: int) -> tuple[float, float, float]:
    """The medians of seconds, processor seconds and megabytes over so many runs."""
    found = [measure() for _ in range(runs)]
    return (
        statistics.median(outcome.seconds for outcome in found),
        statistics.median(outcome.processor for outcome in found),
        statistics.median(outcome.megabytes for outcome in found),
    )


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as columns of equal width; the first row is the heading."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join((lines[0], "-" * len(lines[0]), *lines[1:]))


def machine() -> str:
    """The processor, its cores, and the Python that ran."""
    processor = platform.processor() or platform.machine()
    try:
        facts = Path("/proc/cpuinfo").read_text().splitlines()
        processor = next(line.split(": ")[1] for line in facts if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{processor}, {os.cpu_count()} cores, Python {platform.python_version()}"
