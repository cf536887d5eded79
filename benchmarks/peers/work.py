"""What is measured: the workloads, and the data that netc and its peers get, the very same arrays.

Runs in every peer's environment: the standard library and NumPy only.
"""

from dataclasses import dataclass

import numpy as np

BATCHES = 8  # different ones, taken in turn
CLASSES, VOCABULARY, CONTEXT = 10, 256, 128
RATE = 1e-3  # of Adam, everywhere
IMAGES = {"resnet8": (32, 32, 3), "resnet18": (32, 32, 3)}  # all others: digits


@dataclass(frozen=True)
class Work:
    """A net (`nets/NET.net`) at a batch size, to train or to compute outputs; `goal` is how many
    times quicker than the best peer netc means to be."""

    net: str
    batch: int
    goal: float
    trains: bool = True

    @property
    def name(self) -> str:
        return f"{self.net}-{self.batch}" if self.trains else f"{self.net}-run-{self.batch}"


WORKS = (
    Work("cnn", 32, 5),
    Work("cnn", 64, 5),
    Work("cnn", 128, 5),
    Work("cnn", 512, 5),
    Work("mlp", 128, 1.4),
    Work("lenet", 32, 5),
    Work("lenet", 128, 5),
    Work("resnet8", 32, 2),
    Work("resnet18", 32, 1.3),
    Work("lstm", 128, 1.6),
    Work("gpt", 16, 1.6),
    Work("cnn", 1, 2, trains=False),
    Work("cnn", 256, 1, trains=False),
)


def batches(work: Work) -> list[tuple[np.ndarray, np.ndarray]]:
    """Inputs and labels: images [batch, height, width, channels] in f32, or tokens; labels i32."""
    random = np.random.default_rng(1)
    if work.net == "gpt":
        shape = (work.batch, CONTEXT)
        return [
            tuple(random.integers(0, VOCABULARY, shape, dtype=np.int32) for _ in range(2))
            for _ in range(BATCHES)
        ]
    shape = (work.batch, *IMAGES.get(work.net, (28, 28, 1)))
    return [
        (
            random.random(shape, dtype=np.float32),
            random.integers(0, CLASSES, work.batch, dtype=np.int32),
        )
        for _ in range(BATCHES)
    ]


def epoch_rows(count: int) -> tuple[np.ndarray, np.ndarray]:
    """As many digits and labels, for a whole epoch."""
    random = np.random.default_rng(2)
    images = random.random((count, 28, 28, 1), dtype=np.float32)
    return images, random.integers(0, CLASSES, count, dtype=np.int32)
