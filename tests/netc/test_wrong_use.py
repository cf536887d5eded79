"""Whatever is typed, the answer is a message and a fixed exit code, never a traceback."""

import json
from pathlib import Path

import numpy as np
import pytest

# words after `netc`, exit code, a part of what is said. The folder is that of `wrong_folder`.
WRONG = [
    ([], 2, "netc compiles"),
    (["traim"], 2, "did you mean `netc train`?"),
    (["--tarin"], 2, "there is no command"),
    (["\x1b[31m"], 2, "u{1b}"),
    (["train", "none.net"], 1, "none.net"),
    (["train", "folder"], 1, "E0613"),
    (["train", "bin.net"], 1, "UTF-8"),
    (["train", "empty.net"], 1, ""),
    (["train", "broken.net"], 1, "broken.net:"),
    (["train", "nets.net"], 1, "E0522"),
    (["train", "feed.net"], 1, "--data FILE.npz"),
    (["train", "small.net", "--epochs", "0"], 2, "whole number from 1"),
    (["train", "small.net", "--epochs", "x"], 2, "whole number"),
    (["train", "small.net", "--epochs", "9" * 50], 2, "whole number"),
    (["train", "small.net", "--epochs", "2", "--steps", "2"], 2, "not allowed with"),
    (["train", "small.net", "--epoch", "2"], 2, "--epoch"),
    (["train", "small.net", "other"], 2, "other"),
    (["train", "small.net", "--seed", "-1"], 2, "--seed"),
    (["train", "small.net", "--seed", str(1 << 31)], 1, "a seed"),
    (["train", "small.net", "--threads", "none"], 2, "--threads"),
    (["train", "small.net", "--time-limit", "nan"], 2, "seconds"),
    (["train", "small.net", "--device", "gpu"], 4, "there is no device"),
    (["train", "small.net", "--data", "none.npz"], 1, "E0501"),
    (["train", "small.net", "--data", "small.net"], 1, "format"),
    (["train", "small.net", "--data", "folder"], 1, "E05"),
    (["train", "small.net", "--data", "broken.npz"], 1, "E0502"),
    (["train", "small.net", "--data", "wrong.npz"], 1, "E0511"),
    (["train", "small.net", "--data", "few.npz"], 1, "E05"),
    (["train", "small.net", "--resume"], 1, "E0612"),
    (["train", "small.net", "--resume", "folder"], 1, "E0703"),
    (["train", "small.net", "--out", "small.net"], 4, "small.net"),
    (["train", "build-broken"], 1, "E0614"),
    (["train", "build-broken", "-D", "width=3"], 2, "constants"),
    (["compile"], 2, "FILE"),
    (["compile", "small.net", "-D", "width"], 2, "NAME=NUMBER"),
    (["compile", "small.net", "-D", "width=x"], 2, "not a number"),
    (["compile", "small.net", "-D", "width=3"], 1, "width"),
    (["compile", "small.net", "--block", "other"], 1, "other"),
    (["compile", "small.net", "--target", "cuda", "--arch", "sm_1"], 2, "sm_90a"),
    (["compile", "small.net", "--target", "metal"], 2, "metal"),
    (["compile", "small.net", "--out", "small.net"], 4, "small.net"),
    (["compile", "nul\0.net"], 1, ""),
    (["check", "none.net"], 1, "none.net"),
    (["check", "smal.net"], 1, "did you mean"),
    (["check", "folder"], 1, "folder"),
    (["eval"], 1, "E0613"),
    (["eval", "small.net"], 1, "E0612"),
    (["eval", "small.net", "--checkpoint", "none"], 1, "E0601"),
    (["eval", "small.net", "--checkpoint", "small.net"], 1, "E060"),
    (["eval", "small.net", "--part", "tset"], 2, "tset"),
    (["run", "small.net"], 2, "--inputs"),
    (["run", "small.net", "--inputs", "none.npy"], 1, "E0501"),
    (["run", "small.net", "--inputs", "wrong.npz", "--net", "smal"], 1, "E0612"),
    (["run", "small.net", "--inputs", "wrong.npz", "--out", "y.txt"], 2, ".npz"),
    (["show"], 1, "E0613"),
    (["show", "xyzzy", "--program", "small.net"], 1, "no kernel"),
    (["show", "--program", "small.net", "--function", "tarin"], 1, "did you mean `train`?"),
    (["explain"], 2, "WHAT"),
    (["explain", "E9999"], 1, "E9999"),
    (["explain", "../../etc/passwd"], 1, "nothing called"),
    (["fmt", "none.net"], 1, "none.net"),
    (["fmt", "broken.net"], 1, "broken.net:"),
    (["new"], 2, "NAME"),
    (["new", "1st"], 2, "no name"),
    (["new", "folder"], 1, "there already"),
    (["new", "small.net/x"], 4, "small.net"),
    (["devices", "--all"], 2, "--all"),
    (["compile", "small.net", "--march", "z80"], 2, "E0716"),
    (["compile", "small.net", "--march"], 2, "--march"),
]  # fmt: skip


@pytest.fixture
def wrong_folder(small_file, in_folder):
    Path("folder").mkdir()
    Path("bin.net").write_bytes(bytes(range(256)))
    Path("empty.net").write_text("")
    Path("broken.net").write_text("net f(x: f32[N, 4]) { return x -> dnse(8) }}")
    Path("nets.net").write_text("net f(x: f32[N, 4]) {\n    return x -> dense(8)\n}\n")
    text = small_file.read_text()
    take = "take x, label from blobs(count=200, features=4, classes=3)"
    Path("feed.net").write_text(text.replace(take, "take x: f32[N, 4], label: i32[N] from feed"))
    Path("broken.npz").write_bytes(b"PK\3\4 and no more")
    np.savez("wrong.npz", x=np.zeros((50, 9)), label=np.zeros(50, int))
    np.savez("few.npz", x=np.zeros((5, 4)), label=np.zeros(5, int))
    Path("build-broken").mkdir()
    Path("build-broken", "program.json").write_text('{"format": 1}')
    return in_folder


@pytest.mark.parametrize("words, code, told", WRONG, ids=lambda value: str(value)[:40])
def test_wrong_use_is_a_message_and_a_code(netc, wrong_folder, words, code, told):
    result = netc(*words)
    assert result.code == code, result.err
    assert told in result.err + result.out
    assert "Traceback" not in result.err
    assert result.err.startswith("error") or words == []


@pytest.mark.parametrize("words, code", [(words, code) for words, code, _ in WRONG[4:12]])
def test_wrong_use_is_json_for_a_machine(netc, wrong_folder, words, code):
    result = netc(*words, "--json")
    assert result.code == code
    told = [json.loads(line) for line in result.out.splitlines()]
    assert told and all(one["severity"] == "error" for one in told)
