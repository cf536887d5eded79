"""How a CUDA function is launched, as data: the compiler writes it as cuda/SYMBOL.json.

The runtime reads it and needs no compiler for it. Standard library only.
"""

import json
from dataclasses import asdict, dataclass

FORMAT = 1


@dataclass(frozen=True)
class Pointer:
    """What a kernel parameter points at.

    `space` is arena (at `offset` bytes), field (the whole data set's field number `offset`), order,
    log or cursor. Of the arena the kernel may touch `bytes` from there, which it calls `name`;
    where `is_result`, it reads none of them and writes all.
    """

    space: str
    offset: int = 0
    bytes: int = 0
    name: str = ""
    is_result: bool = False


@dataclass(frozen=True)
class CudaLaunch:
    """One kernel's launch: grid and block in threads, x y z, and the pointers that it is given."""

    kernel: str
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    shared_bytes: int
    parameters: tuple[Pointer, ...]


@dataclass(frozen=True)
class CudaStep:
    """One step of a function: `launches`, then `copies` in the arena (source, target, bytes), then
    `last`, which writes `outputs` numbers to the log and moves the cursor on.

    `batch` samples are taken per step; `row_bytes` are those of one sample of each field.
    """

    symbol: str
    architecture: str
    batch: int
    row_bytes: tuple[int, ...]
    outputs: int
    launches: tuple[CudaLaunch, ...]
    copies: tuple[tuple[int, int, int], ...]
    last: CudaLaunch
    format: int = FORMAT


def to_json(step: CudaStep) -> str:
    return json.dumps(asdict(step), indent=1, sort_keys=True)


def from_json(text: str) -> CudaStep:
    """The step that `to_json` wrote; raises ValueError, KeyError or TypeError on anything else."""
    raw = json.loads(text)
    if raw.get("format") != FORMAT:
        raise ValueError(f"launch format {raw.get('format')}, this netc reads {FORMAT}")
    return CudaStep(
        **raw
        | {
            "row_bytes": tuple(raw["row_bytes"]),
            "launches": tuple(_launch(entry) for entry in raw["launches"]),
            "copies": tuple(tuple(entry) for entry in raw["copies"]),
            "last": _launch(raw["last"]),
        }
    )


def _launch(raw: dict) -> CudaLaunch:
    parameters = tuple(Pointer(**entry) for entry in raw["parameters"])
    grid, block = tuple(raw["grid"]), tuple(raw["block"])
    return CudaLaunch(**raw | {"grid": grid, "block": block, "parameters": parameters})
