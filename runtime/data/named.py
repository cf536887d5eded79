"""A folder comes in; the data set of a known name, its files checked, goes out."""

import hashlib
import os
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np

from netc.compiler.diagnostics import NetError
from netc.runtime.data.dataset import MOST_BYTES, Arrays, DataSet, data_set
from netc.runtime.data.download import cached_folder
from netc.runtime.data.idx import decode_idx, read_idx
from netc.runtime.data.reading import find_folder, reading
from netc.runtime.errors import fail

PARTS = {"train": "train", "test": "t10k"}

# sha256 of MNIST's files: as they come with netc, not compressed, and as they are downloaded.
MNIST = {
    "train-images-idx3-ubyte": (
        "0b367032e93c5d0cea0925647cfdb18614af8ee15f83e6f2fc2ad904a6835971",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    "train-labels-idx1-ubyte": (
        "1787548bbe0bff1ec2ecdc0ef292b02df999e2d1a6002d27500982c652b17203",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
    "t10k-images-idx3-ubyte": (
        "1a1a05eab793c14bb050b398624a11b0ffd1a2953baed553b1b9bd079e2a20be",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    "t10k-labels-idx1-ubyte": (
        "b91679a0acfe4ba0e50a2437a903084cba1f5f92592b016a25a7dfd00455798b",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
}
CIFAR_PARTS = {"train": [f"data_batch_{n}.bin" for n in range(1, 6)], "test": ["test_batch.bin"]}
BYTE = np.dtype(np.uint8)
MOST_MNIST = 64 << 20  # the largest of its files has 47 MB
CIFAR_RECORD = 1 + 3 * 32 * 32


def mnist(folder: str, beside: Path | None = None) -> DataSet:
    """image: u8[N, 28, 28, 1] and label: i32[N]; 60,000 rows to train on and 10,000 to test."""
    return four_files("mnist", folder_of("mnist", folder, beside), MNIST)


def fashion_mnist(folder: str, beside: Path | None = None) -> DataSet:
    """As `mnist`, with clothes."""
    return four_files("fashion_mnist", folder_of("fashion_mnist", folder, beside), {})


def cifar10(folder: str, beside: Path | None = None) -> DataSet:
    """image: u8[N, 32, 32, 3] and label: i32[N], of the files in the binary format."""
    path = folder_of("cifar10", folder, beside)
    train, test = (
        join([cifar_file(Path(path, name)) for name in names]) for names in CIFAR_PARTS.values()
    )
    return data_set(f"cifar10 in `{path}`", train, test)


def folder_of(name: str, folder: str, beside: Path | None) -> Path:
    """The folder where it is, beside the program first; else the cache's, filled if need be."""
    try:
        return find_folder(folder, beside)
    except NetError:
        if is_taken(folder, beside):
            raise
        return cached_folder(name, Path(beside or ".", folder))


def is_taken(folder: str, beside: Path | None) -> bool:
    """Whether something is there that is no folder, or the name cannot be one."""
    try:
        return any(os.path.lexists(Path(place, folder)) for place in (beside or ".", "."))
    except ValueError:
        return True


def four_files(name: str, folder: Path, hashes: Mapping[str, tuple[str, ...]]) -> DataSet:
    parts = [four_files_part(name, folder, prefix, hashes) for prefix in PARTS.values()]
    return data_set(f"{name} in `{folder}`", *parts)


def four_files_part(
    name: str, folder: Path, prefix: str, hashes: Mapping[str, tuple[str, ...]]
) -> Arrays:
    image = idx_file(name, folder, f"{prefix}-images-idx3-ubyte", hashes)
    label = idx_file(name, folder, f"{prefix}-labels-idx1-ubyte", hashes)
    if image.shape[1:] != (28, 28) or label.ndim != 1 or {image.dtype, label.dtype} != {BYTE}:
        raise fail("E0506", f"{name} in `{folder}`: the {prefix} files do not hold 28 x 28 bytes")
    return {"image": image[..., None], "label": label.astype(np.int32)}


def idx_file(
    name: str, folder: Path, file: str, hashes: Mapping[str, tuple[str, ...]]
) -> np.ndarray:
    """One of the files, compressed or not, its bytes checked where they are known."""
    path = first_there(name, folder, file)
    if file not in hashes:
        return read_idx(path)
    with reading(path):
        data = read_limited(path, MOST_MNIST)
        if hashlib.sha256(data).hexdigest() not in hashes[file]:
            raise wrong_bytes(name, path)
        return decode_idx(BytesIO(data), len(data))


def first_there(name: str, folder: Path, file: str) -> Path:
    """The file, compressed or not; E0501 names both."""
    for path in (Path(folder, f"{file}.gz"), Path(folder, file)):
        if path.is_file():
            return path
    found = sorted(os.listdir(folder))[:10]
    note = f"the folder holds {', '.join(found) if found else 'nothing'}"
    message = f"{name} needs `{Path(folder, file)}.gz`, and there is no such file"
    raise fail("E0501", message, notes=(note,), help=f"put `{file}.gz` or `{file}` there")


def wrong_bytes(name: str, path: Path) -> NetError:
    return fail(
        "E0509",
        f"`{path}` is damaged or another file: its sha256 is not that of {name}",
        help="copy the file again; for other data in this format use idx(...)",
    )


def cifar_file(path: Path) -> Arrays:
    """One batch: records of a label and a picture as three planes."""
    if not path.is_file():
        is_for_python = path.with_suffix("").is_file()
        help = "fetch the binary version: this is the one for Python" if is_for_python else None
        raise fail("E0501", f"cifar10 needs `{path}`, and there is no such file", help=help)
    with reading(path):
        data = np.frombuffer(read_limited(path, MOST_BYTES), np.uint8)
        if not data.size or data.size % CIFAR_RECORD:
            raise ValueError(f"it is not made of records of {CIFAR_RECORD} bytes")
    records = data.reshape(-1, CIFAR_RECORD)
    planes = records[:, 1:].reshape(-1, 3, 32, 32)
    return {"image": planes.transpose(0, 2, 3, 1), "label": records[:, 0].astype(np.int32)}


def read_limited(path: Path, limit: int) -> bytes:
    """A whole file; ValueError if it is longer than any good one."""
    if path.stat().st_size > limit:
        raise ValueError(f"the file is larger than {limit} bytes")
    return path.read_bytes()


def join(parts: list[Arrays]) -> Arrays:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
