"""The name and the arguments of a source, as a program states them, come in; its data goes out."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from netc.runtime.data.csv import read_csv, read_ratings
from netc.runtime.data.dataset import DataSet, data_set
from netc.runtime.data.generated import blobs, shapes_on_canvas
from netc.runtime.data.idx import read_idx
from netc.runtime.data.named import cifar10, fashion_mnist, mnist
from netc.runtime.data.npz import read_npz
from netc.runtime.data.reading import find_file
from netc.runtime.data.reviews import reviews
from netc.runtime.data.tasks import dates, digits_on_canvas
from netc.runtime.data.text import read_text
from netc.runtime.errors import fail

# What each source makes its data with, the parameters after the path, and those that it must have.
FOLDERS = {
    "mnist": (mnist, (), ()),
    "fashion_mnist": (fashion_mnist, (), ()),
    "cifar10": (cifar10, (), ()),
    "digits_on_canvas": (digits_on_canvas, ("size", "cells", "count", "seed"), ()),
}
FILES = {
    "csv": (read_csv, (), ()),
    "npz": (read_npz, (), ()),
    "ratings": (read_ratings, (), ()),
    "text": (read_text, ("window",), ("window",)),
}
GENERATED = {
    "blobs": (blobs, ("count", "features", "classes", "seed"), ("count",)),
    "shapes_on_canvas": (
        shapes_on_canvas, ("count", "size", "channels", "classes", "seed"), ("count",)
    ),
    "dates": (dates, ("count", "seed"), ("count",)),
    "reviews": (reviews, ("count", "seed"), ("count",)),
}  # fmt: skip
SOURCES = (*FOLDERS, *FILES, "idx", *GENERATED)


def open_source(
    name: str,
    arguments: tuple[object, ...] = (),
    options: Mapping[str, object] | None = None,
    beside: Path | None = None,
) -> DataSet:
    """The data of `name(*arguments, **options)`; relative paths start at the folder `beside`.

    Raises NetError (E05xx) for whatever is wrong with the name, the arguments or the files.
    """
    options = dict(options or {})
    if name in GENERATED:
        make, parameters, needed = GENERATED[name]
        return make(**bind(name, parameters, needed, arguments, options))
    if name == "idx":
        return idx([find_file(path, beside) for path in idx_paths(arguments, options)])
    if name not in SOURCES:
        near = get_close_matches(name, SOURCES, n=1)
        help = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(SOURCES)}"
        raise fail("E0510", f"there is no data source `{name}`", help=help)
    make, parameters, needed = (FOLDERS | FILES)[name]
    path = path_of(name, arguments)
    bound = bind(name, parameters, needed, arguments[1:], options)
    if name in FOLDERS:
        return make(path, **bound, beside=beside)
    return make(find_file(path, beside), **bound)


def read_file(path: Path) -> DataSet:
    """The data of a file, read as its ending says: what `--data points.npz` means."""
    endings = {".csv": read_csv, ".npz": read_npz, ".npy": read_npz}
    path = find_file(str(path))
    if path.suffix not in endings:
        known = ", ".join(endings)
        raise fail("E0510", f"cannot tell the format of `{path}`", help=f"known endings: {known}")
    return endings[path.suffix](path)


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
    takes = ("path", *parameters) if name in FOLDERS | FILES else parameters
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
