"""The name of a data set comes in; a folder of the cache with its files, checked, goes out.

What is downloaded is known by its sha256: where it comes from need not be trusted. An archive is
opened only after that, and only the files that are known by name are taken out of it.
"""

import gzip
import hashlib
import http.client
import os
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TextIO

from netc.compiler import cache
from netc.runtime.errors import ENVIRONMENT, fail
from netc.runtime.files import cause_of, make_folders, write_atomically
from netc.runtime.progress import bar

PIECE = 1 << 16
BLOCK = 512
PATIENCE = 30  # seconds without an answer
OFTEN = 0.2  # seconds between two looks of the bar


@dataclass(frozen=True)
class Remote:
    """A file, how long it is, and where it may be had; `members` are taken out of an archive."""

    name: str
    bytes: int
    sha256: str
    places: tuple[str, ...]
    members: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """What lies in the cache once this is there."""
        return tuple(Path(one).name for one in self.members) or (self.name,)


MNIST_PLACES = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
FASHION_PLACES = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
CIFAR_PLACES = ("https://www.cs.toronto.edu/~kriz/",)
CIFAR_FILES = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")

REMOTES: Mapping[str, tuple[Remote, ...]] = MappingProxyType(
    {
        "mnist": (
            Remote(
                "train-images-idx3-ubyte.gz", 9912422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", MNIST_PLACES,
            ),
            Remote(
                "train-labels-idx1-ubyte.gz", 28881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", MNIST_PLACES,
            ),
            Remote(
                "t10k-images-idx3-ubyte.gz", 1648877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", MNIST_PLACES,
            ),
            Remote(
                "t10k-labels-idx1-ubyte.gz", 4542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", MNIST_PLACES,
            ),
        ),
        "fashion_mnist": (
            Remote(
                "train-images-idx3-ubyte.gz", 26421880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", FASHION_PLACES,
            ),
            Remote(
                "train-labels-idx1-ubyte.gz", 29515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", FASHION_PLACES,
            ),
            Remote(
                "t10k-images-idx3-ubyte.gz", 4422102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", FASHION_PLACES,
            ),
            Remote(
                "t10k-labels-idx1-ubyte.gz", 5148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", FASHION_PLACES,
            ),
        ),
        "cifar10": (
            Remote(
                "cifar-10-binary.tar.gz", 170052171,
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd", CIFAR_PLACES,
                tuple(f"cifar-10-batches-bin/{name}" for name in CIFAR_FILES),
            ),
        ),
    }
)  # fmt: skip


def cached_folder(name: str, missing: Path) -> Path:
    """The cache's folder of a data set, downloaded now where it is not there yet.

    `missing` is where the user could put the files. Raises NetError E0512, exit code 4, where they
    cannot be had, or NETC_OFFLINE is set.
    """
    folder = cache.folder() / "data" / name
    for remote in REMOTES[name]:
        if not all(Path(folder, file).is_file() for file in remote.files):
            data = download(name, remote, missing)
            make_folders(folder)
            for file, content in contents(remote, data).items():
                write_atomically(Path(folder, file), content)
    return folder


def contents(remote: Remote, data: bytes) -> dict[str, bytes]:
    """The files that a download holds, by name."""
    if not remote.members:
        return {remote.name: data}
    found = members(gzip.decompress(data))
    return {Path(name).name: found[name] for name in remote.members}


def members(archive: bytes) -> dict[str, bytes]:
    """What a tar archive holds, by name: blocks of 512 bytes, a header before each file."""
    found, place = {}, 0
    while place + BLOCK <= len(archive) and archive[place]:
        name = archive[place : place + 100].rstrip(b"\0").decode()
        size = int(archive[place + 124 : place + 136].strip(b"\0 "), 8)
        found[name] = archive[place + BLOCK : place + BLOCK + size]
        place += BLOCK + -(-size // BLOCK) * BLOCK
    return found


def download(name: str, remote: Remote, missing: Path) -> bytes:
    """The bytes of a file, from the first place that gives the right ones."""
    reasons = []
    if os.environ.get("NETC_OFFLINE"):
        reasons.append("NETC_OFFLINE is set")
    for place in () if reasons else remote.places:
        try:
            data = fetch(place + remote.name, remote, name, sys.stderr)
        except (OSError, http.client.HTTPException, ValueError) as error:
            reasons.append(f"{place}: {reason_of(error)}")
            continue
        if hashlib.sha256(data).hexdigest() == remote.sha256:
            return data
        reasons.append(f"{place}: what it gives is not the file, by its sha256")
    raise fail(
        "E0512",
        f"{name} is neither in `{missing}` nor in the cache, and `{remote.name}` cannot be "
        "downloaded",
        notes=tuple(reasons),
        help=f"put its files into `{missing}`: "
        + ", ".join(file for one in REMOTES[name] for file in one.files),
        exit_code=ENVIRONMENT,
    )


def reason_of(error: Exception) -> str:
    cause = getattr(error, "reason", error)
    if isinstance(cause, OSError) and cause.errno:
        return cause_of(cause)
    return str(cause).partition("\n")[0] or type(cause).__name__


def fetch(url: str, remote: Remote, name: str, stream: TextIO) -> bytes:
    """What lies at an address, at most as long as the file that is wanted."""
    data, shown = bytearray(), 0.0
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        while len(data) <= remote.bytes and (piece := answer.read(PIECE)):
            data += piece
            if stream.isatty() and time.monotonic() - shown > OFTEN:
                shown = time.monotonic()
                part = min(1.0, len(data) / remote.bytes)
                print(f"\r{line(name, remote, part)}", end="", file=stream, flush=True)
    print(f"{chr(13) if shown else ''}{line(name, remote, 1.0)}", file=stream, flush=True)
    return bytes(data)


def line(name: str, remote: Remote, part: float) -> str:
    size = f"{remote.bytes / 1e6:,.1f} MB"
    return f"downloading {name}: {remote.name}  {bar(part, 20)}  {100 * part:3.0f} % of {size}"
