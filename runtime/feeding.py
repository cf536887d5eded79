"""What a program takes and what the user hands over come in; the data to train on goes out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netc.compiler.program import DataFacts, FunctionFacts, Program
from netc.runtime.data.classes import renumbered
from netc.runtime.data.dataset import Classes, DataSet, Field, data_set, select, split_validation
from netc.runtime.data.sources import FILES, FOLDERS, TEST, open_source, read_file
from netc.runtime.device import Fields
from netc.runtime.errors import fail
from netc.runtime.inputs import as_array, check_names

UNUSED = "_"
FEED = "feed"
TABLES_OF_FIELDS = (".npz", ".npy", ".parquet")
NAMED = ("csv", "npz", "parquet")  # sources whose fields go by their names

Given = Path | str | DataSet | Mapping[str, object] | None


@dataclass(frozen=True)
class Rows:
    """One part of the data: arrays by field, all of `count` rows."""

    arrays: Mapping[str, np.ndarray]
    count: int

    def of(self, function: FunctionFacts) -> Fields:
        """The arrays that a function takes, in its order."""
        return tuple(self.arrays[field.name] for field in function.fields)


@dataclass(frozen=True)
class Parts:
    """The parts of the data; those that there are not are None."""

    train: Rows
    validation: Rows | None
    test: Rows | None
    classes: Classes = ()


def open_parts(
    program: Program, given: Given, validate: float, classes: Classes = ()
) -> Parts:
    """Training rows, the last `validate` of them held back, and the test rows of the source.

    Names of classes have the numbers that they have in `classes`, for the fields that are in it."""
    data = renumbered(open_data(program, given), classes, "the data")
    test = rows(data.test) if data.test is not None else None
    if not validate:
        return Parts(rows(data.train), None, test, data.classes)
    train, validation = split_validation(data, validate)
    return Parts(rows(train.train), rows(validation.train), test, data.classes)


def rows(arrays: Mapping[str, np.ndarray]) -> Rows:
    return Rows(arrays, len(next(iter(arrays.values()))))


def open_data(program: Program, given: Given = None) -> DataSet:
    """The data with the program's fields: from what is given, or from the source in its file.

    Fields of a named source go by their order, those of a table or a mapping by their names.
    """
    facts = program.data
    if facts is None:
        message = f"the program `{program.name}` takes no data"
        raise fail("E0522", message, help="its file needs a `train` block with `take`")
    if isinstance(given, Mapping):
        return select("the data", from_arrays(facts, given), wanted(facts))
    if isinstance(given, DataSet):
        return select("the data", given, wanted(facts))
    if not isinstance(given, str | Path | None):
        kind = type(given).__name__
        help = "give arrays by field, the path of a file, or nothing"
        raise fail("E0521", f"the data cannot be read from a {kind}", help=help)
    if given is not None and not is_of_its_kind(facts.source, Path(given)):
        return select(f"`{given}`", read_file(Path(given), names_of(facts)), wanted(facts))
    if facts.source == FEED:
        names = ", ".join(f"`{field.name}`" for field in wanted(facts))
        message = f"the program `{program.name}` takes its data from the caller, and none is given"
        raise fail("E0523", message, help=f"`--data FILE.npz` with the arrays {names}")
    return from_source(facts, given)


def is_of_its_kind(source: str, given: Path) -> bool:
    """Whether what is given is what the program's own source reads, and not a table of fields."""
    if source in FOLDERS:
        return given.is_dir()
    return source in FILES and given.suffix not in TABLES_OF_FIELDS


def from_source(facts: DataFacts, folder: Path | str | None) -> DataSet:
    """The data of the source that the program names, of another folder or file where one is given.
    """
    options = dict(facts.arguments)
    paths = tuple(options.pop(name, None) for name in ("path", "labels"))
    if folder is not None:
        paths = (str(Path(folder).resolve()), None)
        options.pop(TEST, None)
    arguments = tuple(path for path in paths if path)
    options = {name: value for name, value in options.items() if value != ""}
    beside, names = Path(facts.folder), names_of(facts)
    found = open_source(facts.source, arguments, options, beside=beside, wanted=names)
    if facts.source in NAMED:
        return select(facts.source, found, wanted(facts))
    if len(found.fields) < len(facts.fields):
        there = ", ".join(map(str, found.fields))
        message = f"{facts.source} has {len(found.fields)} fields, the program takes more"
        raise fail("E0511", message, notes=(f"it has {there}",))
    names = [name for name, _, _ in facts.fields]
    return select(facts.source, renamed(found, names), wanted(facts))


def renamed(data: DataSet, names: list[str]) -> DataSet:
    """The first fields under these names; those that are not used are dropped."""
    pairs = [
        (field.name, name)
        for field, name in zip(data.fields, names, strict=False)
        if name != UNUSED
    ]
    old = {field.name: field for field in data.fields}
    fields = tuple(Field(new, old[name].dtype, old[name].shape) for name, new in pairs)
    parts = (data.train, data.test)
    train, test = (part and {new: part[name] for name, new in pairs} for part in parts)
    classes = tuple((new, dict(data.classes)[name]) for name, new in pairs
                    if name in dict(data.classes))  # fmt: skip
    return DataSet(fields, train, test, classes)


def names_of(facts: DataFacts) -> tuple[str, ...]:
    return tuple(field.name for field in wanted(facts))


def wanted(facts: DataFacts) -> tuple[Field, ...]:
    return tuple(
        Field(name, dtype, shape) for name, dtype, shape in facts.fields if name != UNUSED
    )


def from_arrays(facts: DataFacts, given: Mapping[str, object]) -> DataSet:
    check_names("the data", tuple(field.name for field in wanted(facts)), given)
    arrays = {name: as_array(f"`{name}`", value) for name, value in given.items()}
    return data_set("the data", arrays)
