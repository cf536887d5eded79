"""Shapes of matrix products that `netc tune` found best: kept in the cache, or in a lock file.

They are looked up by a product's sizes, so that what one program taught helps the next. A lock
file, NAME.tune.json beside NAME.net, goes before the cache; it counts on the machine it names.
"""

import json
from dataclasses import astuple, replace
from pathlib import Path

from netc.compiler.build.processor import processor
from netc.compiler.cache import keep, key_of, look_up
from netc.compiler.diagnostics import Diagnostic, NetError
from netc.compiler.targets.cpu_tiles import CpuMachine, Shape

Tuned = dict[str, Shape]
FORMAT = 1
MOST_SUMS, MOST_BLOCK = 64, 4096  # of registers, and of rows or columns: a lock is not trusted


def with_tuned_shapes(machine: CpuMachine, file: Path) -> CpuMachine:
    """A machine that knows what was tuned for it. Raises NetError where the lock is damaged."""
    found = kept(machine) | locked(machine, file)
    return replace(machine, tuned=tuple(sorted(found.items())))


def lock_of(file: Path) -> Path:
    return file.with_suffix(".tune.json")


def lock(machine: CpuMachine, file: Path, shapes: Tuned) -> Path:
    """Write the lock file of a program; the same shapes give the same text."""
    path = lock_of(file)
    path.write_text(to_text(machine, shapes))
    return path


def locked(machine: CpuMachine, file: Path) -> Tuned:
    """What a program's lock file says for this machine; nothing where there is none."""
    path = lock_of(file)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return {}
    try:
        return from_text(machine, text)
    except (ValueError, TypeError, KeyError, AttributeError):
        message = f"the lock file `{path}` is damaged"
        help = "remove it, or write it anew with `netc tune --lock`"
        raise NetError(Diagnostic("E0617", message, helps=(help,))) from None


def remember(machine: CpuMachine, shapes: Tuned) -> None:
    """Add shapes to the cache."""
    keep(cache_key(machine), to_text(machine, kept(machine) | shapes).encode())


def kept(machine: CpuMachine) -> Tuned:
    """What the cache has for this machine."""
    found = look_up(cache_key(machine))
    try:
        return from_text(machine, found.decode()) if found else {}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def cache_key(machine: CpuMachine) -> str:
    return key_of("tuned shapes", str(FORMAT), processor(), name_of(machine))


def name_of(machine: CpuMachine) -> str:
    return f"{machine.name}, {machine.cores} cores"


def to_text(machine: CpuMachine, shapes: Tuned) -> str:
    products = {key: list(astuple(shape)) for key, shape in sorted(shapes.items())}
    rows = ",\n".join(f"    {json.dumps(key)}: {shape}" for key, shape in products.items())
    return (
        f'{{\n  "format": {FORMAT},\n  "machine": {json.dumps(name_of(machine))},\n'
        f'  "products": {{\n{rows}\n  }}\n}}\n'
    )


def from_text(machine: CpuMachine, text: str) -> Tuned:
    """The shapes in a text; ValueError, TypeError, KeyError or AttributeError where it is not one
    of ours."""
    raw = json.loads(text)
    if raw["format"] != FORMAT:
        raise ValueError(f"format {raw['format']}")
    if raw["machine"] != name_of(machine):
        return {}
    return {key: checked(Shape(*numbers), machine) for key, numbers in raw["products"].items()}


def checked(shape: Shape, machine: CpuMachine) -> Shape:
    columns = shape.vectors * machine.lanes
    if not all(type(number) is int and number > 0 for number in astuple(shape)):
        raise ValueError(f"{shape} has numbers that are none")
    if shape.rows * shape.vectors > MOST_SUMS:
        raise ValueError(f"{shape} needs too many registers")
    if shape.block_rows % shape.rows or shape.block_columns % columns:
        raise ValueError(f"{shape} has blocks that its tiles do not fill")
    if max(shape.block_rows, shape.block_columns) > MOST_BLOCK:
        raise ValueError(f"{shape} has blocks that are too large")
    return shape
