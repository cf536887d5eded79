"""A net that foretells letters writes a text on: the likeliest letters, or by their probability."""

from pathlib import Path

import numpy as np
import pytest

import netc
from netc.cli import main
from netc.compiler.diagnostics import NetError
from netc.runtime.sample import Taste, write_on

# The letter behind letter a is a + 1 with logit 2, any other has 0; nothing is learned.
NEXT = """\
net next(token: i32[N, T]) {
    weight unused: f32[1] = zeros
    return 2 * one_hot((token + 1) % 8, 8) + unused
}
net ahead(token: i32[N, T]) {
    return one_hot(token, 8) + sum(cast(token, f32), axis=1)[:, None, None]
}
net classes(token: i32[N, T]) { return mean(one_hot(token, 8), axis=1) }
train {
    take token: i32[N, 5], answer: i32[N, 5] from feed
    minimize cross_entropy(next(token), answer) + mean(ahead(token)) + mean(classes(token))
        with sgd(lr=0)
    batch 2
}
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("next")
    (folder / "next.net").write_text(NEXT)
    return netc.compile(folder / "next.net", out=folder / "build").start()


def test_the_coldest_text_is_the_likeliest_beyond_the_places_of_the_net(session):
    written = list(write_on(session, "next", b"\3", 12, Taste(0)))
    assert written == [4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("temperature", (0.5, 1.0, 2.0))
def test_letters_come_as_often_as_their_probability_says(temperature):
    logits = np.array([0, 1, 3, -np.inf, 2], np.float32)
    chosen = [Taste(temperature, 5).choose(logits, place) for place in range(4000)]
    share = np.exp(logits.astype(float) / temperature)
    share /= share.sum()
    error = np.abs(np.bincount(chosen, minlength=5) / 4000 - share)
    assert (error <= 4 * np.sqrt(share * (1 - share) / 4000)).all()


def test_the_seed_decides_the_text(session):
    texts = [list(write_on(session, "next", b"\0", 30, Taste(1, seed))) for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize(
    "net, prompt, told",
    (
        ("ahead", b"\0", "looks ahead"),
        ("classes", b"\0", "cannot write"),
        ("next", b"", "nothing to start from"),
        ("next", b"\7\10", "bytes below 8"),
        ("nxt", b"\0", "no net `nxt`"),
    ),
)
def test_what_cannot_write_is_told(session, net, prompt, told):
    with pytest.raises(NetError, match=told):
        list(write_on(session, net, prompt, 3, Taste()))


def test_the_command_writes_letters(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("data/text.txt").write_text("abcdefgh" * 200)
    Path("letters.net").write_text(
        "net letters(token: i32[N, T]) { return token -> embedding(128, 16) -> dense(128) }\n"
        'train { take token, next from text("data/text.txt", window=8)\n'
        "minimize cross_entropy(letters(token), next) with adam(lr=0.05)\nbatch 16 steps 60 }\n"
    )
    assert main(["train", "letters.net", "--quiet"]) == 0
    capsys.readouterr()
    words = ["run", "letters", "--sample", "fg", "--length", "10", "--temperature", "0"]
    assert main(words) == 0
    assert capsys.readouterr().out == "fghabcdefgha\n"
    assert main([*words, "--json"]) == 0
    assert capsys.readouterr().out == '{"text": "fghabcdefgha"}\n'
    assert main([*words, "--out", "x.npz"]) == 2
