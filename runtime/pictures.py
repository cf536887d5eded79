"""Arrays of images come in; one PNG file with all of them side by side, as bytes, goes out."""

import struct
import zlib
from math import ceil, sqrt

import numpy as np

from netc.runtime.errors import fail

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOURS = {1: 0, 3: 2}  # PNG's number for grey and for red, green, blue
GAP = 1  # white pixels between two pictures
WHITE = 255


def png(images: np.ndarray) -> bytes:
    """The images of [N, H, W] or [N, H, W, 1 or 3] in a grid. Floats go from 0, black, to 1; bytes
    stay; other whole numbers and truths are spread over their range. NetError E0521 for others."""
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[-1] not in COLOURS or not images.size:
        found = f"this is {images.dtype}{list(images.shape)}"
        raise fail("E0521", f"pictures are [N, H, W], or [N, H, W, 1 or 3], {found}")
    return encode(grid(as_bytes(images)))


def as_bytes(images: np.ndarray) -> np.ndarray:
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind == "f":
        return np.rint(np.clip(np.nan_to_num(images), 0, 1) * WHITE).astype(np.uint8)
    low, high = int(images.min()), int(images.max())
    return ((images.astype(np.int64) - low) * WHITE // max(high - low, 1)).astype(np.uint8)


def grid(images: np.ndarray) -> np.ndarray:
    """u8[height, width, channels]: the images row by row, in a square as far as they go."""
    count, height, width, channels = images.shape
    columns = ceil(sqrt(count))
    rows = ceil(count / columns)
    down, across = height + GAP, width + GAP
    page = np.full((rows * down - GAP, columns * across - GAP, channels), WHITE, np.uint8)
    for number, image in enumerate(images):
        top, left = number // columns * down, number % columns * across
        page[top : top + height, left : left + width] = image
    return page


def encode(page: np.ndarray) -> bytes:
    """A PNG of u8[height, width, channels]: each line unfiltered, all of them compressed."""
    height, width, channels = page.shape
    header = struct.pack(">IIBBBBB", width, height, 8, COLOURS[channels], 0, 0, 0)
    lines = np.zeros((height, 1 + width * channels), np.uint8)
    lines[:, 1:] = page.reshape(height, -1)
    pieces = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    return SIGNATURE + b"".join(chunk(kind, data) for kind, data in pieces)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
