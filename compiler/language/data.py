"""Data sets that a program can take from: their parameters, and the types of their fields."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from netc.compiler.ir.tensor import TensorType
from netc.compiler.language.values import Choice, Chosen


@dataclass(frozen=True)
class FieldSpec:
    """One field of the data, with the batch in axis 0."""

    name: str
    type: TensorType


@dataclass(frozen=True)
class DataSpec:
    """Where the data comes from and its fields, in the order of the data set."""

    source: str
    arguments: tuple[tuple[str, Any], ...]
    fields: tuple[FieldSpec, ...]


Row = tuple[str, str, tuple[int, ...]]


def mnist_rows(path: str) -> tuple[Row, ...]:
    return ("image", "u8", (28, 28, 1)), ("label", "i32", ())


def cifar_rows(path: str) -> tuple[Row, ...]:
    return ("image", "u8", (32, 32, 3)), ("label", "i32", ())


def ratings_rows(path: str, test: str) -> tuple[Row, ...]:
    return ("user", "i32", ()), ("item", "i32", ()), ("rating", "f32", ())


def canvas_rows(count: int, size: int, channels: int, classes: int, seed: int) -> tuple[Row, ...]:
    return ("image", "u8", (size, size, channels)), ("label", "i32", ())


def blobs_rows(count: int, features: int, classes: int, seed: int) -> tuple[Row, ...]:
    return ("x", "f32", (features,)), ("label", "i32", ())


def text_rows(path: str, window: int, test: str) -> tuple[Row, ...]:
    return ("token", "i32", (window,)), ("next", "i32", (window,))


def labelled_rows(path: str, window: int, test: str) -> tuple[Row, ...]:
    return ("token", "i32", (window,)), ("label", "i32", ())


def dates_rows(count: int, seed: int) -> tuple[Row, ...]:
    return ("source", "i32", (20,)), ("target", "i32", (11,)), ("next", "i32", (11,))


def reviews_rows(count: int, seed: int) -> tuple[Row, ...]:
    return ("token", "i32", (16,)), ("label", "i32", ())


def clicks_rows(count: int, seed: int) -> tuple[Row, ...]:
    return ("numbers", "f32", (13,)), ("codes", "i32", (26,)), ("click", "f32", (1,))


def addition_rows(count: int, digits: int, seed: int) -> tuple[Row, ...]:
    length = 3 * digits + 2
    return ("token", "i32", (length,)), ("next", "i32", (length,))


def digits_rows(path: str, size: int, cells: int, count: int, seed: int) -> tuple[Row, ...]:
    image: Row = ("image", "u8", (size, size, 1))
    if not cells:
        return image, ("mask", "i32", (size, size))
    box, present = ("box", "f32", (cells, cells, 4)), ("present", "f32", (cells, cells, 1))
    return image, box, present, ("label", "i32", (cells, cells))


ROWS: Mapping[str, Callable[..., tuple[Row, ...]]] = MappingProxyType(
    {
        "mnist": mnist_rows,
        "fashion_mnist": mnist_rows,
        "cifar10": cifar_rows,
        "ratings": ratings_rows,
        "shapes_on_canvas": canvas_rows,
        "blobs": blobs_rows,
        "text": text_rows,
        "labelled_text": labelled_rows,
        "dates": dates_rows,
        "reviews": reviews_rows,
        "clicks": clicks_rows,
        "addition": addition_rows,
        "digits_on_canvas": digits_rows,
    }
)

TEST = ("test", "")  # the parameter that names a second file, of rows to test on

SOURCES: Mapping[str, Choice] = MappingProxyType(
    {
        "mnist": Choice("data set", "mnist", (("path", "data/mnist"),)),
        "fashion_mnist": Choice("data set", "fashion_mnist", (("path", "data/fashion_mnist"),)),
        "cifar10": Choice("data set", "cifar10", (("path", "data/cifar10"),)),
        "ratings": Choice("data set", "ratings", (("path", "data/ratings.csv"), TEST)),
        "csv": Choice("data set", "csv", (("path", None), TEST)),
        "npz": Choice("data set", "npz", (("path", None), TEST)),
        "parquet": Choice("data set", "parquet", (("path", None), TEST)),
        "images": Choice("data set", "images", (("path", None), ("size", 0), ("channels", 3))),
        "idx": Choice(
            "data set", "idx", (("path", None), ("labels", ""), TEST, ("test_labels", ""))
        ),
        "shapes_on_canvas": Choice(
            "data set",
            "shapes_on_canvas",
            (("count", None), ("size", 16), ("channels", 1), ("classes", 4), ("seed", 0)),
        ),
        "text": Choice("data set", "text", (("path", "data/text.txt"), ("window", None), TEST)),
        "labelled_text": Choice(
            "data set", "labelled_text", (("path", None), ("window", None), TEST)
        ),
        "dates": Choice("data set", "dates", (("count", None), ("seed", 0))),
        "reviews": Choice("data set", "reviews", (("count", None), ("seed", 0))),
        "clicks": Choice("data set", "clicks", (("count", None), ("seed", 0))),
        "addition": Choice(
            "data set", "addition", (("count", None), ("digits", 3), ("seed", 0))
        ),
        "digits_on_canvas": Choice(
            "data set",
            "digits_on_canvas",
            (("path", "data/mnist"), ("size", 64), ("cells", 0), ("count", 5000), ("seed", 0)),
        ),
        "blobs": Choice(
            "data set",
            "blobs",
            (("count", None), ("features", 2), ("classes", 3), ("seed", 0)),
        ),
    }
)


def rows_of(chosen: Chosen) -> tuple[Row, ...] | None:
    """(name, element type, shape of one row) for each field of a data set; None where only the file
    tells, so that the program declares them."""
    rows = ROWS.get(chosen.choice.name)
    return rows(**chosen.filled) if rows else None
