"""Parquet, folders of images, and second files of test rows: what comes back, what is refused."""

import gzip

import numpy as np
import pyarrow as arrow
import pytest
from PIL import Image
from pyarrow import parquet

from netc.compiler.diagnostics import NetError
from netc.runtime.data.dataset import split_validation
from netc.runtime.data.images import images
from netc.runtime.data.parquet import read_parquet
from netc.runtime.data.sources import open_source, read_file

RANDOM = np.random.default_rng(0)


def fault(call, *arguments, **named):
    with pytest.raises(NetError) as caught:
        call(*arguments, **named)
    return caught.value.diagnostics[0]


# --- Parquet ------------------------------------------------------------------------------------


def write(path, **columns):
    parquet.write_table(arrow.table(columns), path)
    return path


def test_a_parquet_file_comes_back(tmp_path):
    grid = [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
    path = write(
        tmp_path / "a.parquet", n=[1, 2], f=[0.5, 1.5], flag=[True, False], grid=grid,
        small=arrow.array([7, 8], arrow.uint8()), word=["a", "b"],
    )  # fmt: skip
    data = read_file(path)
    assert [str(field) for field in data.fields] == [
        "n: i32[N]", "f: f32[N]", "flag: bool[N]", "grid: i32[N, 2, 2]", "small: u8[N]",
    ]  # fmt: skip
    assert data.train["grid"].tolist() == grid and data.train["f"].tolist() == [0.5, 1.5]
    assert [str(one) for one in read_parquet(path, ("f", "n")).fields] == ["n: i32[N]", "f: f32[N]"]


@pytest.mark.parametrize(
    "columns, wanted, code, told",
    [
        ({"a": [1.0, None, 2.0]}, None, "E0505", "row 2, column `a` is empty"),
        ({"a": [[1, 2], [1]]}, None, "E0505", "row 2, column `a` has 1 numbers, others 2"),
        ({"a": [[1], [None]]}, None, "E0505", "column `a` is empty"),
        ({"a": [1 << 40]}, None, "E0507", "do not fit i32"),
        ({"a": ["x"]}, None, "E0506", "no rows"),
        ({"a": ["x"], "b": [1]}, ("a",), "E0507", "column `a` is string, not numbers"),
        ({"price": [1]}, ("prize",), "E0503", "no column `prize`"),
        ({"a": arrow.array([], arrow.int32())}, None, "E0506", "no rows"),
    ],
)
def test_what_is_wrong_with_a_column_is_told(tmp_path, columns, wanted, code, told):
    path = write(tmp_path / "a.parquet", **columns)
    found = fault(read_parquet, path, wanted)
    assert found.code == code and told in found.message and str(path) in found.message


def test_damaged_parquet_files_are_one_clear_error(tmp_path):
    path = write(tmp_path / "a.parquet", a=list(range(2000)), b=[0.5] * 2000)
    whole, tried = path.read_bytes(), 0
    for _ in range(300):
        data = bytearray(whole)
        for place in RANDOM.integers(0, len(data), 3):
            data[place] = RANDOM.integers(256)
        path.write_bytes(data[: RANDOM.integers(1, len(data))] if tried % 3 == 0 else data)
        tried += 1
        try:
            read_parquet(path)
        except NetError as error:
            assert str(path) in error.diagnostics[0].message
    assert tried == 300


# --- folders of images --------------------------------------------------------------------------


def picture(path, size=(6, 5), colour=0, mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)


def test_each_sub_folder_is_a_class(tmp_path):
    picture(tmp_path / "pets/dog/1.png", colour=(1, 2, 3))
    picture(tmp_path / "pets/cat/b.ppm", colour=(4, 5, 6))
    picture(tmp_path / "pets/cat/a.BMP", colour=(7, 8, 9))
    (tmp_path / "pets/cat/notes.txt").write_text("no image")
    data = open_source("images", ("pets",), beside=tmp_path)
    assert [str(one) for one in data.fields] == ["image: u8[N, 5, 6, 3]", "label: i32[N]"]
    pairs = zip(data.train["image"][:, 4, 5].tolist(), data.train["label"].tolist(), strict=True)
    assert sorted(pairs) == [([1, 2, 3], 1), ([4, 5, 6], 0), ([7, 8, 9], 0)]
    assert data.test is None
    grey = images(str(tmp_path / "pets"), channels=1)
    assert grey.fields[0].shape == (5, 6, 1)


def test_validation_holds_back_some_of_each_class(tmp_path):
    for name in ("a", "b"):
        for number in range(20):
            picture(tmp_path / name / f"{number}.png")
    data = images(str(tmp_path))
    _, held_back = split_validation(data, 0.4)
    assert 4 <= held_back.train["label"].sum() <= 12


def test_train_and_test_are_parts(tmp_path):
    picture(tmp_path / "train/cat/1.png", colour=9, mode="L")
    picture(tmp_path / "train/dog/1.png", colour=8, mode="L")
    picture(tmp_path / "test/dog/1.png", colour=7, mode="L")
    assert "train` has a class `cat`" in fault(images, str(tmp_path), channels=1).message
    picture(tmp_path / "test/cat/1.png", colour=6, mode="L")
    data = images(str(tmp_path), channels=1)
    for part, colours in ((data.train, [9, 8]), (data.test, [6, 7])):
        assert part["image"][:, 0, 0, 0].tolist() == [colours[label] for label in part["label"]]
        assert sorted(part["label"]) == [0, 1]
    picture(tmp_path / "test/fox/1.png")
    assert "has a class `fox`" in fault(images, str(tmp_path)).message


def test_a_size_scales_and_cuts(tmp_path):
    pixels = np.zeros((8, 24, 3), np.uint8)
    pixels[:, 8:16] = 200  # the middle third is what is left
    (tmp_path / "a").mkdir()
    Image.fromarray(pixels).save(tmp_path / "a/1.png")
    picture(tmp_path / "a/2.png", (3, 9), (5, 5, 5))
    data = images(str(tmp_path), size=4)
    assert data.train["image"].shape == (2, 4, 4, 3)
    wide, high = sorted(data.train["image"], key=lambda image: -int(image.max()))
    assert wide[:, 1:3].min() == 200 and (high == 5).all()


def test_what_is_wrong_with_a_folder_is_told(tmp_path):
    folder = str(tmp_path)
    assert "no classes" in fault(images, folder).message
    picture(tmp_path / "1.png")
    assert fault(images, folder).notes == ("it holds 1 images, but no sub-folder",)
    (tmp_path / "cat").mkdir()
    found = fault(images, folder)
    assert "no images in" in found.message and found.notes == ("it is empty",)
    picture(tmp_path / "cat/1.png", (6, 5))
    picture(tmp_path / "cat/2.png", (9, 7))
    found = fault(images, folder)
    told = {
        "1.png` has 5 x 6 pixels, others have 7 x 9",
        "2.png` has 7 x 9 pixels, others have 5 x 6",
    }
    assert any(one in found.message for one in told)
    assert found.helps == ("one size for all: images(..., size=5)",)
    noise = RANDOM.integers(0, 256, (40, 40, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "cat/2.png")
    data = (tmp_path / "cat/2.png").read_bytes()
    for wrong in (b"", b"no image", data[:30], data[:2000]):
        (tmp_path / "cat/2.png").write_bytes(wrong)
        found = fault(images, folder)
        assert found.code == "E0502" and "2.png" in found.message
    assert "`channels` is 1" in fault(images, folder, channels=2).message
    assert "no folder" in fault(images, str(tmp_path / "none")).message


def test_without_its_library_a_source_says_what_to_install(tmp_path, monkeypatch):
    picture(tmp_path / "cat/1.png")
    path = write(tmp_path / "a.parquet", a=[1])
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    assert fault(images, str(tmp_path)).helps == ("pip install 'netc[image]'",)
    assert fault(read_parquet, path).helps == ("pip install 'netc[parquet]'",)


# --- a second file ------------------------------------------------------------------------------


def test_a_second_file_holds_the_test_rows(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n3,4\n")
    (tmp_path / "b.csv").write_text("y,x,more\n6,5,text\n")
    data = open_source("csv", ("a.csv",), {"test": "b.csv"}, beside=tmp_path, wanted=("x", "y"))
    assert data.train["x"].tolist() == [1, 3]
    assert {name: array.tolist() for name, array in data.test.items()} == {"x": [5], "y": [6]}
    found = fault(open_source, "csv", ("a.csv",), {"test": "b.csv"}, beside=tmp_path)
    assert found.code in ("E0505", "E0506")


def test_idx_and_text_have_test_files_too(tmp_path):
    head = b"\0\0\x08\x03\0\0\0\2\0\0\0\1\0\0\0\1"
    (tmp_path / "i").write_bytes(head + b"\1\2")
    (tmp_path / "l").write_bytes(gzip.compress(b"\0\0\x08\x01\0\0\0\2\3\4"))
    options = {"test": "i", "test_labels": "l"}
    data = open_source("idx", ("i", "l"), options, beside=tmp_path)
    assert data.test["image"].ravel().tolist() == [1, 2] and data.test["label"].tolist() == [3, 4]
    (tmp_path / "t").write_text("abcdefg")
    data = open_source("text", ("t",), {"window": 3, "test": "t"}, beside=tmp_path)
    assert data.test["token"].shape == (2, 3)
