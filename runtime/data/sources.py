"""The name and the arguments of a source, as a program states them, come in; its data goes out."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from netc.runtime.data.classes import renumbered
from netc.runtime.data.clicks import clicks
from netc.runtime.data.csv import read_csv, read_ratings
from netc.runtime.data.dataset import DataSet, data_set
from netc.runtime.data.generated import blobs, shapes_on_canvas
from netc.runtime.data.idx import read_idx
from netc.runtime.data.images import images
from netc.runtime.data.labelled import read_labelled_text
from netc.runtime.data.named import cifar10, fashion_mnist, mnist
from netc.runtime.data.npz import read_npz
from netc.runtime.data.parquet import read_parquet
from netc.runtime.data.reading import find_file
from netc.runtime.data.reviews import reviews
from netc.runtime.data.sentences import addition
from netc.runtime.data.tasks import dates, digits_on_canvas
from netc.runtime.data.text import read_text
from netc.runtime.errors import fail

# What each source makes its data with, the parameters after the path, and those that it must have.
Wanted = tuple[str, ...] | None  # the fields that are needed, where the file has them by name

FOLDERS = {
    "mnist": (mnist, (), ()),
    "fashion_mnist": (fashion_mnist, (), ()),
    "cifar10": (cifar10, (), ()),
    "digits_on_canvas": (digits_on_canvas, ("size", "cells", "count", "seed"), ()),
    "images": (images, ("size", "channels"), ()),
}
TABLES = {
    "csv": lambda path, wanted: read_csv(path, wanted=wanted),
    "npz": lambda path, wanted: read_npz(path),
    "parquet": read_parquet,
}
FILES = {
    "ratings": (read_ratings, (), ()),
    "text": (read_text, ("window",), ("window",)),
    "labelled_text": (read_labelled_text, ("window",), ("window",)),
}
GENERATED = {
    "blobs": (blobs, ("count", "features", "classes", "seed"), ("count",)),
    "shapes_on_canvas": (
        shapes_on_canvas, ("count", "size", "channels", "classes", "seed"), ("count",)
    ),
    "dates": (dates, ("count", "seed"), ("count",)),
    "reviews": (reviews, ("count", "seed"), ("count",)),
    "clicks": (clicks, ("count", "seed"), ("count",)),
    "addition": (addition, ("count", "digits", "seed"), ("count",)),
}  # fmt: skip
SOURCES = (*FOLDERS, *TABLES, *FILES, "idx", *GENERATED)
READERS = {".csv": "csv", ".npz": "npz", ".npy": "npz", ".parquet": "parquet"}
TEST = "test"  # the option that names a second file, of the test rows


def open_source(
    name: str,
    arguments: tuple[object, ...] = (),
    options: Mapping[str, object] | None = None,
    beside: Path | None = None,
    wanted: Wanted = None,
) -> DataSet:
    """The data of `name(*arguments, **options)`; relative paths start at the folder `beside`.

    Of a table only the `wanted` columns need to be there and in order. Raises NetError (E05xx) for
    whatever is wrong with the name, the arguments or the files.
    """
    options = dict(options or {})
    if name in GENERATED:
        make, parameters, needed = GENERATED[name]
        return make(**bind(name, parameters, needed, arguments, options))
    if name not in SOURCES:
        near = get_close_matches(name, SOURCES, n=1)
        help = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(SOURCES)}"
        raise fail("E0510", f"there is no data source `{name}`", help=help)
    if name in FOLDERS:
        make, parameters, needed = FOLDERS[name]
        bound = bind(name, parameters, needed, arguments[1:], options)
        return make(path_of(name, arguments), **bound, beside=beside)
    test = options.pop(TEST, "")
    train = open_files(name, arguments, options, beside, wanted)
    if not test:
        return train
    if name == "idx":
        labels = options.pop("test_labels", "")
        others = (test, labels) if labels else (test,)
    else:
        others = (test, *arguments[1:])
    return two_parts(name, train, open_files(name, others, options, beside, wanted))


def open_files(
    name: str,
    arguments: tuple[object, ...],
    options: Mapping[str, object],
    beside: Path | None,
    wanted: Wanted,
) -> DataSet:
    """The data of one file, or of one pair of IDX files."""
    if name == "idx":
        given = {one: path for one, path in options.items() if one != "test_labels"}
        return idx([find_file(path, beside) for path in idx_paths(arguments, given)])
    path = find_file(path_of(name, arguments), beside)
    if name in TABLES:
        bind(name, (), (), arguments[1:], options)
        return TABLES[name](path, wanted)
    make, parameters, needed = FILES[name]
    return make(path, **bind(name, parameters, needed, arguments[1:], options))


def two_parts(name: str, train: DataSet, test: DataSet) -> DataSet:
    """Rows to train on from one file, to test on from another, in the order of the first."""
    shapes = [{field.name: field.shape for field in one.fields} for one in (train, test)]
    if shapes[0] != shapes[1]:
        notes = tuple(
            f"{part}: {', '.join(map(str, one.fields))}"
            for part, one in (("training", train), (TEST, test))
        )
        message = f"{name}: the training and the test file differ in their fields"
        raise fail("E0506", message, notes=notes)
    test = renumbered(test, train.classes, f"{name}, the rows to test on")
    rows = {name: test.train[name] for name in train.train}
    return DataSet(train.fields, train.train, rows, train.classes)


def read_file(path: Path, wanted: Wanted = None) -> DataSet:
    """The data of a file, read as its ending says: what `--data points.npz` means."""
    path = find_file(str(path))
    if path.suffix not in READERS:
        known = ", ".join(READERS)
        raise fail("E0510", f"cannot tell the format of `{path}`", help=f"known endings: {known}")
    return TABLES[READERS[path.suffix]](path, wanted)


def idx(paths: list[Path]) -> DataSet:
    """Images and, from a second file, labels: fields `image` and `label`."""
    arrays = {"image": read_idx(paths[0])}
    if len(paths) > 1:
        arrays["label"] = read_idx(paths[1]).astype(np.int32)
    return data_set(f"`{paths[0]}`", arrays)


def bind(
    name: str,
    parameters: tuple[str, ...],
    needed: tuple[str, ...],
    arguments: tuple[object, ...],
    options: Mapping[str, object],
) -> dict[str, int]:
    """Whole numbers by name, as a call would bind them."""
    if len(arguments) > len(parameters):
        raise fail("E0510", f"{name} is given more than it takes", help=usage(name, parameters))
    bound = dict(zip(parameters, arguments, strict=False))
    for option, value in options.items():
        if option not in parameters or option in bound:
            message = f"{name} does not take `{option}` here"
            raise fail("E0510", message, help=usage(name, parameters))
        bound[option] = value
    for option, value in bound.items():
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 1 << 63:
            raise fail("E0510", f"{name}: `{option}` must be a whole number, got {shown(value)}")
    for option in needed:
        if bound.get(option, 0) < 1:
            message = f"{name} needs `{option}`, a whole number from 1"
            raise fail("E0510", message, help=usage(name, parameters))
    return bound


def usage(name: str, parameters: tuple[str, ...]) -> str:
    takes = parameters if name in GENERATED else ("path", *parameters)
    takes = takes if name in GENERATED or name in FOLDERS else (*takes, TEST)
    return f"it takes {', '.join(takes)}"


def shown(value: object) -> str:
    """A value as an error shows it: short, even where it is a number of 5,000 digits."""
    is_long = isinstance(value, int) and value.bit_length() > 64
    return "one beyond 64 bits" if is_long else repr(value)[:40]


def path_of(name: str, arguments: tuple[object, ...]) -> str:
    """The path that comes first."""
    if arguments and isinstance(arguments[0], str) and arguments[0]:
        return arguments[0]
    raise fail("E0510", f"{name} needs a path first", help=f'{name}("data/{name}")')


def idx_paths(arguments: tuple[object, ...], options: Mapping[str, object]) -> tuple[str, ...]:
    """One path or two."""
    if options or len(arguments) > 2:
        raise fail("E0510", "idx takes the path of the images and that of the labels")
    return (path_of("idx", arguments), *(path_of("idx", (path,)) for path in arguments[1:]))
