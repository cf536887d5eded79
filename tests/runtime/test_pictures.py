"""Pictures as PNG files, read back chunk by chunk."""

import struct
import zlib

import numpy as np
import pytest

from netc.compiler.diagnostics import NetError
from netc.runtime.pictures import png


def decode(data: bytes) -> np.ndarray:
    """The pixels of a PNG of 8 bits whose lines have no filter."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, place = {}, 8
    while place < len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        body = data[place + 8 : place + 8 + length]
        (check,) = struct.unpack(">I", data[place + 8 + length : place + 12 + length])
        assert check == zlib.crc32(kind + body)
        chunks[kind] = body
        place += 12 + length
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, bits, colour, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert bits == 8 and rest == [0, 0, 0]
    channels = {0: 1, 2: 3}[colour]
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, -1)
    assert not lines[:, 0].any()
    return lines[:, 1:].reshape(height, width, channels)


def test_bytes_stay_what_they_are():
    image = np.random.default_rng(1).integers(0, 256, (1, 5, 7, 3), np.uint8)
    np.testing.assert_array_equal(decode(png(image)), image[0])


def test_several_pictures_lie_side_by_side():
    images = np.arange(5, dtype=np.uint8)[:, None, None] * np.ones((5, 2, 4), np.uint8)
    page = decode(png(images))[..., 0]
    assert page.shape == (2 * 3 - 1, 3 * 5 - 1)
    assert page[0, [0, 5, 10]].tolist() == [0, 1, 2]
    assert page[3, [0, 5, 10]].tolist() == [3, 4, 255]
    assert (page[2] == 255).all() and (page[:, 4] == 255).all()


def test_floats_go_from_0_to_1():
    image = np.array([[[-1.0, 0.0, 0.5, 1.0, 7.0, np.nan]]], np.float32)
    assert decode(png(image)).ravel().tolist() == [0, 0, 128, 255, 255, 0]


@pytest.mark.parametrize("image", ([[3, 5, 13]], [[-5, -3, 5]]))
def test_whole_numbers_are_spread_over_their_range(image):
    assert decode(png(np.array([image], np.int32))).ravel().tolist() == [0, 51, 255]


@pytest.mark.parametrize("shape", ((4, 5), (2, 3, 4, 2), (0, 3, 3), (1, 2, 3, 4, 5)))
def test_what_is_no_picture_is_refused(shape):
    with pytest.raises(NetError) as caught:
        png(np.zeros(shape, np.float32))
    assert "pictures are [N, H, W]" in caught.value.diagnostics[0].message
