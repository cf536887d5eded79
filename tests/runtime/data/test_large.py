"""Data that memory should not hold: the same rows as in memory, read from where they lie."""

import struct
import zipfile

import numpy as np
import pyarrow as arrow
import pytest
from pyarrow import parquet

import netc.runtime.data.idx
import netc.runtime.data.npz
import netc.runtime.data.spool
from netc.compiler.diagnostics import NetError
from netc.runtime.data.csv import read_csv
from netc.runtime.data.dataset import as_netc, order
from netc.runtime.data.idx import read_idx
from netc.runtime.data.npz import read_npz
from netc.runtime.data.parquet import read_parquet
from netc.runtime.data.spool import Spool, is_in_file, pieces

RANDOM = np.random.default_rng(0)


@pytest.fixture
def little_memory(monkeypatch):
    """Arrays of more than 1,000 bytes stay in files, and are converted 500 bytes at a time."""
    for module in (netc.runtime.data.spool, netc.runtime.data.npz, netc.runtime.data.idx):
        monkeypatch.setattr(module, "most_in_memory", lambda: 1000)
    monkeypatch.setattr(netc.runtime.data.spool, "PIECE", 500)


def test_a_spool_is_one_array_wherever_it_lies():
    parts = [RANDOM.normal(size=(n, 3)).astype(np.float32) for n in (1, 50, 0, 49)]
    for limit, in_file in ((10_000, False), (600, True), (0, True)):
        spool = Spool(np.float32, (3,), limit)
        for part in parts:
            spool.append(part)
        found = spool.array()
        assert is_in_file(found) == in_file
        assert np.array_equal(found, np.concatenate(parts))


def test_pieces_are_the_array(little_memory, tmp_path):
    array = np.memmap(tmp_path / "a", np.int32, "w+", 0, (333, 2))
    array[:] = np.arange(666).reshape(333, 2)
    found = list(pieces(array))
    assert len(found) == 6 and np.array_equal(np.concatenate(found), array)
    assert len(list(pieces(np.array(array)))) == 1


@pytest.mark.parametrize("dtype", ["<f4", "<f8", ">f4", "<i8", "u1", "?"])
@pytest.mark.parametrize("kind", ["npy", "npz", "compressed", "idx"])
def test_files_give_the_same_rows(little_memory, tmp_path, dtype, kind):
    array = (100 * RANDOM.random((2000, 3))).astype(dtype)
    path = tmp_path / "a.npz"
    if kind == "npy":
        path = tmp_path / "a.npy"
        np.save(path, array)
    elif kind == "npz":
        np.savez(path, a=array, b=np.arange(2000))
    elif kind == "compressed":
        np.savez_compressed(path, a=array, b=np.arange(2000))
    elif dtype not in ("u1", ">f4"):
        return
    else:
        code = {"u1": 0x08, ">f4": 0x0D}[dtype]
        path.write_bytes(struct.pack(">HBB2I", 0, code, 2, *array.shape) + array.tobytes())
    found = as_netc("a", read_idx(path)) if kind == "idx" else read_npz(path).train["a"]
    assert is_in_file(found) == (kind != "compressed")
    expected = as_netc("a", array)
    assert found.dtype == expected.dtype and np.array_equal(found, expected)
    rows = order(1, 1, 2000)[:7]
    assert np.array_equal(found[rows], expected[rows])


def test_numbers_that_do_not_fit_are_found_in_any_piece(little_memory, tmp_path):
    array = np.zeros((2000, 3))
    array[1777, 1] = 1e300
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(NetError) as caught:
        read_npz(tmp_path / "a.npy")
    assert "do not fit f32" in caught.value.diagnostics[0].message


@pytest.mark.parametrize("change", [b"", b"x"])
def test_a_large_file_of_another_length_is_refused(little_memory, tmp_path, change):
    np.save(tmp_path / "a.npy", np.zeros((2000, 3)))
    data = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(data + change if change else data[:-1])
    with pytest.raises(NetError) as caught:
        read_npz(tmp_path / "a.npy")
    assert "its header declares 48000 bytes" in caught.value.diagnostics[0].message


def test_a_member_whose_place_is_wrong_is_refused(little_memory, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        np.save(tmp_path / "b.npy", np.zeros(2000))
        archive.write(tmp_path / "b.npy", "b.npy")
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[0:4] = b"PK\x03\x04"
    data[26] = 77  # the length of the name
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(NetError):
        read_npz(tmp_path / "a.npz")


def test_a_large_csv_is_read_in_chunks(little_memory, tmp_path, monkeypatch):
    monkeypatch.setattr("netc.runtime.data.csv.CELLS_AT_ONCE", 100)
    numbers, words = np.arange(3000), RANDOM.normal(size=3000)
    last = [*map(str, range(2999)), "0.5"]
    rows = zip(numbers, words.tolist(), last, strict=True)
    cells = [f"{n},{w!r},{text}" for n, w, text in rows]
    (tmp_path / "a.csv").write_text("n,w,late\n" + "\n".join(cells) + "\n")
    data = read_csv(tmp_path / "a.csv").train
    assert all(is_in_file(array) for array in data.values())
    assert {name: array.dtype.name for name, array in data.items()} == {
        "n": "int32", "w": "float32", "late": "float32",
    }  # fmt: skip
    assert np.array_equal(data["n"], numbers)
    assert np.array_equal(data["w"], words.astype(np.float32))
    assert data["late"][2998:].tolist() == [2998, 0.5]


def test_a_large_parquet_file_is_read_in_groups(little_memory, tmp_path, monkeypatch):
    monkeypatch.setattr("netc.runtime.data.parquet.ROWS_AT_ONCE", 128)
    x = RANDOM.normal(size=(1000, 4))
    table = arrow.table({"x": list(x), "y": np.arange(1000)})
    parquet.write_table(table, tmp_path / "a.parquet")
    data = read_parquet(tmp_path / "a.parquet").train
    assert is_in_file(data["x"]) and np.array_equal(data["x"], x.astype(np.float32))
    assert data["y"].dtype == np.int32 and data["y"].tolist() == list(range(1000))
