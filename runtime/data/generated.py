"""Sizes and a seed come in; data sets made up by rule, the same on every machine, go out."""

import math

import numpy as np

from netc.runtime.data.dataset import Arrays, DataSet, data_set, words
from netc.runtime.errors import fail

SHAPES = 8
MOST_BYTES = 256 << 20  # making them up takes some ten times as much for a while
TEST_SHARE = 5  # one test row for so many training rows


def uniform(seed: int, stream: int, shape: tuple[int, ...]) -> np.ndarray:
    """f64 in [0, 1) from the upper 53 bits of Philox words."""
    drawn = words(seed, stream, math.prod(shape)) >> np.uint64(11)
    return (drawn * 2.0**-53).reshape(shape)


def blobs(count: int, features: int = 2, classes: int = 3, seed: int = 0) -> DataSet:
    """x: f32[N, features] in one cloud a class, label: i32[N]. `count` rows to train on, a fifth as
    many to test."""
    check_sizes("blobs", features * 4, count=count, features=features, classes=classes)
    centres = 4 * uniform(seed, 0, (classes, features)) - 2

    def part(count: int, stream: int) -> Arrays:
        label = np.arange(count) % classes
        # The sum of four uniform numbers is near enough to a normal one, and has no tails.
        noise = uniform(seed, stream, (4, count, features)).sum(axis=0) - 2
        return {"x": (centres[label] + 0.3 * noise).astype(np.float32),
                "label": label.astype(np.int32)}  # fmt: skip

    return data_set("blobs", part(count, 1), part(test_rows(count), 2))


def shapes_on_canvas(
    count: int, size: int = 16, channels: int = 1, classes: int = 4, seed: int = 0
) -> DataSet:
    """image: u8[N, size, size, channels], label: i32[N]. Class 0 is a square, then come disc, bar
    across, bar down, plus, cross, ring and frame, each at a random place, in a random size and
    colour, on noise. `count` rows to train on, a fifth as many to test."""
    row = size * size * channels
    check_sizes("shapes_on_canvas", row, count=count, size=size, channels=channels, classes=classes)
    if size < 8 or classes > SHAPES:
        raise fail("E0510", f"shapes_on_canvas takes a size from 8 and up to {SHAPES} classes")
    parts = (draw(n, size, channels, classes, seed, stream)
             for n, stream in ((count, 0), (test_rows(count), 8)))  # fmt: skip
    return data_set("shapes_on_canvas", *parts)


def test_rows(count: int) -> int:
    return max(1, count // TEST_SHARE)


def check_sizes(source: str, row: int, **sizes: int) -> None:
    """Refuse what is no size, and rows of `row` bytes that come to more than may be made up."""
    for name, value in sizes.items():
        if value < 1:
            raise fail("E0510", f"{source}: `{name}` must be at least 1, got {value}")
    rows = sizes["count"] + sizes.get("classes", 0)
    if rows * row > MOST_BYTES:
        raise fail("E0510", f"{source}: {rows} rows of {row} bytes are more than {MOST_BYTES}")


def draw(count: int, size: int, channels: int, classes: int, seed: int, stream: int) -> Arrays:
    label = np.arange(count) % classes
    place = uniform(seed, stream, (3, count, 1, 1))
    radius = size * (0.18 + 0.10 * place[0])
    axis = np.arange(size) + 0.5
    centre = radius + (size - 2 * radius) * place[1:]
    down = np.abs(axis[:, None] - centre[0]) / radius  # [N, size, 1]
    across = np.abs(axis[None, :] - centre[1]) / radius
    inside = choose_shape(label, down, across)[..., None]
    colour = 128 + 127 * uniform(seed, stream + 1, (count, 1, 1, channels))
    noise = 64 * uniform(seed, stream + 2, (count, size, size, channels))
    image = np.where(inside, colour, noise)
    return {"image": image.astype(np.uint8), "label": label.astype(np.int32)}


def choose_shape(label: np.ndarray, down: np.ndarray, across: np.ndarray) -> np.ndarray:
    """bool[N, size, size]: is a pixel within its shape? Distances are in radii from the centre."""
    far, near = np.maximum(down, across), np.minimum(down, across)
    square, round_ = far <= 1, np.hypot(down, across)
    shapes = (
        square,
        round_ <= 1,
        square & (down <= 0.35),
        square & (across <= 0.35),
        square & (near <= 0.3),
        square & (far - near <= 0.35),
        (round_ <= 1) & (round_ >= 0.6),
        square & (far >= 0.6),
    )
    inside = np.zeros(square.shape, bool)
    for number, shape in enumerate(shapes):
        inside |= shape & (label == number)[:, None, None]
    return inside
