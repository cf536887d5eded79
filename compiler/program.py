"""A compiled program as data: what the runtime needs to know, saved as program.json.

Standard library only. A program is a folder: program.json, the `.net` text, the IR, and the sources
of each target. Each target has one arena; what lasts from step to step lies at its start, at the
same places for all.
"""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from netc.compiler.json_text import json_text

FORMAT = 2
TARGETS = MappingProxyType({"cpu": "ir", "cuda": "cuda"})  # and where in the folder their IR is


@dataclass(frozen=True)
class Tensor:
    """A tensor in the arena: `offset` in bytes. `dtype` is one of f32, i32, u8, bool."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int


@dataclass(frozen=True)
class Initializer:
    """How a weight starts: a kind (`zeros`, `glorot_uniform` ...), its numbers, and its fans."""

    kind: str
    parameters: tuple[tuple[str, float], ...] = ()
    fan_in: int = 1
    fan_out: int = 1


@dataclass(frozen=True)
class Persistent:
    """What lasts from step to step. `role` is weight, state (not trained), moment, average (of a
    weight, which it is named for and starts as), counter, tally or room.

    Counters are i32 scalars that the runtime sets: `seed`, `step` (the batches so far) and `total`
    (the steps of the whole run).
    Tallies are sums over the batches of an evaluation, which the runtime sets to zero before it.
    Room is zeros that a kernel works in and leaves as zeros.
    """

    tensor: Tensor
    role: str
    initializer: Initializer
    line: int = 0


@dataclass(frozen=True)
class KernelFacts:
    """One kernel: what the table, `netc show` and profiles say about it.

    `lines` are lines of the `.net` file, `path` the place in the net; `seconds` is predicted.
    `reads` and `writes` are the tensors that it loads and stores, by their names in the IR; an
    element that it stores is a sum, or another fold, of `terms` numbers. A kernel of a `scan` (the
    node that makes this value) runs `times` times in a step of the function; the figures are those
    of one run, and its tensors lie where they lie in the first.
    """

    name: str
    kind: str
    path: str
    phase: str
    lines: tuple[int, ...]
    flops: int
    bytes: int
    seconds: float
    reads: tuple[Tensor, ...] = ()
    writes: tuple[Tensor, ...] = ()
    terms: int = 1
    times: int = 1
    scan: str = ""


@dataclass(frozen=True)
class FunctionFacts:
    """A function that a target runs: `train`, `evaluate`, `gradients` or `run_NET`, for one batch.

    `fields` are filled before each step and hold `batch` samples along axis 0; `outputs` of one
    number are reported for every step, in this order; others are read from the arena after
    the step. Those that are `tallied` are about all batches since the tallies were set to zero.
    `symbol` is the C function and the stem of its files: c/SYMBOL.c, cuda/SYMBOL.cu.
    """

    name: str
    batch: int
    symbol: str
    fields: tuple[Tensor, ...]
    outputs: tuple[tuple[str, Tensor], ...]
    kernels: tuple[KernelFacts, ...]
    copies: tuple[tuple[int, int, int], ...]
    temporary_bytes: int
    tallied: tuple[str, ...] = ()

    @property
    def launches(self) -> int:
        """How many kernels run in one step."""
        return sum(kernel.times for kernel in self.kernels)

    @property
    def seconds(self) -> float:
        """The predicted time of one step."""
        return sum(kernel.seconds * kernel.times for kernel in self.kernels)


@dataclass(frozen=True)
class Layout:
    """How a target runs the program: the bytes of the arena that all its functions share.

    `processor` is the one that times are predicted for.
    """

    target: str
    arena_bytes: int
    functions: tuple[FunctionFacts, ...]
    processor: str = ""


@dataclass(frozen=True)
class DataFacts:
    """Where samples come from: a source (`mnist` ...), its arguments, and its fields in order.

    A field's name is the variable of the `take` statement, `_` for one that is not used; its shape
    is that of one sample.
    """

    source: str
    arguments: tuple[tuple[str, str | int | float | bool], ...]
    fields: tuple[tuple[str, str, tuple[int, ...]], ...]
    folder: str


@dataclass(frozen=True)
class TrainingFacts:
    """The train block's settings. `epochs` or `steps` is 0 where not given; `validate` a share.

    A step takes `accumulate` batches. `patience` is 0 where training does not stop early. `block`
    is the name of the train block, where it has one.
    """

    batch: int = 1
    epochs: int = 0
    steps: int = 0
    validate: float = 0.0
    seed: int = 0
    measures: tuple[str, ...] = ()
    accumulate: int = 1
    patience: int = 0
    block: str = ""

    @property
    def step_rows(self) -> int:
        """How many rows a step takes."""
        return self.batch * self.accumulate


@dataclass(frozen=True)
class Program:
    """Everything about a compiled program but the text of its sources.

    `hash` identifies the meaning: the same hash, seed, target and machine give the same bits.
    `functions` and `arena_bytes` are those of `target`; `on` tells of another one. `march` is the
    processor that its C is for, as a C compiler names it.
    """

    name: str
    hash: str
    version: str
    file: str
    folder: str
    persistent_bytes: int
    persistent: tuple[Persistent, ...]
    layouts: tuple[Layout, ...]
    data: DataFacts | None
    training: TrainingFacts | None
    defines: tuple[tuple[str, float], ...] = ()
    target: str = "cpu"
    march: str = "native"
    format: int = field(default=FORMAT)

    def on(self, target: str) -> "Program":
        """The same program as another target runs it; weights keep their names and places."""
        return replace(self, target=target)

    @property
    def layout(self) -> Layout:
        return next(one for one in self.layouts if one.target == self.target)

    @property
    def arena_bytes(self) -> int:
        return self.layout.arena_bytes

    @property
    def functions(self) -> tuple[FunctionFacts, ...]:
        return self.layout.functions

    @property
    def saved(self) -> tuple[Persistent, ...]:
        """What a checkpoint holds: all that lasts longer than an evaluation, and is not zeros."""
        return tuple(entry for entry in self.persistent if entry.role not in ("tally", "room"))

    @property
    def parameters(self) -> int:
        """How many trained numbers there are."""
        total = 0
        for entry in self.persistent:
            if entry.role == "weight":
                count = 1
                for size in entry.tensor.shape:
                    count *= size
                total += count
        return total

    def function(self, name: str, batch: int | None = None) -> FunctionFacts | None:
        """The function of this name, for exactly this batch where one is given."""
        return next(
            (f for f in self.functions if f.name == name and batch in (None, f.batch)), None
        )

    def batches(self, name: str) -> tuple[int, ...]:
        """The batch sizes that a function is compiled for, the largest first."""
        return tuple(sorted((f.batch for f in self.functions if f.name == name), reverse=True))


def to_json(program: Program) -> str:
    return json_text(program)


def from_json(text: str) -> Program:
    """The program that `to_json` wrote; ValueError, KeyError or TypeError on anything else."""
    raw = json.loads(text)
    found = raw.get("format") if isinstance(raw, dict) else None
    if found != FORMAT:
        raise ValueError(f"program format {found}, this netc reads {FORMAT}")
    return Program(
        **raw
        | {
            "persistent": tuple(_persistent(entry) for entry in raw["persistent"]),
            "layouts": tuple(_layout(entry) for entry in raw["layouts"]),
            "data": DataFacts(**_tuples(raw["data"])) if raw["data"] else None,
            "training": TrainingFacts(**_tuples(raw["training"])) if raw["training"] else None,
            "defines": _tuple(raw["defines"]),
        }
    )


def load(folder: Path) -> Program:
    """The program in a build folder; raises OSError where there is none."""
    return from_json((folder / "program.json").read_text(encoding="utf-8"))


def _persistent(raw: dict) -> Persistent:
    initializer = Initializer(**_tuples(raw["initializer"]))
    return Persistent(_tensor(raw["tensor"]), raw["role"], initializer, raw["line"])


def _layout(raw: dict) -> Layout:
    functions = tuple(_function(entry) for entry in raw["functions"])
    return Layout(**raw | {"functions": functions})


def _function(raw: dict) -> FunctionFacts:
    return FunctionFacts(
        **raw
        | {
            "fields": tuple(_tensor(entry) for entry in raw["fields"]),
            "outputs": tuple((name, _tensor(entry)) for name, entry in raw["outputs"]),
            "kernels": tuple(_kernel(entry) for entry in raw["kernels"]),
            "copies": _tuple(raw["copies"]),
            "tallied": _tuple(raw["tallied"]),
        }
    )


def _kernel(raw: dict) -> KernelFacts:
    tensors = {name: tuple(map(_tensor, raw[name])) for name in ("reads", "writes")}
    return KernelFacts(**_tuples(raw) | tensors)


def _tensor(raw: dict) -> Tensor:
    return Tensor(**_tuples(raw))


def _tuples(raw: dict) -> dict:
    return {name: _tuple(value) for name, value in raw.items()}


def _tuple(value):
    return tuple(_tuple(item) for item in value) if isinstance(value, list) else value
