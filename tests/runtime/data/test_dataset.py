"""Data sets are typed tables, split and shuffled by rule."""

import numpy as np
import pytest

from netc.compiler.diagnostics import NetError
from netc.runtime.data.dataset import Field, data_set, order, select, split_validation, words


def philox_4x64(seed, stream, count):
    """Philox4x64-10 as Salmon and others define it; NumPy's counter stands at 1 for the first."""
    mask = (1 << 64) - 1
    drawn = []
    for block in range(1, count // 4 + 2):
        c, k = [block, 0, 0, 0], [seed & mask, stream & mask]
        for _ in range(10):
            high, low = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
            c = [(low >> 64) ^ c[1] ^ k[0], low & mask, (high >> 64) ^ c[3] ^ k[1], high & mask]
            k = [(k[0] + 0x9E3779B97F4A7C15) & mask, (k[1] + 0xBB67AE8584CAA73B) & mask]
        drawn += c
    return drawn[:count]


@pytest.mark.parametrize("seed, epoch", [(0, 0), (1, 2), (-1, 7), (2**70 + 5, 2**40)])
def test_the_order_is_philox_sorted(seed, epoch):
    drawn = philox_4x64(seed, epoch, 101)
    assert words(seed, epoch, 101).tolist() == drawn
    assert order(seed, epoch, 101).tolist() == sorted(range(101), key=drawn.__getitem__)


def test_the_order_is_a_shuffle_that_differs_from_epoch_to_epoch():
    first, second = order(1, 0, 1000), order(1, 1, 1000)
    assert first.dtype == np.int64
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(1000))
    assert (first != second).mean() > 0.9 and (first != np.arange(1000)).mean() > 0.9
    assert order(1, 0, 0).tolist() == [] and order(1, 0, 1).tolist() == [0]


@pytest.mark.parametrize("dtype, netc", [
    ("u1", "u8"), ("?", "bool"), ("i1", "i32"), ("i8", "i32"), ("u8", "i32"), (">i4", "i32"),
    ("f2", "f16"), ("f4", "f32"), ("f8", "f32"), (">f8", "f32"), ("u2", "i32"),
])  # fmt: skip
def test_arrays_become_netc_types_in_c_order(dtype, netc):
    array = np.asfortranarray(np.array([[0, 1, 1], [1, 0, 1]], dtype))
    data = data_set("it", {"x": array})
    assert data.fields == (Field("x", netc, (3,)),)
    assert data.train["x"].flags.c_contiguous and data.train["x"].dtype.isnative
    assert data.train["x"].tolist() == array.tolist()
    assert str(data.fields[0]) == f"x: {netc}[N, 3]"


@pytest.mark.parametrize("arrays", [
    {}, {"x": np.float32(1)}, {"x": np.zeros((0, 3))}, {"x": np.zeros(3), "y": np.zeros(4)},
    {"x": np.array([2**31])}, {"x": np.array([-(2**31) - 1])}, {"x": np.array([2**64 - 1], "u8")},
    {"x": np.array([1e300])}, {"x": np.array(["a"])}, {"x": np.array([1j])},
    {"x": np.array(["2020-01-01"], "M8[D]")}, {"x": np.array([None])},
    {"x": np.zeros(2, [("a", "i4")])},
])  # fmt: skip
def test_arrays_that_make_no_table_are_refused(arrays):
    with pytest.raises(NetError, match="it: "):
        data_set("it", arrays)


def test_test_rows_must_look_like_training_rows():
    with pytest.raises(NetError, match="differ"):
        data_set("it", {"x": np.zeros((2, 3))}, {"x": np.zeros((2, 4))})


def test_validation_is_the_last_fifth():
    data = data_set("it", {"x": np.arange(10), "y": np.arange(10) * 2})
    train, validation = split_validation(data, 0.2)
    assert train.train["x"].tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert validation.train["x"].tolist() == [8, 9] and validation.train["y"].tolist() == [16, 18]
    assert (train.count, validation.count) == (8, 2)
    assert np.shares_memory(train.train["x"], data.train["x"])


@pytest.mark.parametrize("count, fraction", [(1, 0.5), (10, 0.0), (10, 1.0), (10, 1.5), (2, 0.6)])
def test_a_split_leaves_no_part_empty(count, fraction):
    with pytest.raises(NetError, match="empty"):
        split_validation(data_set("it", {"x": np.arange(count)}), fraction)


def test_a_program_selects_and_converts_fields():
    counts = np.arange(4, dtype=np.uint8)
    data = data_set("it", {"a": np.ones((4, 2)), "b": counts, "c": np.ones(4)})
    wanted = (Field("b", "i32", ()), Field("a", "f32", (0,)))
    chosen = select("it", data, wanted)
    assert chosen.fields == (Field("b", "i32", ()), Field("a", "f32", (2,)))
    assert chosen.train["b"].dtype == np.int32 and chosen.test is None
    for wrong in (Field("d", "f32", ()), Field("a", "f32", (3,)), Field("a", "f32", ())):
        with pytest.raises(NetError):
            select("it", data, (wrong,))


@pytest.mark.parametrize("values, dtype", [
    ([0.5], "i32"), ([300], "u8"), ([-1], "u8"), ([2], "bool"), ([1e6], "f16"),
    ([float("nan")], "i32"),
])  # fmt: skip
def test_values_that_a_type_cannot_hold_are_refused(values, dtype):
    data = data_set("it", {"x": np.array(values)})
    with pytest.raises(NetError, match="cannot hold"):
        select("it", data, (Field("x", dtype, ()),))
