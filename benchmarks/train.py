"""What a training step of the examples takes: `python benchmarks/train.py [chunks] [NAME ...]`.

Steps are timed in chunks inside one process, on one batch of made-up rows, as training runs them:
without validation and checkpoints. The median of the chunks is shown beside the prediction.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from measure import EXAMPLES, machine, table

import netc
from netc.runtime.arena import DTYPES

HEADING = ("example", "parameters", "kernels", "batch", "step", "predicted", "samples/s")
CHUNK_SECONDS = 0.3
SMALLEST_CLASSES = 8  # of the examples: a label below it is good for all of them


def main() -> None:
    chunks = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    names = sys.argv[2:] or [path.stem for path in sorted(EXAMPLES.glob("*.net"))]
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(name, Path(folder), chunks) for name in names]
    print(f"{machine()}; medians of {chunks} chunks of {CHUNK_SECONDS} s")
    print(table((HEADING, *rows)))


def measure(name: str, folder: Path, chunks: int) -> tuple[str, ...]:
    """The row of one example."""
    program = netc.compile(EXAMPLES / f"{name}.net", out=folder / name)
    session = program.start(seed=1)
    function = program.facts.function("train")
    seconds = statistics.median(step_seconds(session, function, chunks))
    session.close()
    return (
        name,
        f"{program.parameters:,}",
        str(len(program.kernels)),
        str(function.batch),
        f"{seconds * 1e3:.2f} ms",
        f"{program.cost * 1e3:.2f} ms",
        f"{function.batch / seconds:,.0f}",
    )


def step_seconds(session, function, chunks: int) -> list[float]:
    """The time of a step in each chunk, after a few that are not counted."""
    random = np.random.default_rng(1)
    batch = tuple(made_up(field, random) for field in function.fields)

    def run(steps: int) -> float:
        order = np.tile(np.arange(function.batch), steps)
        start = time.perf_counter()
        session.device.run(function, batch, order, steps)
        return (time.perf_counter() - start) / steps

    run(5)
    steps = max(1, int(CHUNK_SECONDS / run(5)))
    return [run(steps) for _ in range(chunks)]


def made_up(field, random: np.random.Generator) -> np.ndarray:
    """Rows that any of the examples takes: normal numbers, pixels or labels."""
    if field.dtype == "f32":
        return random.normal(size=field.shape).astype(np.float32)
    most = 256 if field.dtype == "u8" else SMALLEST_CLASSES
    return random.integers(0, most, field.shape).astype(DTYPES[field.dtype])


if __name__ == "__main__":
    main()
