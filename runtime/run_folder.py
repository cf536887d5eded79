"""A program's name comes in; a folder `runs/NAME-3/` with facts and metrics goes out.

The folder holds `run.json` (what was run), `metrics.jsonl` (a line for each logged record),
checkpoints, and `finished.json` once training has come to its end.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from netc.runtime.errors import fail
from netc.runtime.files import (
    LineFile,
    append_line,
    cause_of,
    make_folder,
    make_folders,
    open_lines,
    sweep,
    write_atomically,
)

FACTS = "run.json"
METRICS = "metrics.jsonl"
FINISHED = "finished.json"
MOST_RUNS = 1_000_000

Facts = Mapping[str, object]


@dataclass(frozen=True)
class RunFolder:
    """One run on disk."""

    path: Path

    @property
    def is_finished(self) -> bool:
        return Path(self.path, FINISHED).is_file()

    def facts(self) -> dict[str, object]:
        """What `create` was told."""
        return read_object(Path(self.path, FACTS))

    def finish(self, facts: Facts) -> None:
        """Mark the run as having come to its end."""
        write_atomically(Path(self.path, FINISHED), as_json(facts))

    def open_metrics(self) -> LineFile:
        """The log, for `append_record`."""
        return open_lines(Path(self.path, METRICS))

    def metrics(self) -> tuple[dict[str, object], ...]:
        """What was logged, each step once; nothing if nothing was."""
        path = Path(self.path, METRICS)
        try:
            return last_of_each_step(path.read_bytes())
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise fail("E0704", f"cannot read `{path}`: {cause_of(error)}") from error


def create(base: Path, program: str, facts: Facts) -> RunFolder:
    """Make `base/PROGRAM-N` with the next free N. Two processes at once get two folders."""
    make_folders(base)
    stem = plain_name(program)
    number = max((found for found, _ in numbered(base, stem)), default=0) + 1
    while number < MOST_RUNS:
        path = Path(base, f"{stem}-{number}")
        if make_folder(path):
            write_atomically(Path(path, FACTS), as_json(facts))
            return RunFolder(path)
        number += 1
    raise fail("E0703", f"`{base}` holds too many runs of `{stem}`")


def latest_run(base: Path, program: str) -> RunFolder | None:
    """The run of this program with the highest number that got as far as its facts."""
    for _, path in sorted(numbered(base, plain_name(program)), reverse=True):
        if Path(path, FACTS).is_file():
            return RunFolder(path)
    return None


def reopen(path: Path) -> RunFolder:
    """An existing run, cleared of what a killed writer left; NetError if it is none."""
    if not Path(path, FACTS).is_file():
        raise fail("E0703", f"`{path}` is not the folder of a run: it has no {FACTS}")
    sweep(path)
    return RunFolder(Path(path))


def numbered(base: Path, stem: str) -> list[tuple[int, Path]]:
    """The folders `stem-N` in `base`."""
    pattern = re.compile(re.escape(stem) + r"-([1-9]\d{0,8})")
    try:
        found = [(pattern.fullmatch(path.name), path) for path in Path(base).iterdir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise fail("E0704", f"cannot read the folder `{base}`: {cause_of(error)}") from error
    return [(int(match[1]), path) for match, path in found if match and path.is_dir()]


def plain_name(program: str) -> str:
    """A folder name out of a program's: no separators, no leading dot, at most 64 characters."""
    return re.sub(r"[^A-Za-z0-9_]+", "_", Path(program).stem)[:64].strip("_") or "run"


def as_json(facts: Facts) -> bytes:
    return f"{json.dumps(dict(facts), indent=2, sort_keys=True)}\n".encode()


def read_object(path: Path) -> dict[str, object]:
    """The JSON object in a file; NetError if there is none."""
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise fail("E0704", f"cannot read `{path}`: {cause_of(error)}") from error
    except (ValueError, RecursionError) as error:
        raise fail("E0704", f"`{path}` is damaged: it is not JSON") from error
    if not isinstance(found, dict):
        raise fail("E0704", f"`{path}` is damaged: it is not a JSON object")
    return found


def append_record(file: LineFile, record: Mapping[str, object]) -> None:
    """Log one record; it names its `step`, and its `kind` unless it is of training."""
    append_line(file, record_line(record))


def record_line(record: Mapping[str, object]) -> str:
    """One line of JSON. Beside `loss` stands `loss_hex`: its very bits, for comparing by `diff`."""
    told = {name: as_plain(value) for name, value in record.items()}
    if "loss" in record:
        told["loss_hex"] = float(record["loss"]).hex()
    return json.dumps(told)


def as_plain(value: object) -> object:
    """JSON has neither NumPy's numbers nor NaN."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def last_of_each_step(data: bytes) -> tuple[dict[str, object], ...]:
    """The records in a log, by step. A resumed run tells steps again: the last line counts. A line
    that a crash cut short is no record."""
    latest: dict[tuple[int, str], dict[str, object]] = {}
    for line in data.splitlines():
        record = record_in(line)
        if record is not None:
            latest[record["step"], str(record.get("kind", "train"))] = record
    return tuple(latest[key] for key in sorted(latest))


def record_in(line: bytes) -> dict[str, object] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    whole = isinstance(record, dict) and isinstance(record.get("step"), int)
    return record if whole else None
