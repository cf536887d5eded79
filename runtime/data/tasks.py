"""A seed comes in; tasks for larger networks, made up or pasted together by rule, go out."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np

from netc.runtime.data.dataset import Arrays, DataSet, data_set, words
from netc.runtime.data.generated import check_sizes, test_rows, uniform
from netc.runtime.data.named import mnist
from netc.runtime.errors import fail

PAD, START, END = 0, 1, 2
CHARACTERS = " ,./-0123456789abcdefghijklmnopqrstuvwxyz"  # the first of them is token 3
MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september",
          "october", "november", "december")  # fmt: skip
WRITTEN = 20  # tokens of the longest written date and more
TOLD = 11  # tokens of 2026-11-22 and the mark before or after it
FIRST_DAY, DAYS = date(1900, 1, 1), 200 * 365

DIGIT, MOST_DIGITS, TRIES = 28, 3, 8


def dates(count: int, seed: int = 0) -> DataSet:
    """source: i32[N, 20], a date as people write it; target: i32[N, 11], the same as 2026-11-22,
    after a start; next: i32[N, 11], before an end. Token 0 pads, 1 starts, 2 ends."""
    check_sizes("dates", 4 * (WRITTEN + 2 * TOLD), count=count)
    return data_set("dates", write_dates(count, seed, 0), write_dates(test_rows(count), seed, 1))


def write_dates(count: int, seed: int, stream: int) -> Arrays:
    drawn = words(seed, stream, count)
    days = [FIRST_DAY + timedelta(days=int(word % DAYS)) for word in drawn.tolist()]
    forms = ((drawn >> np.uint64(32)) % 5).tolist()
    texts = [written(day, form) for day, form in zip(days, forms, strict=True)]
    told = [tokens(day.isoformat(), TOLD - 1) for day in days]
    return {
        "source": np.array([tokens(text, WRITTEN) for text in texts], np.int32),
        "target": np.array([[START, *row] for row in told], np.int32),
        "next": np.array([[*row, END] for row in told], np.int32),
    }


def written(day: date, form: int) -> str:
    """One of the five ways in which a day may be written."""
    month = MONTHS[day.month - 1]
    return (
        f"{day.day} {month} {day.year}",
        f"{month} {day.day}, {day.year}",
        f"{day.day}.{day.month}.{day.year}",
        f"{day.month:02d}/{day.day:02d}/{day.year}",
        f"{day.day} {month[:3]} {day.year}",
    )[form]


def tokens(text: str, length: int) -> list[int]:
    return [CHARACTERS.index(letter) + 3 for letter in text] + [PAD] * (length - len(text))


def digits_on_canvas(
    folder: str, size: int = 64, cells: int = 0, count: int = 5000, seed: int = 0,
    beside: Path | None = None,
) -> DataSet:
    """One to three MNIST digits on each canvas: image: u8[N, size, size, 1]. Of eight places drawn
    for a digit, it takes the one where it covers the least of those before it.

    Without cells, mask: i32[N, size, size] is 0 on the background and 1 + digit on a digit. With
    cells, the cell that holds a digit's centre has present 1 in f32[N, cells, cells, 1], the digit
    in label: i32[N, cells, cells], and in box: f32[N, cells, cells, 4] the top, left, bottom and
    right edge: 0.5 plus the distance from the cell's centre, as a fraction of the canvas.
    """
    check_sizes("digits_on_canvas", 5 * size * size, count=count)
    if size < 2 * DIGIT or not 0 <= 4 * cells <= size or (cells and size % cells):
        wanted = f"a size from {2 * DIGIT}, and cells of 4 pixels or more that divide it"
        raise fail("E0510", f"digits_on_canvas takes {wanted}, got {size} and {cells}")
    digits = mnist(folder, beside)
    parts = [paste(digits.train, size, cells, count, seed, 0),
             paste(digits.test, size, cells, test_rows(count), seed, 4)]  # fmt: skip
    return data_set("digits_on_canvas", *parts)


def paste(digits: Arrays, size: int, cells: int, count: int, seed: int, stream: int) -> Arrays:
    """Paste digits, a later one over an earlier one."""
    drawn = words(seed, stream, count * MOST_DIGITS) % np.uint64(len(digits["label"]))
    chosen = drawn.reshape(count, MOST_DIGITS)
    tries = uniform(seed, stream + 1, (MOST_DIGITS, TRIES, count, 2)) * (size - DIGIT + 1)
    place = apart(tries.astype(int))
    number = 1 + words(seed, stream + 2, count) % np.uint64(MOST_DIGITS)
    canvas = empty_canvas(size, cells, count)
    for row in range(count):
        for index in range(int(number[row])):
            source = int(chosen[row, index])
            top, left = place[index, row].tolist()
            pixels, label = digits["image"][source], int(digits["label"][source])
            area = (row, slice(top, top + DIGIT), slice(left, left + DIGIT))
            canvas["image"][area] = np.maximum(canvas["image"][area], pixels)
            if cells:
                mark_cell(canvas, row, top, left, label, size // cells, size)
            else:
                canvas["mask"][area][pixels[..., 0] > 127] = 1 + label
    return canvas


def apart(tries: np.ndarray) -> np.ndarray:
    """The places [digits, N, 2] among [digits, tries, N, 2] that share the fewest pixels with those
    before them."""
    chosen = tries[:, 0].copy()
    for index in range(1, len(tries)):
        apart = np.abs(tries[index][:, None] - chosen[:index])  # [tries, digits before, N, 2]
        shared = np.maximum(DIGIT - apart, 0).prod(axis=-1).sum(axis=1)
        best = shared.argmin(axis=0)
        chosen[index] = tries[index][best, np.arange(len(best))]
    return chosen


def empty_canvas(size: int, cells: int, count: int) -> Arrays:
    image = np.zeros((count, size, size, 1), np.uint8)
    if not cells:
        return {"image": image, "mask": np.zeros((count, size, size), np.int32)}
    grid = (count, cells, cells)
    box, present = np.zeros((*grid, 4), np.float32), np.zeros((*grid, 1), np.float32)
    return {"image": image, "box": box, "present": present, "label": np.zeros(grid, np.int32)}


def mark_cell(
    canvas: Arrays, row: int, top: int, left: int, label: int, cell: int, size: int
) -> None:
    """Tell the cell under a digit's centre what is there."""
    edges = np.array([top, left, top + DIGIT, left + DIGIT])
    down, across = (top + DIGIT // 2) // cell, (left + DIGIT // 2) // cell
    centre = np.array([down, across, down, across]) * cell + cell / 2
    canvas["box"][row, down, across] = 0.5 + (edges - centre) / size
    canvas["present"][row, down, across] = 1
    canvas["label"][row, down, across] = label
