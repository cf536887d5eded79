"""A CSV file comes in; its columns go out as i32 or f32.

Strict: the first line names the columns, every row has them all, every cell is a number.
"""

import csv
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from netc.runtime.data.dataset import MOST_BYTES, DataSet, data_set
from netc.runtime.data.reading import reading
from netc.runtime.errors import fail

WHOLE = re.compile(r"[+-]?[0-9]{1,10}")
FRACTION = re.compile(r"[+-]?([0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})([eE][+-]?[0-9]{1,3})?")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
MOST_COLUMNS = 10_000
INT32, FLOAT32 = np.iinfo(np.int32), np.finfo(np.float32)


def read_csv(path: Path, dtypes: Mapping[str, str] | None = None) -> DataSet:
    """The columns as fields, in order; `dtypes` may fix some to "i32" or "f32".

    A column of whole numbers only is i32, any other is f32. Errors (E0502 to E0505) name the line
    and the column.
    """
    names, lines, rows = read_rows(path)
    columns = zip(*rows, strict=True)
    wanted = dtypes or {}
    for name in wanted:
        if name not in names:
            note = f"its columns are {', '.join(names)}"
            raise fail("E0503", f"`{path}` has no column `{name}`", notes=(note,))
    return data_set(f"`{path}`", {
        name: as_column(path, name, lines, cells, wanted.get(name))
        for name, cells in zip(names, columns, strict=True)
    })  # fmt: skip


def read_ratings(path: Path) -> DataSet:
    """user: i32[N], item: i32[N] and rating: f32[N], of a file with these columns."""
    data = read_csv(path, {"user": "i32", "item": "i32", "rating": "f32"})
    kept = {name: data.train[name] for name in ("user", "item", "rating")}
    return data_set(f"`{path}`", kept)


def read_rows(path: Path) -> tuple[list[str], list[int], list[list[str]]]:
    """The names of the columns, then for each row its line in the file and its cells."""
    lines, rows = [], []
    with reading(path), open(path, newline="", encoding="utf-8-sig") as file:
        if Path(path).stat().st_size > MOST_BYTES:
            raise ValueError(f"the file is larger than {MOST_BYTES} bytes")
        table = csv.reader(file, strict=True)
        try:
            names = check_names(path, next(table, []))
            for row in table:
                check_row(path, table.line_num, names, row)
                lines.append(table.line_num)
                rows.append(row)
        except csv.Error as error:
            raise fail("E0504", f"`{path}`, line {table.line_num}: {error}") from error
    if not rows:
        raise fail("E0504", f"`{path}` has no rows below its first line")
    return names, lines, rows


def check_names(path: Path, row: list[str]) -> list[str]:
    names = [cell.strip() for cell in row]
    for position, name in enumerate(names, 1):
        if not NAME.fullmatch(name) or names.index(name) != position - 1:
            raise fail(
                "E0503",
                f"`{path}`, line 1, column {position}: {shown(name)} cannot name a column",
                help="name each column in the first line: user,item,rating",
            )
    if not 1 <= len(names) <= MOST_COLUMNS:
        raise fail("E0503", f"`{path}` has {len(names)} columns in its first line")
    return names


def check_row(path: Path, line: int, names: list[str], row: list[str]) -> None:
    if len(row) != len(names):
        message = f"`{path}`, line {line}: {len(row)} cells, the first line names {len(names)}"
        raise fail("E0504", message)


def as_column(
    path: Path, name: str, lines: list[int], cells: tuple[str, ...], dtype: str | None
) -> np.ndarray:
    cells = tuple(cell.strip() for cell in cells)
    whole = all(map(WHOLE.fullmatch, cells)) if dtype is None else dtype == "i32"
    fits = fits_whole if whole else fits_fraction
    for line, cell in zip(lines, cells, strict=True):
        if not fits(cell):
            kind = "a whole number of i32" if whole else "a number of f32"
            message = f"`{path}`, line {line}, column `{name}`: {shown(cell)} is not {kind}"
            raise fail("E0505", message)
    return np.array([int(cell) if whole else float(cell) for cell in cells],
                    np.int32 if whole else np.float32)  # fmt: skip


def fits_whole(cell: str) -> bool:
    return bool(WHOLE.fullmatch(cell)) and INT32.min <= int(cell) <= INT32.max


def fits_fraction(cell: str) -> bool:
    return bool(FRACTION.fullmatch(cell)) and abs(float(cell)) <= float(FLOAT32.max)


def shown(cell: str) -> str:
    """A cell as an error shows it: short, and without control characters."""
    return "an empty cell" if not cell else ascii(cell if len(cell) <= 40 else f"{cell[:40]}...")
