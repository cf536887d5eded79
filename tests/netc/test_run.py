"""netc run draws its inputs from a file, from the program's own data or at random, and pictures."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest

TEXT = """\
net draw(z: f32[N, 2]) { return z -> dense(12) -> sigmoid -> reshape(N, 2, 6, 1) }
net look(x: f32[N, 4]) { return x -> dense(3) }
train {
    take x, label from blobs(count=200, features=4, classes=3)
    logits = look(x)
    drawn = draw(x[:, 0:2])
    minimize cross_entropy(logits, label) + mean(drawn) with adam(lr=0.02)
    batch 16
    steps 2
}
"""


@pytest.fixture
def trained(netc, in_folder):
    Path("both.net").write_text(TEXT)
    assert netc("train", "both.net", "--quiet").code == 0


def run(netc, *words) -> list:
    found = netc("run", *words, "--json")
    assert found.code == 0, found.err
    return json.loads(found.out)["output"]


def test_rows_are_the_first_of_the_test_data(netc, trained):
    outputs = run(netc, "--net", "look", "--rows", 5)
    assert np.shape(outputs) == (5, 3)
    assert run(netc, "--net", "look", "--rows", 3) == outputs[:3]


def test_random_rows_depend_on_their_seed_alone(netc, trained):
    first, again, other = (
        run(netc, "--net", "draw", "--random", 4, "--seed", seed) for seed in (1, 1, 2)
    )
    assert first == again != other and np.shape(first) == (4, 2, 6, 1)


def test_outputs_become_pictures(netc, trained):
    found = netc("run", "--net", "draw", "--random", 4, "--png", "drawn.png")
    assert found.code == 0 and not found.out
    data = Path("drawn.png").read_bytes()
    assert struct.unpack(">II", data[16:24]) == (2 * 6 + 1, 2 * 2 + 1)


@pytest.mark.parametrize(
    "words, code, told",
    (
        (("--net", "look", "--random", 2, "--png", "x.png"), 1, "pictures are [N, H, W]"),
        (("--net", "draw", "--random", 2, "--png", "x.jpg"), 2, "--png pictures.png"),
        (("--net", "draw", "--rows", 2), 1, "`z`, which is no field of the data: `x`, `label`"),
        (("--net", "darw", "--rows", 2), 1, "did you mean `draw`?"),
        (("--net", "draw", "--random", 0), 2, "--random"),
        (("--net", "draw", "--random", 1, "--rows", 1), 2, "not allowed with"),
        (("--net", "draw",), 2, "--inputs --rows --random"),
    ),
)  # fmt: skip
def test_what_cannot_be_drawn_is_said(netc, trained, words, code, told):
    found = netc("run", *words)
    assert (found.code, told in found.err) == (code, True), found.err
