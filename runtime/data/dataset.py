"""Arrays come in; a `DataSet` with named, typed fields goes out, and the order to walk it in."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from netc.runtime.data.spool import Spool, is_in_file, pieces
from netc.runtime.errors import fail

DTYPES = {
    "f32": np.dtype(np.float32),
    "f16": np.dtype(np.float16),
    "i32": np.dtype(np.int32),
    "u8": np.dtype(np.uint8),
    "bool": np.dtype(np.bool_),
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
MOST_BYTES = 8 << 30  # of one array: a file that needs more of memory is refused before it is taken
WORD = (1 << 64) - 1

Arrays = dict[str, np.ndarray]
Classes = tuple[tuple[str, tuple[str, ...]], ...]  # the names of a field's classes, by number
Convert = Callable[[np.ndarray, int], np.ndarray]  # of rows, and how many are before them


@dataclass(frozen=True)
class Field:
    """One column of a data set: the dtype and the shape of a row, as the language writes them."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        sizes = ", ".join(("N", *map(str, self.shape)))
        return f"{self.name}: {self.dtype}[{sizes}]"


@dataclass(frozen=True)
class DataSet:
    """Rows for training and, where the source has them, for testing; arrays are in C order.

    `classes` has the fields whose numbers stand for names."""

    fields: tuple[Field, ...]
    train: Arrays
    test: Arrays | None = None
    classes: Classes = ()

    @property
    def count(self) -> int:
        """The number of training rows."""
        return len(self.train[self.fields[0].name])


def data_set(
    origin: str, train: Arrays, test: Arrays | None = None, classes: Classes = ()
) -> DataSet:
    """Bring arrays into netc's types and check that they are rows of one table.

    `origin` names the source in errors (E0506, E0507).
    """
    train = prepare(origin, train)
    fields = tuple(field_of(name, array) for name, array in train.items())
    if test is not None:
        test = prepare(origin, test)
        if tuple(field_of(name, array) for name, array in test.items()) != fields:
            raise fail("E0506", f"{origin}: training and test rows differ in their fields")
    return DataSet(fields, train, test, classes)


def field_of(name: str, array: np.ndarray) -> Field:
    return Field(name, NAMES[array.dtype], array.shape[1:])


def prepare(origin: str, arrays: Arrays) -> Arrays:
    """The arrays in netc's types, all with the same number of rows, at least one."""
    if not arrays:
        raise fail("E0506", f"{origin}: there is no array in it")
    for name, array in arrays.items():
        if np.ndim(array) == 0:
            raise fail("E0506", f"{origin}: `{name}` is a single number, not rows")
    counts = {name: len(array) for name, array in arrays.items()}
    if len(set(counts.values())) > 1:
        told = tuple(f"`{name}` has {count} rows" for name, count in counts.items())
        raise fail("E0506", f"{origin}: the arrays differ in their number of rows", notes=told)
    if 0 in counts.values():
        raise fail("E0506", f"{origin}: there are no rows")
    return {name: as_netc(f"{origin}: `{name}`", array) for name, array in arrays.items()}


def as_netc(what: str, array: np.ndarray) -> np.ndarray:
    """C order and one of netc's dtypes: other whole numbers become i32, other fractions f32."""
    if array.dtype in NAMES:
        return np.asarray(array, array.dtype.newbyteorder("="), order="C")
    if array.dtype.kind in "iu":
        return narrow_whole(what, array)
    if array.dtype.kind == "f":
        return narrow_fraction(what, array)
    raise fail("E0507", f"{what} has values of type {array.dtype}, netc takes numbers and bools")


def narrow_whole(what: str, array: np.ndarray) -> np.ndarray:
    limits = np.iinfo(np.int32)

    def narrow(part: np.ndarray, start: int) -> np.ndarray:
        if part.size and not limits.min <= int(part.min()) <= int(part.max()) <= limits.max:
            raise fail("E0507", f"{what} has whole numbers that do not fit i32")
        return part.astype(np.int32, order="C")

    return converted(array, np.dtype(np.int32), narrow)


def narrow_fraction(what: str, array: np.ndarray) -> np.ndarray:
    def narrow(part: np.ndarray, start: int) -> np.ndarray:
        with np.errstate(over="ignore"):
            narrowed = part.astype(np.float32, order="C")
        if (np.isinf(narrowed) & np.isfinite(part)).any():
            raise fail("E0507", f"{what} has numbers that do not fit f32")
        return narrowed

    return converted(array, np.dtype(np.float32), narrow)


def converted(array: np.ndarray, dtype: np.dtype, convert: Convert) -> np.ndarray:
    """The array in another dtype; piece by piece where it lies in a file."""
    if not is_in_file(array):
        return convert(array, 0)
    spool, start = Spool(dtype, array.shape[1:]), 0
    for part in pieces(array):
        spool.append(convert(part, start))
        start += len(part)
    return spool.array()


def split_validation(data: DataSet, fraction: float) -> tuple[DataSet, DataSet]:
    """The first rows for training and the last `fraction` of them for validation, as Keras does:
    before any shuffle, so that the two never mix."""
    kept = int(data.count * (1 - fraction))
    if not 0 < kept < data.count:
        rows = f"{data.count} row" + "s" * (data.count != 1)
        raise fail("E0508", f"validating on {fraction:.4g} of {rows} leaves one part empty")
    first = {name: array[:kept] for name, array in data.train.items()}
    last = {name: array[kept:] for name, array in data.train.items()}
    return replace(data, train=first), replace(data, train=last)


def order(seed: int, epoch: int, count: int) -> np.ndarray:
    """The order of samples, int64[count]: a pure function of its arguments.

    Sample i gets the i-th 64-bit word of Philox4x64-10 with key (seed, epoch), and the samples are
    sorted by their words. NumPy promises Philox's words for ever, but not its `permutation`.
    """
    return np.argsort(words(seed, epoch, count), kind="stable")


def words(seed: int, stream: int, count: int) -> np.ndarray:
    """uint64[count] of Philox4x64-10 with key (seed, stream)."""
    key = np.array([seed & WORD, stream & WORD], np.uint64)
    return np.random.Philox(key=key).random_raw(count)


def select(origin: str, data: DataSet, wanted: tuple[Field, ...]) -> DataSet:
    """The fields that a program declares, in its order and its types; other fields are left out.

    A size of 0 or less in a wanted shape stands for any. Raises NetError (E0511) where a field is
    missing, has another shape, or holds values that the wanted type cannot.
    """
    there = {field.name: field for field in data.fields}
    for field in wanted:
        if field.name not in there:
            note = f"it has {', '.join(map(str, data.fields))}"
            raise fail("E0511", f"{origin} has no field `{field.name}`", notes=(note,))
        if not has_shape(there[field.name], field):
            raise fail("E0511", f"{origin} gives {there[field.name]}, the program takes {field}")
        if field.dtype != "i32" and field.name in dict(data.classes):
            message = f"{origin}: `{field.name}` holds names of classes, the program takes {field}"
            raise fail("E0511", message, help=f"`{field.name}: i32[N]` gives each class a number")
    parts = (data.train, data.test)
    train, test = (part and {f.name: cast(origin, f, part[f.name]) for f in wanted}
                   for part in parts)  # fmt: skip
    fields = tuple(field_of(field.name, train[field.name]) for field in wanted)
    names = {field.name for field in wanted}
    classes = tuple(one for one in data.classes if one[0] in names)
    return DataSet(fields, train, test, classes)


def has_shape(field: Field, wanted: Field) -> bool:
    return len(field.shape) == len(wanted.shape) and all(
        need < 1 or need == size for size, need in zip(field.shape, wanted.shape, strict=True)
    )


def cast(origin: str, field: Field, array: np.ndarray) -> np.ndarray:
    """Into the wanted type. Fractions may be rounded; whole numbers must stay the same."""
    target = DTYPES[field.dtype]
    if array.dtype == target:
        return array

    def convert(part: np.ndarray, start: int) -> np.ndarray:
        with np.errstate(all="ignore"):
            values = part.astype(target)
            back = values.astype(part.dtype)
        wrong = np.isinf(values) & np.isfinite(part) if target.kind == "f" else back != part
        if wrong.any():
            place = tuple(np.argwhere(wrong)[0])
            message = (
                f"{origin}: row {start + int(place[0]) + 1} of `{field.name}` has "
                f"{part[place]:.9g}, which {field.dtype} cannot hold"
            )
            raise fail("E0511", message)
        return values

    return converted(array, target, convert)
