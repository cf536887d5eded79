"""Tensors and facts come in; one checked safetensors file goes out, and the other way round.

A checkpoint is one file, so that nothing about a run can be out of step with anything else. Its
integrity is netc's own: safetensors checks the layout, a sha256 in the metadata checks the rest.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from netc.compiler.diagnostics import NetError
from netc.runtime.errors import ENVIRONMENT, fail
from netc.runtime.files import SYSTEM, System, cause_of, remove, write_atomically

KEY = "netc"  # the only metadata key: safetensors does not keep several in order
BEST = "best.safetensors"
STEP_NAME = re.compile(r"step-(\d{8,18})\.safetensors")
STORED = ("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64",
          "float16", "float32", "float64")  # fmt: skip

Plain = str | int | float | bool | None


@dataclass(frozen=True)
class CheckpointFacts:
    """What besides tensors is needed to go on as if training had never stopped."""

    step: int
    epoch: int
    position: int  # batches of this epoch that are done
    seed: int
    program_hash: str
    netc_version: str
    target: str
    best_value: float | None = None
    best_step: int | None = None
    extra: tuple[tuple[str, Plain], ...] = ()


@dataclass(frozen=True)
class Checkpoint:
    """What a file held; `skipped` tells of newer files that were damaged."""

    tensors: Mapping[str, np.ndarray]
    facts: CheckpointFacts
    path: Path
    skipped: tuple[str, ...] = ()


def save(
    path: Path, tensors: Mapping[str, np.ndarray], facts: CheckpointFacts, system: System = SYSTEM
) -> None:
    """Write one checkpoint durably; after a failure (NetError) an older file is as it was."""
    write_atomically(path, encode(tensors, facts), system)


def save_step(
    folder: Path,
    tensors: Mapping[str, np.ndarray],
    facts: CheckpointFacts,
    best: bool = False,
    keep: int = 2,
    system: System = SYSTEM,
) -> Path:
    """Write the checkpoint of a step, then remove all but the newest `keep` and the best.

    The best is written first: after a crash between the two, training goes on from the step before
    and meets the same best again; otherwise the facts could name a best that is not there.
    """
    data = encode(tensors, facts)
    if best:
        write_atomically(Path(folder, BEST), data, system)
    path = Path(folder, step_name(facts.step))
    write_atomically(path, data, system)
    prune(folder, facts.step, keep, system)
    return path


def step_name(step: int) -> str:
    return f"step-{step:08d}.safetensors"


def prune(folder: Path, newest: int, keep: int = 2, system: System = SYSTEM) -> None:
    """Keep `keep` checkpoints up to step `newest`. Later ones belong to a course given up, or are
    damaged: left there, they would be taken for the latest."""
    steps = steps_in(folder)
    kept = [step for step in steps if step <= newest][-keep:]
    for step in steps:
        if step not in kept:
            remove(Path(folder, step_name(step)), system)


def steps_in(folder: Path) -> tuple[int, ...]:
    """The steps that have a checkpoint, in order."""
    try:
        names = [path.name for path in Path(folder).iterdir()]
    except OSError as error:
        message = f"cannot look for checkpoints in `{folder}`: {cause_of(error)}"
        raise fail("E0601", message) from error
    found = (STEP_NAME.fullmatch(name) for name in names)
    steps = {int(match[1]) for match in found if match}
    return tuple(sorted(step for step in steps if step_name(step) in names))


def latest(folder: Path) -> Checkpoint:
    """The newest checkpoint that is whole; NetError if there is none."""
    skipped: list[str] = []
    for step in reversed(steps_in(folder)):
        try:
            good = load(Path(folder, step_name(step)))
            return Checkpoint(good.tensors, good.facts, good.path, tuple(skipped))
        except NetError as error:
            if error.exit_code == ENVIRONMENT:  # the file may be good: going back would lose steps
                raise
            skipped.extend(found.message for found in error.diagnostics)
    if skipped:
        raise fail("E0602", f"every checkpoint in `{folder}` is damaged", notes=tuple(skipped))
    raise fail("E0601", f"there is no checkpoint in `{folder}`")


def encode(tensors: Mapping[str, np.ndarray], facts: CheckpointFacts) -> bytes:
    """The bytes of a checkpoint: the same ones for the same tensors and facts."""
    plain = {name: as_stored(name, tensors[name]) for name in sorted(tensors)}
    told = {**asdict(facts), "extra": dict(facts.extra)}
    metadata = json.dumps({**told, "sha256": checksum(plain, told)}, sort_keys=True)
    try:
        return to_bytes(plain, {KEY: metadata})
    except SafetensorError as error:
        raise fail("E0606", f"cannot store the tensors: {error}") from error


def as_stored(name: str, tensor: np.ndarray) -> np.ndarray:
    """C order and little-endian; `ascontiguousarray` would give a scalar an axis."""
    tensor = np.asarray(tensor, order="C")
    if tensor.dtype.name not in STORED or name == "__metadata__":
        raise fail("E0606", f"cannot store the tensor `{name}` of type {tensor.dtype}")
    return tensor.astype(tensor.dtype.newbyteorder("<"), order="C", copy=False)


def checksum(tensors: Mapping[str, np.ndarray], told: Mapping[str, Plain | dict]) -> str:
    """sha256 over the facts and, by name, each tensor's name, type, shape and bytes."""
    digest = hashlib.sha256(f"{json.dumps(told, sort_keys=True)}\n".encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{json.dumps([name, tensor.dtype.str, tensor.shape])}\n".encode())
        digest.update(tensor.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def load(path: Path) -> Checkpoint:
    """Read and check one file. NetError: E0601 missing, E0602 damaged, E0603 wrong checksum,
    E0604 not a checkpoint of netc, E0605 cannot be read."""
    path = Path(path)
    refuse_missing(path)
    tensors, metadata = read(path)
    told, expected = read_facts(path, metadata)
    if checksum(tensors, told) != expected:
        raise fail(
            "E0603",
            f"the checkpoint `{path}` is damaged: its checksum does not match",
            help="use an older checkpoint of the same run, or a copy of this one",
        )
    return Checkpoint(tensors, as_facts(path, told), path)


def refuse_missing(path: Path) -> None:
    try:
        if path.is_file():
            return
        exists = path.exists()
    except (OSError, ValueError) as error:
        raise fail("E0605", f"cannot read the checkpoint {str(path)!r}: {error}") from error
    if exists:
        raise fail("E0604", f"`{path}` is not a checkpoint: it is not a regular file")
    raise fail("E0601", f"there is no checkpoint `{path}`")


def read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The tensors and the metadata as safetensors gives them, unchecked."""
    try:
        with open(path, "rb"):  # safetensors tells of any failure to open as of a missing file
            pass
        with safe_open(path, framework="numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, file.metadata() or {}
    except OSError as error:
        message = f"cannot read the checkpoint `{path}`: {cause_of(error)}"
        raise fail("E0605", message, exit_code=ENVIRONMENT) from error
    except MemoryError as error:
        message = f"cannot read the checkpoint `{path}`: not enough memory"
        raise fail("E0605", message, exit_code=ENVIRONMENT) from error
    except (SafetensorError, ValueError, TypeError, KeyError, AttributeError) as error:
        message = f"the checkpoint `{path}` is damaged: {error}"
        raise fail("E0602", message) from error


def read_facts(path: Path, metadata: Mapping[str, str]) -> tuple[dict[str, Plain | dict], str]:
    """The facts and the checksum that a file states, unchecked."""
    if KEY not in metadata:
        message = f"`{path}` is not a checkpoint of netc"
        raise fail("E0604", message, notes=("it is a safetensors file without netc's facts",))
    try:
        told = json.loads(metadata[KEY])
        return told, told.pop("sha256")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise unreadable_facts(path) from error


def as_facts(path: Path, told: dict[str, Plain | dict]) -> CheckpointFacts:
    """The facts, each of the type that it is declared with: the checksum can be forged."""
    try:
        extra = tuple(sorted(told["extra"].items()))
        facts = CheckpointFacts(**{**told, "extra": extra})
    except (TypeError, KeyError, AttributeError) as error:
        raise unreadable_facts(path) from error
    plain = all(isinstance(value, Plain) for _, value in extra)
    declared = (field for field in fields(facts) if field.name != "extra")
    if plain and all(isinstance(getattr(facts, field.name), field.type) for field in declared):
        return facts
    raise unreadable_facts(path)


def unreadable_facts(path: Path) -> NetError:
    return fail("E0602", f"the checkpoint `{path}` is damaged: its facts are unreadable")
