"""A CSV file comes in; its columns go out as i32 or f32, whatever the size of the file.

Strict: the first line names the columns, every row has them all, and every cell is a number, or all
of a column are names of classes.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import numpy as np

from netc.compiler.diagnostics import nearest
from netc.runtime.data.classes import is_name
from netc.runtime.data.dataset import DataSet, converted, data_set
from netc.runtime.data.reading import reading
from netc.runtime.data.spool import Spool, pieces
from netc.runtime.errors import fail

WHOLE = re.compile(r"[+-]?[0-9]{1,10}")
FRACTION = re.compile(r"[+-]?([0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})([eE][+-]?[0-9]{1,3})?")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
MOST_COLUMNS, MOST_CLASSES = 10_000, 10_000
CELLS_AT_ONCE = 1 << 18
RATING, MOVIELENS = ("user", "item", "rating"), ("userId", "movieId", "rating")
INT32, FLOAT32 = np.iinfo(np.int32), np.finfo(np.float32)


class Column:
    """The numbers of a column so far: i32 until one is a fraction, unless its dtype is given."""

    def __init__(self, path: Path, name: str, dtype: str | None) -> None:
        self.path, self.name, self.given = path, name, dtype
        self.is_whole = dtype != "f32"
        self.spool = Spool(np.int32 if self.is_whole else np.float32)
        self.too_large: tuple[int, str] | None = None  # a whole number that only f32 could hold
        self.places: dict[str, int] = {}  # of names of classes, in the order in which they came
        self.is_empty = True

    def append(self, lines: list[int], cells: tuple[str, ...]) -> None:
        """The cells of some more rows, which stand in these lines of the file."""
        cells = tuple(cell.strip() for cell in cells)
        if self.places or (self.is_empty and self.given is None and is_name(cells[0])):
            self.append_names(lines, cells)
            return
        self.is_empty = False
        if self.is_whole and not all(map(fits_whole, cells)):
            self.meet_misfits(lines, cells)
        if self.is_whole:
            self.spool.append(np.array(list(map(int, cells)), np.int32))
            return
        for line, cell in zip(lines, cells, strict=True):
            if not fits_fraction(cell):
                raise self.wrong(line, cell, "a number of f32")
        self.spool.append(np.array(list(map(float, cells)), np.float32))

    def append_names(self, lines: list[int], cells: tuple[str, ...]) -> None:
        for line, cell in zip(lines, cells, strict=True):
            if not is_name(cell):
                raise self.wrong(line, cell, "the name of a class, as those above it")
            self.places.setdefault(cell, len(self.places))
        if len(self.places) > MOST_CLASSES:
            message = f"`{self.path}`, column `{self.name}`: more than {MOST_CLASSES} names"
            raise fail("E0505", message, help="texts are read by `labelled_text`")
        self.spool.append(np.array([self.places[cell] for cell in cells], np.int32))

    @property
    def classes(self) -> tuple[str, ...]:
        """The names by number, where it is a column of classes."""
        return tuple(sorted(self.places))

    def meet_misfits(self, lines: list[int], cells: tuple[str, ...]) -> None:
        """The column turns into f32 where it may."""
        misfit = next(
            (line, cell)
            for line, cell in zip(lines, cells, strict=True)
            if not fits_whole(cell)
        )
        if self.given == "i32":
            raise self.wrong(*misfit, "a whole number of i32")
        if all(map(WHOLE.fullmatch, cells)):
            self.too_large = self.too_large or misfit
        else:
            self.given, self.too_large = "f32", None
        self.is_whole, old = False, self.spool.array()
        self.spool = Spool(np.float32)
        for part in pieces(old):
            self.spool.append(part.astype(np.float32))

    def array(self) -> np.ndarray:
        if self.too_large and self.given is None:
            raise self.wrong(*self.too_large, "a whole number of i32")
        if self.places:
            new = np.array([self.classes.index(name) for name in self.places], np.int32)
            return converted(self.spool.array(), np.dtype(np.int32), lambda rows, _: new[rows])
        return self.spool.array()

    def wrong(self, line: int, cell: str, kind: str):
        message = f"`{self.path}`, line {line}, column `{self.name}`: {shown(cell)} is not {kind}"
        is_word = any(letter.isalpha() for letter in cell)
        help = "a column of classes has numbers only, or names only" if is_word else None
        return fail("E0505", message, help=help)


def read_csv(
    path: Path, dtypes: Mapping[str, str] | None = None, wanted: tuple[str, ...] | None = None
) -> DataSet:
    """The columns as fields, in order; `dtypes` may fix some to "i32" or "f32".

    A column of whole numbers only is i32, as is one of names of classes, which are numbered from A
    to Z; any other is f32. Of `wanted` columns only, where they
    are given: the others may hold anything. Errors (E0502 to E0505) name the line and the column.
    """
    dtypes = dtypes or {}
    with opened(path) as (table, names):
        check_wanted(path, names, (*dtypes, *(wanted or ())))
        columns = {
            place: Column(path, name, dtypes.get(name))
            for place, name in enumerate(names)
            if wanted is None or name in wanted
        }
        for lines, rows in chunks(path, table, names):
            cells = tuple(zip(*rows, strict=True))
            for place, column in columns.items():
                column.append(lines, cells[place])
    arrays = {one.name: one.array() for one in columns.values()}
    classes = tuple((one.name, one.classes) for one in columns.values() if one.places)
    return data_set(f"`{path}`", arrays, classes=classes)


def read_cells(path: Path, wanted: tuple[str, ...]) -> tuple[list[int], list[tuple[str, ...]]]:
    """The lines of the file that hold a row each, and the rows' cells in the wanted columns."""
    lines, cells = [], []
    with opened(path) as (table, names):
        check_wanted(path, names, wanted)
        places = [names.index(name) for name in wanted]
        for some, rows in chunks(path, table, names):
            lines += some
            cells += [tuple(row[place] for place in places) for row in rows]
    return lines, cells


@contextmanager
def opened(path: Path) -> Iterator[tuple]:
    """(the rows to come, the names of the columns); what is wrong with them names the line."""
    with reading(path), open(path, newline="", encoding="utf-8-sig") as file:
        table = csv.reader(file, strict=True)
        try:
            yield table, check_names(path, next(table, []))
        except csv.Error as error:
            raise fail("E0504", f"`{path}`, line {table.line_num}: {error}") from error


def read_ratings(path: Path) -> DataSet:
    """user: i32[N], item: i32[N] and rating: f32[N], of a file with these columns or, under the
    names that MovieLens has for them, with userId, movieId and rating."""
    with opened(path) as (_, names):
        columns = MOVIELENS if MOVIELENS[0] in names else RATING
    dtypes = dict(zip(columns, ("i32", "i32", "f32"), strict=True))
    data = read_csv(path, dtypes, columns)
    found = zip(RATING, columns, strict=True)
    return data_set(f"`{path}`", {name: data.train[column] for name, column in found})


def chunks(path: Path, table, names: list[str]) -> Iterator[tuple[list[int], list[list[str]]]]:
    """Some rows at a time, and the lines that they stand in; at least one row."""
    count = max(1, CELLS_AT_ONCE // len(names))
    is_empty = True
    while rows := list(islice(checked(path, table, names), count)):
        is_empty = False
        yield [line for line, _ in rows], [row for _, row in rows]
    if is_empty:
        raise fail("E0504", f"`{path}` has no rows below its first line")


def checked(path: Path, table, names: list[str]) -> Iterator[tuple[int, list[str]]]:
    for row in table:
        check_row(path, table.line_num, names, row)
        yield table.line_num, row


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


def check_wanted(path: Path, names: list[str], wanted: tuple[str, ...]) -> None:
    for name in wanted:
        if name not in names:
            near = nearest(name, names)
            raise fail(
                "E0503",
                f"`{path}` has no column `{name}`",
                notes=(f"its columns are {', '.join(names)}",),
                help=f"did you mean `{near}`?" if near else None,
            )


def check_row(path: Path, line: int, names: list[str], row: list[str]) -> None:
    if len(row) != len(names):
        message = f"`{path}`, line {line}: {len(row)} cells, the first line names {len(names)}"
        raise fail("E0504", message)


def fits_whole(cell: str) -> bool:
    return bool(WHOLE.fullmatch(cell)) and INT32.min <= int(cell) <= INT32.max


def fits_fraction(cell: str) -> bool:
    return bool(FRACTION.fullmatch(cell)) and abs(float(cell)) <= float(FLOAT32.max)


def shown(cell: str) -> str:
    """A cell as an error shows it: short, and without control characters."""
    return "an empty cell" if not cell else ascii(cell if len(cell) <= 40 else f"{cell[:40]}...")
