"""What the driver is told of a matrix, and that it writes where it may."""

import ctypes
import importlib
from types import SimpleNamespace

import pytest

from netc.compiler.build.nvrtc import load_nvrtc
from netc.compiler.targets.cuda_launches import Matrix
from netc.runtime import cuda_tensor_map
from netc.runtime.cuda_driver import DriverError
from netc.runtime.cuda_tensor_map import DATA_TYPES, encode_by_driver

MATRIX = Matrix("bf16", lines=100, line=24, line_bytes=48, box_lines=128, box_line=64)


@pytest.fixture
def told(monkeypatch):
    """What a stand-in for the driver's library was called with; it writes 1, 2, 3 ..."""
    calls = []

    def encode(place, *arguments) -> int:
        calls.append((place.value, *arguments))
        ctypes.memmove(place, bytes(range(1, 129)), 128)
        return 0

    library = SimpleNamespace(cuTensorMapEncodeTiled=encode)
    monkeypatch.setattr(cuda_tensor_map.ctypes, "CDLL", lambda name: library)
    return calls


def test_the_driver_is_told_sizes_strides_and_boxes(told):
    assert encode_by_driver(0x7000, MATRIX) == bytes(range(1, 129))
    ((place, kind, rank, address, sizes, strides, box, steps, *rest),) = told
    assert (kind.value, rank.value, address.value) == (9, 2, 0x7000)
    assert (list(sizes), list(strides)) == ([24, 100], [48])
    assert (list(box), list(steps)) == ([64, 128], [1, 1])
    assert [entry.value for entry in rest] == [0, 3, 3, 0]


def test_the_driver_writes_at_a_multiple_of_64_bytes(told):
    for address in range(256, 4096, 256):
        encode_by_driver(address, MATRIX)
    assert {call[0] % 64 for call in told} == {0} and len(told) == 15


def test_what_the_driver_refuses_is_told(monkeypatch):
    library = SimpleNamespace(cuTensorMapEncodeTiled=lambda *_: 1)
    monkeypatch.setattr(cuda_tensor_map.ctypes, "CDLL", lambda name: library)
    with pytest.raises(DriverError, match="cuTensorMapEncodeTiled fails with 1 for"):
        encode_by_driver(256, MATRIX)


def test_the_numbers_are_those_of_the_bindings():
    load_nvrtc()  # says what to install where there are no bindings
    driver = importlib.import_module("cuda.bindings.driver")
    kinds = driver.CUtensorMapDataType
    names = {"f16": "FLOAT16", "tf32": "FLOAT32", "bf16": "BFLOAT16"}
    for element, name in names.items():
        assert DATA_TYPES[element] == int(getattr(kinds, f"CU_TENSOR_MAP_DATA_TYPE_{name}"))
    for value, kind, name in (
        (cuda_tensor_map.NO_INTERLEAVING, "Interleave", "INTERLEAVE_NONE"),
        (cuda_tensor_map.SWIZZLE_128, "Swizzle", "SWIZZLE_128B"),
        (cuda_tensor_map.PROMOTE_TO_256, "L2promotion", "L2_PROMOTION_L2_256B"),
        (cuda_tensor_map.ZEROS_OUTSIDE, "FloatOOBfill", "FLOAT_OOB_FILL_NONE"),
    ):
        assert value == int(getattr(getattr(driver, f"CUtensorMap{kind}"), f"CU_TENSOR_MAP_{name}"))
