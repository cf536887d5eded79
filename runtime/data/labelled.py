"""A CSV file of texts and their labels comes in; padded bytes and class numbers go out."""

from pathlib import Path

import numpy as np

from netc.runtime.data.classes import number_names
from netc.runtime.data.csv import WHOLE, read_cells
from netc.runtime.data.dataset import MOST_BYTES, DataSet, data_set
from netc.runtime.errors import fail

COLUMNS = ("text", "label")


def read_labelled_text(path: Path, window: int) -> DataSet:
    """token: i32[N, window], the first bytes of the column `text`, with zeros behind a shorter one;
    label: i32[N]. Labels are numbers of classes, or else names, numbered in the order of A to Z."""
    lines, rows = read_cells(path, COLUMNS)
    if 4 * window * len(rows) > MOST_BYTES:
        raise fail("E0510", f"labelled_text: {len(rows)} texts of {window} bytes are too many")
    token = np.zeros((len(rows), window), np.int32)
    for number, (text, _) in enumerate(rows):
        letters = text.encode()[:window]
        token[number, : len(letters)] = np.frombuffer(letters, np.uint8)
    labels, names = class_numbers(path, lines, [label.strip() for _, label in rows])
    classes = (("label", names),) if names else ()
    return data_set(f"`{path}`", {"token": token, "label": labels}, classes=classes)


def class_numbers(
    path: Path, lines: list[int], cells: list[str]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """i32[N]: the numbers in the cells, or the places of the names among the sorted names; and
    these names, where there are any."""
    for line, cell in zip(lines, cells, strict=True):
        if not cell:
            raise fail("E0505", f"`{path}`, line {line}, column `label`: the cell is empty")
    if all(WHOLE.fullmatch(cell) and len(cell) < 8 for cell in cells):
        return np.array([int(cell) for cell in cells], np.int32), ()
    return number_names(cells)
