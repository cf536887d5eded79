"""How a CUDA function is launched, as data: the compiler writes it as cuda/SYMBOL.json.

The runtime reads it and needs no compiler for it. Standard library only.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from netc.compiler.json_text import json_text

FORMAT = 2


@dataclass(frozen=True)
class Matrix:
    """Memory as TMA sees it: `lines` of `line` elements, which begin `line_bytes` apart.

    An element is a bf16, f16 or tf32; a box of box_lines x box_line of them is fetched at once, its
    lines swizzled by 128 bytes.
    """

    element: str
    lines: int
    line: int
    line_bytes: int
    box_lines: int
    box_line: int

    @property
    def element_bytes(self) -> int:
        return 4 if self.element == "tf32" else 2


@dataclass(frozen=True)
class Pointer:
    """What a kernel parameter points at.

    `space` is arena or workspace (at `offset` bytes), field (the whole data set's field number
    `offset`), order, log or cursor. Of the first two the kernel may touch `bytes` from there, which
    it calls `name`; where `is_result`, it reads none of them and writes all. With a `matrix`, the
    parameter is no pointer but a tensor map of that memory. In step t of a scan that is `move` * t
    bytes further on, but in step `exception` at `start` where that is given.
    """

    space: str
    offset: int = 0
    bytes: int = 0
    name: str = ""
    is_result: bool = False
    matrix: Matrix | None = None
    move: int = 0
    start: int | None = None
    exception: int = 0

    def at(self, t: int) -> "Pointer":
        """What it points at in step `t` of its scan."""
        if not self.move:
            return self
        offset = self.offset + t * self.move
        if self.start is not None and t == self.exception:
            offset = self.start
        return replace(self, offset=offset, move=0, start=None, exception=0)


@dataclass(frozen=True)
class CudaLaunch:
    """One kernel's launch: grid and block in threads, x y z, and the pointers that it is given.

    A launch that only prepares what another kernel reads names that kernel: it `serves` it.
    Launches side by side of one `scan` (0 is none) run one after the other for each of its `steps`.
    """

    kernel: str
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    shared_bytes: int
    parameters: tuple[Pointer, ...]
    serves: str = ""
    scan: int = 0
    steps: int = 1


@dataclass(frozen=True)
class CudaStep:
    """One step of a function: `launches`, then `copies` in the arena (source, target, bytes), then
    `last`, which writes `outputs` numbers to the log and moves the cursor on.

    `batch` samples are taken per step; `row_bytes` are those of one sample of each field. The
    workspace holds what a kernel leaves for the next ones of the same step.
    """

    symbol: str
    architecture: str
    batch: int
    row_bytes: tuple[int, ...]
    outputs: int
    launches: tuple[CudaLaunch, ...]
    copies: tuple[tuple[int, int, int], ...]
    last: CudaLaunch
    workspace_bytes: int = 0
    format: int = FORMAT

    def of_kernel(self, name: str) -> tuple[CudaLaunch, ...]:
        """The launch of this kernel, after those that serve it; of a scan's, in its first step."""
        some = (entry for entry in self.launches if name in (entry.kernel, entry.serves))
        return tuple(in_order(tuple(replace(entry, steps=1) for entry in some)))


def in_order(launches: tuple[CudaLaunch, ...]) -> Iterator[CudaLaunch]:
    """Each launch as often as it is done, with the pointers that it is given then."""
    for _, group in groupby(launches, lambda one: one.scan):
        some = tuple(group)
        for t in range(some[0].steps):
            for one in some:
                yield replace(one, parameters=tuple(p.at(t) for p in one.parameters))


def to_json(step: CudaStep) -> str:
    return json_text(step)


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
    parameters = tuple(_pointer(entry) for entry in raw["parameters"])
    grid, block = tuple(raw["grid"]), tuple(raw["block"])
    return CudaLaunch(**raw | {"grid": grid, "block": block, "parameters": parameters})


def _pointer(raw: dict) -> Pointer:
    matrix = raw.get("matrix")
    return Pointer(**raw | {"matrix": Matrix(**matrix) if matrix else None})
