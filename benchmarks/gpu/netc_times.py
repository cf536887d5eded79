"""What netc takes on the first GPU: figures as JSON on standard output.

From the source to the first step with nothing kept from before; then steps of the examples, a
matrix product, a copy and launches, each as the median of chunks of graph launches; the driver's
own copy beside them.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np

import netc
from netc.compiler.program import FunctionFacts, Program
from netc.runtime.cuda import Cuda
from netc.runtime.device import Fields
from netc.runtime.emulate_check import made_up
from netc.runtime.feeding import FEED, open_parts

EXAMPLES = Path(__file__).parents[2] / "examples"
FIRST_STEPS = ("mnist", "gpt")
BLOCKS = {"recommend": "factors"}  # the train block where none is without a name
CHUNKS, CHUNK_SECONDS = 9, 0.2
REPEATS = 20  # launches in a graph
Record = Callable[[Cuda, str, str], None]  # puts one kernel of a function onto the stream
PRODUCTS = (1024, 2048, 4096)
COPIED = 1 << 26  # floats
PRODUCT = "net only(x: f32[{n}, {n}]) {{ return x -> dense({n}, bias=false) }}\n"
COPY = "net only(x: f32[{n}]) {{ return x, relu(x) }}\n"  # x lives on: the result lies elsewhere


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(figures(Path(folder))))


def figures(folder: Path) -> dict[str, object]:
    first = {name: first_step_seconds(name, folder / f"first_{name}") for name in FIRST_STEPS}
    steps = {}
    for path in sorted(EXAMPLES.glob("*.net")):
        if "\ntrain" not in path.read_text(encoding="utf-8"):
            continue  # it holds what others use
        steps[path.stem] = step_seconds(path, folder / path.stem)
    copy = COPY.format(n=COPIED)
    return {
        "first_step_seconds": first,
        "step_seconds": steps,
        "matmul_f32_seconds": {
            str(n): kernel_seconds(PRODUCT.format(n=n), folder / f"product_{n}") for n in PRODUCTS
        },
        "copy_bytes": 8 * COPIED,  # read and written
        "copy_seconds": kernel_seconds(copy, folder / "copy"),
        "driver_copy_seconds": kernel_seconds(copy, folder / "copy", driver_copy),
        # a kernel that has next to nothing to do, in a graph of many
        "launch_seconds": kernel_seconds(COPY.format(n=1), folder / "launch"),
    }


def first_step_seconds(name: str, folder: Path) -> float:
    """From an example's source to the end of its first step, with an empty cache."""
    with patch.dict(os.environ, NETC_CACHE=str(folder / "cache")):
        start = time.perf_counter()
        program = netc.compile(EXAMPLES / f"{name}.net", device="cuda", out=folder / "build")
        session = program.start(seed=1)
        function = program.facts.function("train")
        session.device.run(function, made_up(function), np.arange(function.batch), 1)
        seconds = time.perf_counter() - start
        session.close()
    return seconds


def step_seconds(path: Path, folder: Path) -> float:
    """A training step of an example on its own data, which lie on the device."""
    program = netc.compile(path, device="cuda", train=BLOCKS.get(path.stem), out=folder)
    session = program.start(seed=1)
    function = program.facts.function("train")
    rows, count = rows_of(program.facts, function)

    def run(steps: int) -> None:
        session.device.run(function, rows, np.arange(steps * function.batch) % count, steps)

    try:
        return median_seconds(run)
    finally:
        session.close()


def rows_of(program: Program, function: FunctionFacts) -> tuple[Fields, int]:
    """The training rows of a program, and how many they are; a made-up batch where it is fed."""
    if program.data is None or program.data.source == FEED:
        return made_up(function), function.batch
    rows = open_parts(program, None, 0.0).train
    return rows.of(function), rows.count


def record_kernel(device: Cuda, symbol: str, name: str) -> None:
    device.record_kernel(device.loaded[symbol], name)


def driver_copy(device: Cuda, symbol: str, name: str) -> None:
    """What the kernel does, by a copy: from where it reads to where it writes."""
    step = device.loaded[symbol].step
    (entry,) = (entry for entry in step.launches if entry.kernel == name)
    target = next(p for p in entry.parameters if p.is_result)
    source = next(p for p in entry.parameters if not p.is_result)
    addresses = device.arena + target.offset, device.arena + source.offset
    device.call("cuMemcpyDtoDAsync", *addresses, target.bytes, device.stream)


def kernel_seconds(text: str, folder: Path, record: Record = record_kernel) -> float:
    """One run of the kernel of a net with only one; many runs make a graph."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "only.net"
    path.write_text(text)
    program = netc.compile(path, device="cuda", out=folder / "build")
    session = program.start(seed=1)
    device, function = session.device, session.program.functions[0]
    (kernel,) = function.kernels
    device.prepare(function)
    device.enter()

    def record_all() -> None:
        for _ in range(REPEATS):
            record(device, function.symbol, kernel.name)

    graph = device.capture(record_all)

    def run(count: int) -> None:
        for _ in range(count):
            device.call("cuGraphLaunch", graph, device.stream)
        device.call("cuStreamSynchronize", device.stream)

    try:
        return median_seconds(run) / REPEATS
    finally:
        device.call("cuGraphExecDestroy", graph)
        session.close()


def median_seconds(run: Callable[[int], None]) -> float:
    """The seconds of one of what `run(count)` does `count` times, warm."""

    def seconds(count: int) -> float:
        start = time.perf_counter()
        run(count)
        return (time.perf_counter() - start) / count

    seconds(3)
    count = max(1, int(CHUNK_SECONDS / seconds(3)))
    return statistics.median(seconds(count) for _ in range(CHUNKS))


if __name__ == "__main__":
    sys.exit(main())
