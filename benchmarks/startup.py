"""Time and memory of the commands that a user waits for: `python benchmarks/startup.py [runs]`."""

import sys
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path

from measure import EXAMPLES, NETC, Outcome, machine, medians, run, table

MNIST = str(EXAMPLES / "mnist.net")
HEADING = ("command", "time", "goal", "processor", "memory", "goal")


def cold_and_warm(folder: Path) -> tuple[Callable[[], Outcome], Callable[[], Outcome]]:
    """Compiling with an empty cache and build folder each time, and with those of the last time."""
    number = count()

    def cold() -> Outcome:
        fresh = folder / f"cold-{next(number)}"
        return run((*NETC, "compile", MNIST, "--out", str(fresh / "build")), folder,
                   NETC_CACHE=str(fresh / "cache"))  # fmt: skip

    def warm() -> Outcome:
        return run((*NETC, "compile", MNIST), folder, NETC_CACHE=str(folder / "cache"))

    warm()
    return cold, warm


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cold, warm = cold_and_warm(folder)

        def call(*words: str) -> Callable[[], Outcome]:
            return lambda: run((*NETC, *words), folder, NETC_CACHE=str(folder / "cache"))

        measured = (
            ("netc --help", call("--help"), 0.15, None),
            ("netc explain E0203", call("explain", "E0203"), 0.15, None),
            ("netc check mnist.net", call("check", MNIST), 0.6, None),
            ("netc compile mnist.net, cold", cold, 3.0, None),
            ("netc compile mnist.net, warm", warm, 0.7, None),
            ("netc train, 100 steps", call("train", "--max-steps", "100"), None, 400),
        )
        rows = [HEADING]
        for title, measure, seconds_goal, memory_goal in measured:
            seconds, processor, megabytes = medians(measure, runs)
            rows.append((
                title,
                f"{seconds:.2f} s",
                f"{seconds_goal} s" if seconds_goal else "",
                f"{processor:.2f} s",
                f"{megabytes:.0f} MB",
                f"{memory_goal} MB" if memory_goal else "",
            ))
    print(f"{machine()}; medians of {runs}")
    print(table(rows))


if __name__ == "__main__":
    main()
