"""The CUDA C of every example, step by step: nothing forbidden, and what NumPy gives."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from netc.compiler.driver import compile_file
from netc.emulator.launch import FORWARD
from netc.runtime.device import open_device
from netc.runtime.emulate import Emulate
from netc.runtime.emulate_check import SCHEDULE, made_up
from netc.runtime.session import Session
from netc.runtime.verify_gradients import leave_kinks

EXAMPLES = Path(__file__).parents[2] / "examples"
SHARED = {"blocks"}  # holds what others use
NAMES = sorted({path.stem for path in EXAMPLES.glob("*.net")} - SHARED)
BATCH = 4
SMALL = {
    "detect": {"width": 2},
    "addition": {"depth": 1, "width": 16, "heads": 2, "count": 640},
    "bert": {"depth": 1, "width": 16, "heads": 2, "window": 16},
    "classify_text": {"depth": 1, "width": 8, "heads": 2, "window": 16},
    "gpt": {"depth": 1, "width": 16, "heads": 2, "context": 16},
    "gru": {"units": 4},
    "lstm": {"units": 4},
    "rnn": {"units": 4},
    "sentiment": {"units": 4, "width": 4},
    "seq2seq": {"units": 4},
    "unet": {"width": 2},
}
BLOCKS = {"recommend": "factors"}
STEPS = 4


@pytest.fixture(params=NAMES)
def small_example(request, tmp_path):
    """(program, build folder) of an example with a batch of a few samples and narrow layers."""
    name = request.param
    for path in EXAMPLES.glob("*.net"):
        shutil.copy(path, tmp_path)
    path = tmp_path / f"{name}.net"
    text, count = re.subn(r"\n    batch \d+", f"\n    batch {BATCH}", path.read_text())
    assert count
    path.write_text(text)
    out, train = tmp_path / "build", BLOCKS.get(name)
    return compile_file(path, defines=SMALL.get(name), train=train, out=out)


def losses(program, folder, device, steps: int) -> np.ndarray:
    """What the first steps on one made-up batch report."""
    session = Session(program, folder, device, seed=1)
    leave_kinks(session)
    function = session.function("train")
    order = np.tile(np.arange(function.batch), steps)
    return device.run(function, made_up(function), order, steps)


def test_a_step_of_an_example_is_clean_and_right(small_example):
    program, folder = small_example
    checked = losses(program, folder, Emulate(program, folder, True, SCHEDULE), 1)
    fast = losses(program, folder, Emulate(program, folder, False, FORWARD), STEPS)
    np.testing.assert_array_equal(checked, fast[:1])
    expected = losses(program, folder, open_device("reference", program, folder), STEPS)
    assert not np.array_equal(expected[0], expected[-1])
    np.testing.assert_allclose(fast, expected, rtol=1e-3, atol=1e-4)
