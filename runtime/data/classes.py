"""Names of classes come in; their numbers, the places in the sorted list of names, go out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from netc.compiler.diagnostics import nearest
from netc.runtime.data.dataset import Arrays, Classes, DataSet
from netc.runtime.errors import fail

NO_NAMES = ("nan", "inf", "na", "null", "none")  # what a missing number is often written as


def is_name(cell: str) -> bool:
    """Whether a cell of a table can only be the name of a class."""
    return cell[:1].isalpha() and cell.lower() not in NO_NAMES


def number_names(cells: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """i32[N], and the names by number."""
    names = tuple(sorted(set(cells)))
    places = {name: place for place, name in enumerate(names)}
    return np.array([places[cell] for cell in cells], np.int32), names


def renumbered(data: DataSet, known: Classes, origin: str) -> DataSet:
    """The data with the numbers that its classes have among those known; E0505 for another name.

    A field that nothing is known of stays as it is."""
    tables = {}
    for field, names in dict(data.classes).items():
        wanted = dict(known).get(field)
        if wanted is None or wanted == names:
            continue
        strange = next((name for name in names if name not in wanted), None)
        if strange is not None:
            near = nearest(strange, wanted)
            message = f"{origin}: `{field}` has {strange!r:.60}, which was no class in training"
            raise fail("E0505", message, help=f"did you mean `{near}`?" if near else None)
        tables[field] = np.array([wanted.index(name) for name in names], np.int32)

    def part(arrays: Arrays) -> Arrays:
        return {name: tables[name][array] if name in tables else array
                for name, array in arrays.items()}  # fmt: skip

    test = data.test and part(data.test)
    classes = tuple((field, dict(known).get(field, names)) for field, names in data.classes)
    return replace(data, train=part(data.train), test=test, classes=classes)


def to_text(classes: Classes) -> str:
    """What a checkpoint keeps."""
    return json.dumps(dict(classes))


def from_text(text: object) -> Classes:
    """What `to_text` wrote; none of anything else."""
    try:
        found = json.loads(str(text))
        return tuple((str(name), tuple(map(str, names))) for name, names in found.items())
    except (ValueError, TypeError, AttributeError):
        return ()


def named(classes: Classes, outputs: Mapping[str, np.ndarray]) -> dict[str, list[str]]:
    """The class of each row, for outputs that have a number for each class, or its number.

    Nothing where the data has several fields of classes: no output tells which it is about."""
    if len(classes) != 1:
        return {}
    names, found = classes[0][1], {}
    for output, array in outputs.items():
        if array.dtype.kind == "f" and array.ndim == 2 and array.shape[1] == len(names):
            array = array.argmax(axis=1)
        if array.dtype.kind == "i" and array.ndim == 1 and (array < len(names)).all():
            found[output] = [names[place] if place >= 0 else "" for place in array.tolist()]
    return found
