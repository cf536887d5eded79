"""A Parquet file comes in; its columns go out, read group by group, whatever the size of the file.

A column of lists, all of one length, is a field with that length as its axis.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import numpy as np

from netc.compiler.diagnostics import nearest
from netc.runtime.data.dataset import DataSet, as_netc, data_set
from netc.runtime.data.reading import reading
from netc.runtime.data.spool import Spool
from netc.runtime.errors import ENVIRONMENT, fail

ROWS_AT_ONCE = 1 << 14
INSTALL = "pip install 'netc[parquet]'"


def read_parquet(path: Path, wanted: tuple[str, ...] | None = None) -> DataSet:
    """The columns as fields, in order: numbers, bools, or lists of them; without `wanted`, the
    columns that hold others are left out. Errors (E0502 to E0507) name the column and the row."""
    arrow, parquet = library("pyarrow"), library("pyarrow.parquet")
    with reading(path), arrow_errors(arrow), open(path, "rb") as file:
        table = parquet.ParquetFile(file)
        names = choose(path, arrow, table.schema_arrow, wanted)
        spools: dict[str, Spool] = {}
        first = 1
        for batch in table.iter_batches(ROWS_AT_ONCE, columns=names):
            for name in names:
                rows = to_rows(path, name, batch.column(name), first)
                append(path, spools, name, rows, first)
            first += batch.num_rows
        if not spools:
            raise fail("E0506", f"`{path}` has no rows")
    return data_set(f"`{path}`", {name: spools[name].array() for name in names})


def library(name: str):
    """A module of pyarrow; NetError E0715 where it is not installed."""
    try:
        return import_module(name)
    except ImportError as error:
        message = "reading Parquet needs pyarrow, which is not installed"
        raise fail("E0715", message, help=INSTALL, exit_code=ENVIRONMENT) from error


@contextmanager
def arrow_errors(arrow) -> Iterator[None]:
    """Turns what pyarrow raises over damaged bytes into ValueError, for `reading`."""
    try:
        yield
    except arrow.ArrowException as error:
        raise ValueError(str(error).partition("\n")[0]) from error


def choose(path: Path, arrow, schema, wanted: tuple[str, ...] | None) -> list[str]:
    """The columns to read."""
    if wanted is None:
        return [field.name for field in schema if is_number(arrow, element(arrow, field.type))]
    for name in wanted:
        place = schema.get_field_index(name)
        if place < 0:
            near = nearest(name, schema.names)
            raise fail(
                "E0503",
                f"`{path}` has no column `{name}`",
                notes=(f"its columns are {', '.join(schema.names)}",),
                help=f"did you mean `{near}`?" if near else None,
            )
        if not is_number(arrow, element(arrow, schema.field(place).type)):
            message = f"`{path}`, column `{name}` is {schema.field(place).type}, not numbers"
            raise fail("E0507", message)
    return [name for name in schema.names if name in wanted]


def element(arrow, kind):
    """The type of the numbers in a column."""
    lists = (arrow.types.is_list, arrow.types.is_large_list, arrow.types.is_fixed_size_list)
    while any(is_list(kind) for is_list in lists):
        kind = kind.value_type
    return kind


def is_number(arrow, kind) -> bool:
    types = arrow.types
    return types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)


def to_rows(path: Path, name: str, column, first: int, per: int = 1) -> np.ndarray:
    """Elements of a column as an array; `first` is the number of the first row, each row has `per`
    of them."""
    if column.null_count:
        empty = np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))
        row = first + int(empty[0]) // per
        raise fail("E0505", f"`{path}`, row {row}, column `{name}` is empty")
    if not hasattr(column, "flatten"):
        return column.to_numpy(zero_copy_only=False)
    length = length_of(path, name, column, first, per)
    inner = to_rows(path, name, column.flatten(), first, per * max(1, length))
    return inner.reshape(len(column), length, *inner.shape[1:])


def length_of(path: Path, name: str, column, first: int, per: int) -> int:
    """The one length of all lists."""
    if not hasattr(column, "offsets"):
        return column.type.list_size
    lengths = np.diff(column.offsets.to_numpy(zero_copy_only=False))
    usual = int(lengths[0]) if len(lengths) else 0
    odd = np.flatnonzero(lengths != usual)
    if len(odd):
        row = first + int(odd[0]) // per
        message = f"`{path}`, row {row}, column `{name}` has {lengths[odd[0]]} numbers"
        raise fail("E0505", f"{message}, others {usual}")
    return usual


def append(path: Path, spools: dict[str, Spool], name: str, rows: np.ndarray, first: int) -> None:
    rows = as_netc(f"`{path}`: `{name}`", rows)
    spool = spools.setdefault(name, Spool(rows.dtype, rows.shape[1:]))
    if rows.shape[1:] != spool.row:
        message = f"`{path}`, row {first}, column `{name}` is {list(rows.shape[1:])}"
        raise fail("E0505", f"{message}, before it was {list(spool.row)}")
    spool.append(rows)
