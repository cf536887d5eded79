"""The name and the arguments of a source, as a program states them, come in; its data goes out."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from netc.runtime.data.csv import read_csv
from netc.runtime.data.dataset import DataSet, data_set
from netc.runtime.data.generated import blobs, shapes_on_canvas
from netc.runtime.data.idx import read_idx
from netc.runtime.data.named import cifar10, fashion_mnist, mnist
from netc.runtime.data.npz import read_npz
from netc.runtime.data.reading import find_file
from netc.runtime.errors import fail

GENERATED = {
    "blobs": (blobs, ("count", "features", "classes", "seed")),
    "shapes_on_canvas": (shapes_on_canvas, ("count", "size", "channels", "classes", "seed")),
}
FOLDERS = {"mnist": mnist, "fashion_mnist": fashion_mnist, "cifar10": cifar10}
FILES = {"csv": read_csv, "npz": read_npz}
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
        make, parameters = GENERATED[name]
        return make(**bind(name, parameters, arguments, options))
    if name not in SOURCES:
        near = get_close_matches(name, SOURCES, n=1)
        help = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(SOURCES)}"
        raise fail("E0510", f"there is no data source `{name}`", help=help)
    paths = paths_of(name, arguments, options)
    if name in FOLDERS:
        return FOLDERS[name](paths[0], beside)
    if name == "idx":
        return idx([find_file(path, beside) for path in paths])
    return FILES[name](find_file(paths[0], beside))


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
    name: str, parameters: tuple[str, ...], arguments: tuple, options: Mapping[str, object]
) -> dict[str, object]:
    """Arguments by name, as a call would bind them."""
    if len(arguments) > len(parameters):
        message = f"{name} takes {len(parameters)} arguments, got {len(arguments)}"
        raise fail("E0510", message)
    bound = dict(zip(parameters, arguments, strict=False))
    for option, value in options.items():
        if option not in parameters or option in bound:
            help = f"it takes {', '.join(parameters)}"
            raise fail("E0510", f"{name} does not take `{option}` here", help=help)
        bound[option] = value
    for option, value in bound.items():
        if not isinstance(value, int) or isinstance(value, bool):
            message = f"{name}: `{option}` must be a whole number, got {value!r}"
            raise fail("E0510", message)
    if "count" not in bound:
        raise fail("E0510", f"{name} needs `count`, the number of rows", help=f"{name}(1000)")
    return bound


def paths_of(name: str, arguments: tuple, options: Mapping[str, object]) -> tuple[str, ...]:
    """The paths that a source is given: one, or two for idx."""
    most = 2 if name == "idx" else 1
    texts = all(isinstance(argument, str) and argument for argument in arguments)
    if options or not texts or not 1 <= len(arguments) <= most:
        wanted = "one or two paths" if most == 2 else "one path"
        raise fail("E0510", f"{name} takes {wanted}", help=f'{name}("data/{name}")')
    return arguments
