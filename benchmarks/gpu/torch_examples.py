"""The examples that PyTorch is measured on: what goes in, and the weights that a network has.

Needs no PyTorch, so that every machine can hold the table to examples/*.net.
"""

from collections import Counter
from dataclasses import dataclass

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Example:
    """A training step of examples/NAME.net: `batch` samples of u8 [height, width, channels], or of
    as many tokens; `weights` how many there are of each shape, as netc has them. `clip`: the most
    that the gradients together may be."""

    batch: int
    sample: Shape
    classes: int
    weights: dict[Shape, int]
    clip: float | None = None

    @property
    def is_text(self) -> bool:
        return len(self.sample) == 1

    def has_the_weights_of(self, shapes: list[Shape]) -> bool:
        """Whether a network has the same, whatever the order of its axes."""
        own = Counter({tuple(sorted(shape)): 0 for shape in self.weights})
        for shape, count in self.weights.items():
            own[tuple(sorted(shape))] += count
        return own == Counter(tuple(sorted(shape)) for shape in shapes)


DIGITS = {(3, 3, 1, 32): 1, (32,): 1, (5408, 128): 1, (128,): 1, (128, 10): 1, (10,): 1}
EXAMPLES = {
    "gpt": Example(16, (128,), 256, {
        (256, 128): 1, (128, 128): 1 + 4, (128, 384): 4, (384,): 4, (128, 512): 4, (512,): 4,
        (512, 128): 4, (128,): 4 * 6 + 2,
    }, clip=1.0),
    "lenet": Example(64, (28, 28, 1), 10, {
        (5, 5, 1, 6): 1, (6,): 1, (5, 5, 6, 16): 1, (16,): 1, (400, 120): 1, (120,): 1,
        (120, 84): 1, (84,): 1, (84, 10): 1, (10,): 1,
    }),
    "mlp": Example(64, (28, 28, 1), 10, {
        (784, 256): 1, (256,): 2, (256, 256): 1, (256, 10): 1, (10,): 1,
    }),
    "mnist": Example(32, (28, 28, 1), 10, DIGITS),
    "mnist_tutorial": Example(32, (28, 28, 1), 10, DIGITS),
    "resnet8": Example(64, (28, 28, 1), 10, {
        (3, 3, 1, 16): 1, (3, 3, 16, 16): 2, (3, 3, 16, 32): 1, (3, 3, 32, 32): 1,
        (1, 1, 16, 32): 1, (3, 3, 32, 64): 1, (3, 3, 64, 64): 1, (1, 1, 32, 64): 1,
        (16,): 2 * 3, (32,): 2 * 3, (64,): 2 * 3, (64, 10): 1, (10,): 1,
    }),
}  # fmt: skip
