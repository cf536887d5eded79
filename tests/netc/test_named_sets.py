"""Sets that users fetch, as tiny files in their formats: programs train on them from end to end."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

import netc
from netc.compiler.diagnostics import NetError

EXAMPLES = Path(__file__).parents[2] / "examples"


def write_clothes(folder: Path, train: int = 320, test: int = 64) -> None:
    """Pictures in the four IDX files of Fashion-MNIST: class k is a bar in rows 2k to 2k + 2."""
    folder.mkdir(parents=True)
    for prefix, count in (("train", train), ("t10k", test)):
        label = (np.arange(count) % 10).astype(np.uint8)
        image = np.random.default_rng(count).integers(0, 40, (count, 28, 28)).astype(np.uint8)
        for number, kind in enumerate(label):
            image[number, 2 * kind : 2 * kind + 3] = 200
        for name, magic, array in (
            ("images-idx3-ubyte", 2051, image), ("labels-idx1-ubyte", 2049, label)
        ):  # fmt: skip
            head = struct.pack(f">{array.ndim + 1}i", magic, *array.shape)
            with gzip.open(folder / f"{prefix}-{name}.gz", "wb") as file:
                file.write(head + array.tobytes())


def write_cifar(folder: Path, rows: int = 110) -> None:
    """Records of CIFAR-10's binary files: class k is a picture of one colour."""
    folder.mkdir(parents=True)
    names = [f"data_batch_{number}.bin" for number in range(1, 6)] + ["test_batch.bin"]
    for name in names:
        label = (np.arange(rows) % 10).astype(np.uint8)
        planes = np.zeros((rows, 3, 1024), np.uint8)
        planes[:] = (25 * label[:, None] + [[0, 80, 160]])[..., None]
        records = np.concatenate((label[:, None], planes.reshape(rows, -1)), axis=1)
        (folder / name).write_bytes(records.tobytes())


def test_an_autoencoder_learns_clothes(in_folder):
    write_clothes(in_folder / "data" / "fashion_mnist")
    text = (EXAMPLES / "autoencoder.net").read_text()
    assert text.count('mnist("data/mnist")') == 1
    text = text.replace('mnist("data/mnist")', 'fashion_mnist("data/fashion_mnist")')
    (in_folder / "clothes.net").write_text(text)
    run = netc.train("clothes.net", epochs=30, seed=1, quiet=True)
    assert run.test_samples == 64
    assert run.test["error"] <= 0.03  # the mean picture makes 0.06


def test_the_residual_network_learns_the_sets_that_it_names(in_folder):
    write_clothes(in_folder / "data" / "fashion_mnist")
    write_cifar(in_folder / "data" / "cifar10")
    (in_folder / "resnet8.net").write_text((EXAMPLES / "resnet8.net").read_text())
    small = {"width": 4, "stages": 2}
    clothes = netc.compile("resnet8.net", train="fashion", define=small, out="clothes")
    assert netc.train(clothes, epochs=40, seed=1, quiet=True).test["accuracy"] >= 0.7
    cifar = netc.compile("resnet8.net", train="cifar", define=small, out="cifar")
    run = netc.train(cifar, epochs=2, seed=1, quiet=True)  # a step each
    assert run.steps == 2 and run.test_samples == 110
    assert 1.5 < run.metrics["loss"] < 3  # ten classes by chance make 2.3


def test_pickles_of_cifar_are_told_from_its_binary_files(in_folder):
    folder = in_folder / "data" / "cifar10"
    folder.mkdir(parents=True)
    (folder / "data_batch_1").write_bytes(b"\x80\x02}q\x01.")
    (in_folder / "resnet8.net").write_text((EXAMPLES / "resnet8.net").read_text())
    with pytest.raises(NetError) as caught:
        netc.train(netc.compile("resnet8.net", train="cifar"), quiet=True)
    (problem,) = caught.value.diagnostics
    assert problem.code == "E0501" and "binary version" in problem.helps[0]
