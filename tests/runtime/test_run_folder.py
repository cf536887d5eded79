"""Runs get folders of their own, and their logs survive kills and resumes."""

import json
import math
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from netc.compiler.diagnostics import NetError
from netc.runtime.run_folder import append_record, create, latest_run, record_line, reopen


def test_runs_are_numbered_one_after_the_other(tmp_path):
    base = tmp_path / "runs"
    assert latest_run(base, "mnist.net") is None
    names = [create(base, "nets/mnist.net", {"seed": 1}).path.name for _ in range(11)]
    assert names == [f"mnist-{n}" for n in range(1, 12)]
    assert create(base, "gpt", {}).path.name == "gpt-1"
    assert latest_run(base, "mnist.net").path.name == "mnist-11"
    assert latest_run(base, "mnist").facts() == {"seed": 1}


def test_a_run_that_never_got_its_facts_is_no_run(tmp_path):
    create(tmp_path, "a", {})
    (tmp_path / "a-2").mkdir()
    assert latest_run(tmp_path, "a").path.name == "a-1"
    assert create(tmp_path, "a", {}).path.name == "a-3"
    with pytest.raises(NetError, match="not the folder of a run"):
        reopen(tmp_path / "a-2")


def test_runs_started_at_once_get_different_folders(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda _: create(tmp_path, "a", {}), range(24)))
    assert {run.path.name for run in runs} == {f"a-{n}" for n in range(1, 25)}


@pytest.mark.parametrize("name", ["../../etc", "/", "..", "", "a/../b", "x" * 500, "ä\0\n", ".a"])
def test_a_name_never_leaves_the_folder(tmp_path, name):
    path = create(tmp_path, name, {}).path
    assert path.parent == tmp_path and path.name.isascii() and len(path.name) < 70


def test_a_finished_run_says_so(tmp_path):
    run = create(tmp_path, "a", {"seed": 1})
    assert not run.is_finished
    run.finish({"loss": 0.5})
    assert reopen(run.path).is_finished


def test_damaged_facts_are_a_net_error(tmp_path):
    run = create(tmp_path, "a", {})
    for text in ("", "{", "[]", "[" * 100_000, '"\ud800"'):
        (run.path / "run.json").write_bytes(text.encode("utf-8", "surrogatepass"))
        with pytest.raises(NetError):
            run.facts()


def test_a_resumed_log_counts_each_step_once(tmp_path):
    run = create(tmp_path, "a", {})
    log = run.open_metrics()
    for step in (1, 2, 3):
        append_record(log, {"step": step, "loss": step / 10})
    append_record(log, {"step": 3, "kind": "validation", "accuracy": 0.5})
    os.write(log.descriptor, b'{"step": 4, "lo')  # cut short by a kill
    log.close()
    assert [record["step"] for record in run.metrics()] == [1, 2, 3, 3]
    log = run.open_metrics()
    append_record(log, {"step": 3, "loss": 0.25})
    append_record(log, {"step": 4, "loss": 0.2})
    log.close()
    told = [(r["step"], r.get("loss"), r.get("accuracy")) for r in run.metrics()]
    assert told == [(1, 0.1, None), (2, 0.2, None), (3, 0.25, None), (3, None, 0.5),
                    (4, 0.2, None)]  # fmt: skip


def test_a_log_of_anything_is_read(tmp_path):
    run = create(tmp_path, "a", {})
    assert run.metrics() == ()
    (run.path / "metrics.jsonl").write_bytes(
        b'\n1\n[]\n{"step": "x"}\n\xff\n{"step": 2}\n' + b"[" * 100_000
    )
    assert run.metrics() == ({"step": 2},)


def test_the_hex_loss_holds_the_very_bits():
    loss = np.float32(0.1)
    told = json.loads(record_line({"step": np.int64(3), "loss": loss}))
    assert told["step"] == 3
    assert np.float32(float.fromhex(told["loss_hex"])).tobytes() == loss.tobytes()
    lost = json.loads(record_line({"step": 3, "loss": math.nan}))
    assert (lost["loss"], lost["loss_hex"]) == (None, "nan")
