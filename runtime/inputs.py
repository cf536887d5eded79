"""What a caller hands over by name comes in; checked C-contiguous arrays, in order, go out."""

from collections.abc import Mapping

import numpy as np

from netc.compiler.diagnostics import NetError, nearest
from netc.compiler.program import Tensor
from netc.runtime.arena import DTYPES
from netc.runtime.errors import fail

WRONG = "E0521"


def as_array(what: str, value: object) -> np.ndarray:
    """NumPy, a list, a number, or anything that speaks DLPack or NumPy's protocol."""
    try:
        if not isinstance(value, np.ndarray) and hasattr(value, "__dlpack__"):
            return np.from_dlpack(value)
        array = np.asarray(value)
    except Exception as error:  # foreign objects raise what they like
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise fail(WRONG, f"{what} cannot be read as an array: {reason}") from error
    if array.dtype.kind not in "biuf":
        raise fail(WRONG, f"{what} holds {array.dtype}, an array of numbers was expected")
    return array


def fitted(what: str, array: np.ndarray, dtype: str) -> np.ndarray:
    """The array in this dtype and in C order. Fractions may be rounded; whole numbers may not."""
    target = DTYPES[dtype]
    if array.dtype == target:
        return np.ascontiguousarray(array).reshape(array.shape)
    with np.errstate(all="ignore"):
        values = array.astype(target, order="C")
    if target.kind == "f":
        if (np.isinf(values) & np.isfinite(array)).any():
            raise fail(WRONG, f"{what} has numbers that do not fit {dtype}")
    elif not np.array_equal(values.astype(array.dtype), array):
        raise fail(
            WRONG,
            f"{what} is {dtype}, but is given {array.dtype} values that it cannot hold",
            help=f"convert them first, for example with `.astype({target.name!r})`",
        )
    return values


def gather_rows(
    who: str, wanted: tuple[Tensor, ...], given: Mapping[str, object]
) -> tuple[tuple[np.ndarray, ...], int]:
    """An array for each wanted field, and how many rows they all have.

    `wanted` have the batch on axis 0; any number of rows of the same shape will do. Raises NetError
    E0520 for wrong names and E0521 for wrong shapes, types or counts.
    """
    if len(given) != len(wanted) or not all(field.name in given for field in wanted):
        check_names(who, tuple(field.name for field in wanted), given)
    rows = tuple([rows_of(who, field, given[field.name]) for field in wanted])
    count = len(rows[0]) if rows else 0
    if any(len(array) != count for array in rows):
        pairs = zip(wanted, rows, strict=True)
        notes = tuple(f"`{field.name}` has {len(array)} rows" for field, array in pairs)
        raise fail(WRONG, f"{who} is given fields of different length", notes=notes)
    if wanted and not count:
        raise fail(WRONG, f"{who} is given no rows")
    return rows, count


def check_names(who: str, wanted: tuple[str, ...], given: Mapping[str, object]) -> None:
    for name in given:
        if name not in wanted:
            near = nearest(name, wanted)
            help = f"did you mean `{near}`?" if near else f"it takes {listed(wanted)}"
            raise fail("E0520", f"{who} has no field `{name}`", help=help)
    missing = tuple(name for name in wanted if name not in given)
    if missing:
        help = f"it takes {listed(wanted)}"
        raise fail("E0520", f"{who} needs {listed(missing)}", help=help)


def is_ready(field: Tensor, value: object) -> bool:
    """Whether rows are what they would be made into. To find that out must be quick: a small net
    runs in the time of a few lines of Python."""
    return (
        type(value) is np.ndarray
        and value.dtype == DTYPES[field.dtype]
        and value.shape[1:] == field.shape[1:]
        and value.ndim == len(field.shape)
        and value.flags.c_contiguous
    )


def rows_of(who: str, field: Tensor, value: object) -> np.ndarray:
    if is_ready(field, value):
        return value
    what = f"`{field.name}` of {who}"
    array = as_array(what, value)
    row = field.shape[1:]
    if array.ndim != len(field.shape) or array.shape[1:] != row:
        raise misshapen(what, field, array.shape)
    return fitted(what, array, field.dtype)


def misshapen(what: str, field: Tensor, found: tuple[int, ...]) -> NetError:
    row = field.shape[1:]
    expected = f"{field.dtype}[{', '.join(('N', *map(str, row)))}]"
    help = None
    if found == row:
        help = "one sample still needs the axis of samples: `array[None]`"
    elif len(found) + 1 == len(field.shape) and row[-1] == 1 and found[1:] == row[:-1]:
        help = "the last axis of size 1 is missing: `array[..., None]`"
    elif len(found) == 4 and len(row) == 3 and (found[2], found[3], found[1]) == row:
        help = "images are [N, height, width, channels]: `array.transpose(0, 2, 3, 1)`"
    message = f"{what} is {expected}, but is given the shape {list(found)}"
    return fail(WRONG, message, help=help)


def listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "no fields"
