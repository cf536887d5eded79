"""Named and generated data sets, by the name that a program uses."""

import gzip
import hashlib
import shutil
import struct
import time
from pathlib import Path

import numpy as np
import pytest

from netc.compiler.diagnostics import NetError
from netc.compiler.language.data import SOURCES as NAMED_IN_PROGRAMS
from netc.runtime.data.named import MNIST
from netc.runtime.data.sources import SOURCES, open_source

EXAMPLES = Path(__file__).parents[3] / "examples"
FOLDER = EXAMPLES / "data" / "mnist"


def message_of(*arguments, **named):
    with pytest.raises(NetError) as caught:
        open_source(*arguments, **named)
    return caught.value.diagnostics[0].message


def test_mnist_loads_as_bytes_in_under_a_second():
    began = time.process_time()
    data = open_source("mnist", ("data/mnist",), beside=EXAMPLES)
    assert time.process_time() - began < 1
    assert [str(field) for field in data.fields] == ["image: u8[N, 28, 28, 1]", "label: i32[N]"]
    assert (data.count, len(data.test["label"])) == (60_000, 10_000)
    assert data.train["image"].flags.c_contiguous
    plain = gzip.decompress((FOLDER / "t10k-images-idx3-ubyte.gz").read_bytes())
    assert data.test["image"].tobytes() == plain[16:]
    assert data.train["label"][:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(data.test["label"]).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip


def test_the_hashes_are_those_of_the_bundled_files():
    for name, (compressed, plain, _) in MNIST.items():
        data = (FOLDER / f"{name}.gz").read_bytes()
        assert hashlib.sha256(data).hexdigest() == compressed
        assert hashlib.sha256(gzip.decompress(data)).hexdigest() == plain


def test_mnist_takes_uncompressed_files_and_refuses_others(tmp_path):
    for name in MNIST:
        shutil.copy(FOLDER / f"{name}.gz", tmp_path)
    label = tmp_path / "t10k-labels-idx1-ubyte.gz"
    plain = gzip.decompress(label.read_bytes())
    label.unlink()
    assert str(label) in message_of("mnist", (str(tmp_path),))
    label.with_suffix("").write_bytes(plain)
    assert len(open_source("mnist", (str(tmp_path),)).test["label"]) == 10_000
    label.with_suffix("").write_bytes(plain[:-1] + b"\0")
    assert "sha256" in message_of("mnist", (str(tmp_path),))


def test_cifar10_reads_planes_as_pixels(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), np.uint8)
    for number in range(6):
        name = f"data_batch_{number + 1}.bin" if number < 5 else "test_batch.bin"
        rows = range(2 * number, 2 * number + 2)
        planes = b"".join(bytes([n % 10]) + image[n].transpose(2, 0, 1).tobytes() for n in rows)
        (tmp_path / name).write_bytes(planes)
    data = open_source("cifar10", (str(tmp_path),))
    assert np.array_equal(data.train["image"], image[:10])
    assert data.train["image"].flags.c_contiguous
    assert data.test["label"].tolist() == [0, 1]
    (tmp_path / "test_batch.bin").write_bytes(b"short")
    assert "test_batch.bin" in message_of("cifar10", (str(tmp_path),))


def test_fashion_takes_any_four_files_of_28_by_28(tmp_path):
    for name in MNIST:
        shape = (3, 28, 28) if "images" in name else (3,)
        head = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
        (tmp_path / name).write_bytes(head + bytes(int(np.prod(shape))))
    assert open_source("fashion_mnist", (str(tmp_path),)).count == 3
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(b"\0\0\x08\2" + b"\0\0\0\1" * 2 + b"a")
    assert "28 x 28" in message_of("fashion_mnist", (str(tmp_path),))


def test_idx_takes_images_and_labels():
    names = ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")
    paths = tuple(str(FOLDER / name) for name in names)
    data = open_source("idx", paths)
    assert [str(field) for field in data.fields] == ["image: u8[N, 28, 28]", "label: i32[N]"]


@pytest.mark.parametrize("name, options", [
    ("blobs", {"count": 300, "features": 5, "classes": 4}),
    ("shapes_on_canvas", {"count": 800, "size": 16, "channels": 3, "classes": 8}),
])  # fmt: skip
def test_generated_sets_are_the_same_for_a_seed(name, options):
    one, same, other = (open_source(name, options={**options, "seed": s}) for s in (1, 1, 2))
    for part in ("train", "test"):
        for field in one.fields:
            array = getattr(one, part)[field.name]
            assert np.array_equal(array, getattr(same, part)[field.name])
            if field.name != "label":
                assert not np.array_equal(array, getattr(other, part)[field.name])
    assert one.count == options["count"] and len(one.test["label"]) == one.count // 5
    assert set(one.train["label"].tolist()) == set(range(options["classes"]))


def test_blobs_can_be_told_apart():
    data = open_source("blobs", (900, 4, 3, 7))
    centres = np.stack([data.train["x"][data.train["label"] == k].mean(0) for k in range(3)])
    distance = ((data.test["x"][:, None] - centres) ** 2).sum(-1)
    assert (distance.argmin(1) == data.test["label"]).mean() > 0.95


def test_shapes_have_the_pixels_of_their_class():
    data = open_source("shapes_on_canvas", (80, 32, 1, 8))
    for image, label in zip(data.train["image"][..., 0], data.train["label"], strict=True):
        inside = image >= 128
        rows, columns = np.where(inside)
        box = inside[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        height, width = box.shape
        share, wide = box.mean(), width / height
        expected = {0: share == 1, 1: 0.7 < share < 0.9, 2: wide > 2, 3: wide < 0.5, 4: share < 0.6,
                    5: box[0, 0] and box[-1, -1] and share < 0.7,
                    6: not box[height // 2, width // 2] and not box[0, 0],
                    7: not box[height // 2, width // 2] and box[0, 0]}  # fmt: skip
        assert expected[int(label)], (label, box)


@pytest.mark.parametrize("name, arguments, options", [
    ("mnits", ("data",), {}), ("mnist", (), {}), ("mnist", (3,), {}), ("mnist", ("a", "b"), {}),
    ("mnist", ("a",), {"b": 1}), ("idx", ("a", "b", "c"), {}), ("csv", ("",), {}),
    ("blobs", (), {}), ("blobs", (0,), {}), ("blobs", (-5,), {}), ("blobs", (1.5,), {}),
    ("blobs", (True,), {}), ("blobs", ("a",), {}), ("blobs", (10,), {"count": 10}),
    ("blobs", (10,), {"size": 10}), ("blobs", (1, 2, 3, 4, 5), {}), ("blobs", (1 << 70,), {}),
    ("blobs", (10**5000,), {}), ("text", (__file__,), {}), ("text", (__file__, 0), {}),
    ("text", (__file__, 1 << 40), {}), ("dates", (0,), {}), ("dates", (1 << 50,), {}),
    ("reviews", (0,), {}), ("clicks", (0,), {}), ("clicks", (1 << 21,), {}),
    ("ratings", (__file__,), {}), ("digits_on_canvas", (str(FOLDER), 30), {}),
    ("digits_on_canvas", (str(FOLDER), 64, 7), {}), ("digits_on_canvas", (str(FOLDER), -64), {}),
    ("blobs", (10, 1 << 40), {}), ("blobs", (10, 2, 1 << 40), {}),
    ("shapes_on_canvas", (10, 7), {}), ("shapes_on_canvas", (10, 1 << 20), {}),
    ("shapes_on_canvas", (10, 16, 1, 9), {}), ("shapes_on_canvas", (10, 16, 0), {}),
])  # fmt: skip
def test_wrong_calls_are_net_errors(name, arguments, options):
    assert message_of(name, arguments, options)


def test_a_misspelt_source_is_corrected():
    with pytest.raises(NetError) as caught:
        open_source("mnits", ("data",))
    assert caught.value.diagnostics[0].helps == ("did you mean `mnist`?",)


def test_there_is_data_for_every_source_of_the_language():
    assert sorted(SOURCES) == sorted(NAMED_IN_PROGRAMS)
