"""kill -9 at random moments, resumed until done: the same bits as a run that never was killed.

NETC_KILLS=60 makes it the long form.
"""

import os
import random
import subprocess
import sys
import time

import numpy as np

from netc.runtime import checkpoint
from netc.runtime.run_folder import RunFolder

KILLS = int(os.environ.get("NETC_KILLS", "8"))
TRAIN = """
import sys
from pathlib import Path
from netc.runtime.plan import Options
from netc.runtime.progress import Progress
from netc.runtime.restore import load_program
from netc.runtime.run_folder import latest_run
from netc.runtime.train import train

folder, out = map(Path, sys.argv[1:3])
report = lambda name, *sizes: Progress("quiet", sys.stderr, sys.stdout, lambda: 0.0, *sizes)
resume = "" if latest_run(out, "small") else None
options = Options(epochs=int(sys.argv[3]), threads=1, out=out, resume=resume, save_every=0.0)
print("ready", flush=True)
train(load_program(folder), folder, options, report)
"""


def start(folder, out, epochs):
    words = [sys.executable, "-c", TRAIN, str(folder), str(out), str(epochs)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


def last(out):
    run = RunFolder(out / "small-1")
    assert run.is_finished
    return checkpoint.latest(run.path), run.metrics()


def test_killed_at_any_moment_a_run_ends_with_the_same_bits(small, tmp_path):
    _, folder = small
    epochs = 10 * KILLS
    began = time.monotonic()
    assert start(folder, tmp_path / "whole", epochs).wait() == 0
    longest = (time.monotonic() - began) / KILLS * 2
    moments, kills = random.Random(7), 0
    while True:
        process = start(folder, tmp_path / "killed", epochs)
        try:
            ended = process.wait(moments.uniform(0, longest) if kills < KILLS else None)
        except subprocess.TimeoutExpired:
            process.kill()
            ended, kills = process.wait(), kills + 1
        if ended == 0:
            break
        assert ended == -9
    assert kills >= KILLS // 2
    (one, told), (other, told_again) = last(tmp_path / "whole"), last(tmp_path / "killed")
    assert told == told_again
    assert one.facts == other.facts
    for name, array in one.tensors.items():
        assert np.array_equal(array, other.tensors[name]), name
    assert not list((tmp_path / "killed" / "small-1").glob(".*.part"))
