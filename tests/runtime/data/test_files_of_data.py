"""Each format comes back as written; damaged and hostile files are one clear error."""

import gzip
import io
import json
import random
import struct
import time
import zipfile

import numpy as np
import pytest

from netc.compiler.diagnostics import NetError
from netc.runtime.data.csv import read_csv
from netc.runtime.data.idx import read_idx
from netc.runtime.data.npz import read_arrays, read_npz
from netc.runtime.data.reading import find_file, find_folder
from netc.runtime.data.sources import open_source, read_file

IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def idx_bytes(code, array):
    head = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
    return head + array.astype(IDX_TYPES[code]).tobytes()


def message_of(call, *arguments):
    with pytest.raises(NetError) as caught:
        call(*arguments)
    return caught.value.diagnostics[0].message


@pytest.mark.parametrize("code", IDX_TYPES)
def test_idx_files_come_back(tmp_path, code):
    array = np.arange(24).reshape(2, 3, 4)
    (tmp_path / "a").write_bytes(idx_bytes(code, array))
    (tmp_path / "a.gz").write_bytes(gzip.compress(idx_bytes(code, array)))
    for name in ("a", "a.gz"):
        assert read_idx(tmp_path / name).tolist() == array.tolist()


@pytest.mark.parametrize("data, reason", [
    (b"", "within its header"),
    (b"\0\0\x08", "within its header"),
    (b"\0\1\x08\1\0\0\0\0", "not an IDX"),
    (b"\0\0\x07\1\0\0\0\0", "not an IDX"),
    (b"\0\0\x08\0", "0 axes"),
    (b"\0\0\x08\xff", "255 axes"),
    (b"\0\0\x08\1\0\0\0\3ab", "ends after 2 of 3"),
    (b"\0\0\x08\1\0\1\0\3ab", "more than the file can hold"),
    (b"\0\0\x08\1\0\0\0\3abcd", "bytes after"),
    (b"\0\0\x0e\3" + b"\xff" * 12, "more than the limit"),
    (gzip.compress(b"\0\0\x08\1\0\0\0\3ab", mtime=0), "ends after 2 of 3"),
    (gzip.compress(b"\0\0\x08\1\0\0\0\3abcd", mtime=0), "bytes after"),
    (gzip.compress(b"\0\0\x08\1\0\0\0\3abc", mtime=0)[:-9], "ended before"),
    (gzip.compress(b"\0\0\x08\1\7\0\0\0", mtime=0), "more than the file can hold"),
    (gzip.compress(b"\0\0\x08\1\0\0\0\3" + bytes(5_000_000), mtime=0), "bytes after"),
])  # fmt: skip
def test_idx_files_that_lie_are_refused_at_once(tmp_path, data, reason):
    path = tmp_path / "file"
    path.write_bytes(data)
    began = time.process_time()
    message = message_of(read_idx, path)
    assert reason in message and str(path) in message
    assert time.process_time() - began < 1


def test_npz_files_come_back_with_their_fields(tmp_path):
    x, y = np.arange(12.0).reshape(4, 3), np.arange(4)
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", x=x, y=y)
        data = read_npz(tmp_path / "a.npz")
        assert [str(field) for field in data.fields] == ["x: f32[N, 3]", "y: i32[N]"]
        assert data.train["x"].tolist() == x.tolist() and data.test is None
    np.savez(tmp_path / "b.npz", x_train=x, x_test=x[:1], y_train=y, y_test=y[:1])
    data = read_file(tmp_path / "b.npz")
    assert data.count == 4 and data.test["y"].tolist() == [0]
    np.save(tmp_path / "points.npy", np.asfortranarray(x))
    assert read_file(tmp_path / "points.npy").train["points"].tolist() == x.tolist()


class Trap:
    """Runs code when it is unpacked by the format that netc never unpacks."""

    def __reduce__(self):
        return (print, ("the trap is sprung",))


def test_python_objects_are_not_loaded(tmp_path, capsys):
    np.save(tmp_path / "a.npy", np.array([Trap()]), allow_pickle=True)
    np.savez(tmp_path / "b.npz", x=np.array([Trap()]))
    for name in ("a.npy", "b.npz"):
        assert "Python objects" in message_of(read_npz, tmp_path / name)
    assert capsys.readouterr().out == ""


def npy_bytes(shape, data=b"", dtype="<f8"):
    head = str({"descr": dtype, "fortran_order": False, "shape": shape}).encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(head) + 1) + head + b"\n" + data


SHAPES = [(1 << 62, 1 << 62), (1 << 40,), (10**9,), (3,), (-3,), (3,) * 70]


@pytest.mark.parametrize("shape", SHAPES)
def test_npy_headers_that_lie_are_refused_at_once(tmp_path, shape):
    (tmp_path / "a.npy").write_bytes(npy_bytes(shape, bytes(16)))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", npy_bytes(shape, bytes(16)))
    began = time.process_time()
    for name in ("a.npy", "a.npz"):
        message = message_of(read_npz, tmp_path / name)
        assert name in message
        assert "its header declares" in message
    assert time.process_time() - began < 1


def test_bytes_after_an_array_are_refused(tmp_path):
    (tmp_path / "a.npy").write_bytes(npy_bytes((2,), bytes(17)))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", npy_bytes((2,), bytes(17)))
    for name in ("a.npy", "a.npz"):
        assert "declares 16 bytes of values, it holds 17" in message_of(read_npz, tmp_path / name)


def test_every_byte_of_an_npz_counts(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.full(50, 7, np.uint8))
    data = bytearray(path.read_bytes())
    data[data.index(bytes([7] * 50)) + 49] = 8
    path.write_bytes(data)
    assert "CRC" in message_of(read_npz, path)


def test_csv_columns_are_typed(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("user, item,rating\n1,2,3.5\n -4,+5,1e3\n7,2147483647,.5\n", "utf-8-sig")
    data = read_csv(path)
    assert [str(field) for field in data.fields] == ["user: i32[N]", "item: i32[N]",
                                                     "rating: f32[N]"]  # fmt: skip
    assert data.train["user"].tolist() == [1, -4, 7]
    assert data.train["item"].tolist() == [2, 5, 2147483647]
    assert data.train["rating"].tolist() == [3.5, 1000.0, 0.5]
    fixed = read_csv(path, {"user": "f32"})
    assert fixed.train["user"].dtype == np.float32


@pytest.mark.parametrize("text, words", [
    ("", "0 columns"),
    ("a,b\n", "no rows"),
    ("a,b\n1,2\n3\n", "line 3: 1 cells"),
    ("a,b\n1,2\n\n3,4\n", "line 3: 0 cells"),
    ("a,b\n1,2\n3,4,5\n", "line 3: 3 cells"),
    ("a,b\n1,2\n3,x\n", "line 3, column `b`: 'x' is not"),
    ("a,b\n1,2\n3,\n", "line 3, column `b`: an empty cell"),
    ("a,b\n1,2.5\n3,1_0\n", "line 3, column `b`: '1_0'"),
    ("a,b\n1,2.5\n3,nan\n", "line 3, column `b`: 'nan'"),
    ("a,b\n1,2.5\n3,1e999\n", "line 3, column `b`: '1e999'"),
    ("a\n2147483648\n", "line 2, column `a`"),
    ("a\n" + "9" * 5000 + "\n", "line 2, column `a`"),
    ("a\n٣\n", "line 2, column `a`"),
    ("1,2\n3,4\n", "line 1, column 1: '1' cannot name"),
    ("a,a\n3,4\n", "line 1, column 2: 'a' cannot name"),
    ('a,b\n1,"2\n', "line 2"),
    ("a,b\n1,2\0\n", ""),
    ("a\n" + "1" * 200_000 + "\n", "line 2"),
])  # fmt: skip
def test_csv_errors_name_line_and_column(tmp_path, text, words):
    path = tmp_path / "a.csv"
    path.write_text(text)
    message = message_of(read_csv, path)
    assert words in message and str(path) in message and len(message) < 400


def test_csv_of_other_encodings_or_types_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"a\n\xff\n")
    assert str(path) in message_of(read_csv, path)
    path.write_bytes(b"a\n1.5\n")
    assert "whole number" in message_of(read_csv, path, {"a": "i32"})
    assert "no column `b`" in message_of(read_csv, path, {"b": "i32"})


def good_files():
    numbers = np.arange(60, dtype=np.uint8).reshape(5, 3, 4)
    npz, packed, npy = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.savez(npz, x=numbers, y=np.arange(5))
    np.savez_compressed(packed, x=numbers, y=np.arange(5))
    np.save(npy, numbers)
    rows = "".join(f"{n},{n / 3}\n" for n in range(12))
    return {
        "idx": (read_idx, idx_bytes(0x08, numbers)),
        "idx.gz": (read_idx, gzip.compress(idx_bytes(0x08, numbers))),
        "npz": (read_npz, npz.getvalue()),
        "packed.npz": (read_npz, packed.getvalue()),
        "npy": (read_npz, npy.getvalue()),
        "csv": (read_csv, f"a,b\n{rows}".encode()),
    }


@pytest.mark.parametrize("name", good_files())
def test_mutated_files_give_data_or_one_clear_error(tmp_path, name):
    read, good = good_files()[name]
    path = tmp_path / "file"
    chance = random.Random(name)
    refused = 0
    for _ in range(300):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 4)):
            place = chance.randrange(len(data))
            data[place : place + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        path.write_bytes(data[: chance.randrange(len(data))] if chance.random() < 0.2 else data)
        try:
            read(path)
        except NetError as error:
            refused += 1
            assert str(path) in error.diagnostics[0].message
            assert "\n" not in error.diagnostics[0].message
    assert refused > 30


def test_files_are_looked_for_beside_the_program_first(tmp_path, monkeypatch):
    beside, here = tmp_path / "nets", tmp_path / "here"
    for folder in (beside, here):
        (folder / "data").mkdir(parents=True)
        (folder / "data" / "both.csv").write_text("a\n1\n")
    (here / "data" / "here.csv").write_text("a\n2\n")
    monkeypatch.chdir(here)
    assert find_file("data/both.csv", beside) == beside / "data" / "both.csv"
    assert find_file("data/here.csv", beside).resolve() == here / "data" / "here.csv"
    assert open_source("csv", ("data/here.csv",), beside=beside).train["a"].tolist() == [2]
    assert find_file(str(beside / "data" / "both.csv"), here).exists()


def test_a_missing_file_is_named_with_what_to_do(tmp_path):
    (tmp_path / "points.npz").write_bytes(b"")
    with pytest.raises(NetError) as caught:
        find_file("point.npz", tmp_path)
    found = caught.value.diagnostics[0]
    assert str(tmp_path / "point.npz") in found.message
    assert found.helps == (f"did you mean `{tmp_path / 'points.npz'}`?",)
    assert "is not a file" in message_of(find_file, str(tmp_path))
    assert "is not a folder" in message_of(find_folder, "points.npz", tmp_path)
    for name in ("x" * 300, "a\0b", "no/folder/here", ""):
        message_of(find_file, name, tmp_path)


def test_a_message_can_be_given_to_a_machine(tmp_path):
    json.dumps(message_of(find_file, "\ud800", tmp_path))


def test_reading_loads_nothing_but_what_the_reader_gives(tmp_path):
    np.savez(tmp_path / "a.npz", **{"../x": np.arange(3)})
    assert list(read_arrays(tmp_path / "a.npz")) == ["../x"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]
