"""A CSV file of texts and their labels comes in; padded bytes and class numbers go out."""

from pathlib import Path

import numpy as np

from netc.runtime.data.csv import WHOLE, read_rows
from netc.runtime.data.dataset import MOST_BYTES, DataSet, data_set
from netc.runtime.errors import fail

COLUMNS = ("text", "label")


def read_labelled_text(path: Path, window: int) -> DataSet:
    """token: i32[N, window], the first bytes of the column `text`, with zeros behind a shorter one;
    label: i32[N]. Labels are numbers of classes, or else names, numbered in the order of A to Z."""
    names, lines, rows = read_rows(path)
    for column in COLUMNS:
        if column not in names:
            note = f"its columns are {', '.join(names)}"
            raise fail("E0503", f"`{path}` has no column `{column}`", notes=(note,))
    if 4 * window * len(rows) > MOST_BYTES:
        raise fail("E0510", f"labelled_text: {len(rows)} texts of {window} bytes are too many")
    text, label = (names.index(column) for column in COLUMNS)
    token = np.zeros((len(rows), window), np.int32)
    for number, row in enumerate(rows):
        letters = row[text].encode()[:window]
        token[number, : len(letters)] = np.frombuffer(letters, np.uint8)
    classes = class_numbers(path, lines, [row[label].strip() for row in rows])
    return data_set(f"`{path}`", {"token": token, "label": classes})


def class_numbers(path: Path, lines: list[int], cells: list[str]) -> np.ndarray:
    """i32[N]: the numbers in the cells, or the places of the names among the sorted names."""
    for line, cell in zip(lines, cells, strict=True):
        if not cell:
            raise fail("E0505", f"`{path}`, line {line}, column `label`: the cell is empty")
    if all(WHOLE.fullmatch(cell) and len(cell) < 8 for cell in cells):
        return np.array([int(cell) for cell in cells], np.int32)
    places = {name: place for place, name in enumerate(sorted(set(cells)))}
    return np.array([places[cell] for cell in cells], np.int32)
