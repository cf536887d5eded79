"""What a terminal, a log and a machine are shown, as text."""

import io
import json
import re

import pytest

from netc.runtime.progress import (
    CLEAR,
    Look,
    Moment,
    Progress,
    bar,
    choose_mode,
    duration,
    live_line,
    look_of,
    plain_line,
    rate_text,
    steady,
)

MOMENT = Moment(2, 10, 30, 60, 0.34567, (("accuracy", 0.9),), 12345.0, 75.0)


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize("value, text", [
    (0, "0.0000"), (0.34567, "0.3457"), (-2.5, "-2.5000"), (123.456, "123.46"), (1e-5, "1.00e-05"),
    (12345.0, "1.23e+04"), (float("nan"), "nan"), (float("-inf"), "-inf"),
])  # fmt: skip
def test_numbers_stand_still(value, text):
    assert steady(value) == text


@pytest.mark.parametrize("seconds, text", [
    (0, "0s"), (-1, "0s"), (59.4, "59s"), (59.6, "1m00s"), (185, "3m05s"), (7620, "2h07m"),
    (86399, "23h59m"), (273600, "3d04h"),
])  # fmt: skip
def test_times_are_short(seconds, text):
    assert duration(seconds) == text


def test_rates_are_short():
    assert [rate_text(r) for r in (0, 12.34, 1234, 5e6)] == ["0.0/s", "12.3/s", "1.2k/s", "5.0M/s"]


def test_bars_are_as_wide_as_asked():
    assert bar(0.5, 8) == "####...."
    assert bar(2.0, 4) == "####" and bar(-1, 4) == "...."
    assert bar(0.25, 4, Look(blocks=True)) == "█░░░"


def test_a_live_line_has_everything_where_there_is_room():
    assert live_line(MOMENT, Look(120)) == (
        "epoch  2/10  ############............  loss 0.3457  accuracy 0.9000  12.3k/s  1m15s left"
    )


@pytest.mark.parametrize("width", range(20, 140, 7))
def test_a_live_line_fits_its_terminal(width):
    line = live_line(MOMENT, Look(width, color=True, blocks=True))
    shown = re.sub(r"\x1b\[\d*m", "", line)
    assert len(shown) < width
    assert shown.startswith("epoch  2/10")


def test_a_plain_line_is_for_a_log():
    assert plain_line(MOMENT) == (
        "epoch 2/10  step 30/60  loss 0.3457  accuracy 0.9000  12.3k/s  1m15s left"
    )


def test_the_mode_follows_stream_and_environment():
    pipe, terminal = io.StringIO(), Terminal()
    assert choose_mode(terminal, {"TERM": "xterm"}) == "live"
    assert choose_mode(terminal, {"TERM": "dumb"}) == "plain"
    assert choose_mode(terminal, {"CI": "true"}) == "plain"
    assert choose_mode(pipe, {}) == "plain"
    assert choose_mode(terminal, {}, quiet=True) == "quiet"
    assert choose_mode(terminal, {}, as_json=True, quiet=True) == "json"


def test_colour_follows_stream_and_environment():
    pipe, terminal = io.StringIO(), Terminal()
    assert look_of(terminal, {}).color and look_of(terminal, {}).blocks
    assert not look_of(terminal, {"NO_COLOR": "1"}).color
    assert not look_of(terminal, {"TERM": "dumb"}).color
    assert not look_of(pipe, {}).color
    assert look_of(pipe, {"FORCE_COLOR": "1"}).color


def trained(mode, seconds_a_step):
    """Two epochs of four steps; what was written to the stream and to the output."""
    stream, output, clock = io.StringIO(), io.StringIO(), Clock()
    progress = Progress(mode, stream, output, clock, epochs=2, steps=4, batch=10)
    for epoch in (1, 2):
        progress.begin_epoch(epoch)
        for step in (1, 2, 3, 4):
            clock.now += seconds_a_step
            progress.step(step, 1 / step, {"accuracy": 0.5})
        progress.end_epoch(0.25, {"accuracy": 0.5})
    progress.message("done")
    progress.close()
    return stream.getvalue(), output.getvalue()


def test_a_log_gets_a_line_an_epoch_and_one_now_and_then():
    stream, output = trained("plain", 4.0)
    assert output == ""
    assert stream.splitlines() == [
        "epoch 1/2  step 3/4  loss 0.3333  accuracy 0.5000  2.5/s  20s left",
        "epoch 1/2  loss 0.2500  accuracy 0.5000  2.5/s  16s",
        "epoch 2/2  step 3/4  loss 0.3333  accuracy 0.5000  2.5/s  4s left",
        "epoch 2/2  loss 0.2500  accuracy 0.5000  2.5/s  16s",
        "done",
    ]
    assert len(trained("plain", 0.1)[0].splitlines()) == 3


def test_a_terminal_gets_one_line_that_is_drawn_again():
    stream, output = trained("live", 0.06)
    assert output == ""
    drawn = [line for line in stream.split(CLEAR) if "##" in line]
    assert len(drawn) == 4  # a step takes 0.06 s: every second one is shown
    assert all("\n" not in line for line in drawn)
    lines = [line.rpartition(CLEAR)[2] for line in stream.rstrip("\n").split("\n")]
    assert lines[0] == "epoch 1/2  loss 0.2500  accuracy 0.5000  166.7/s  0s"
    assert lines[-1] == "done"


def test_a_machine_gets_json_on_the_output():
    stream, output = trained("json", 4.0)
    assert stream == "done\n"
    told = [json.loads(line) for line in output.splitlines()]
    assert [one["event"] for one in told] == ["step", "epoch", "step", "epoch"]
    assert told[1] == {
        "event": "epoch", "epoch": 1, "epochs": 2, "step": 4, "steps": 4, "loss": 0.25,
        "measures": {"accuracy": 0.5}, "samples_per_second": 2.5, "seconds_left": 16.0,
    }  # fmt: skip


def test_quiet_says_nothing():
    assert trained("quiet", 4.0) == ("", "")


def test_a_resumed_run_does_not_count_old_steps_into_its_rate():
    stream, clock = io.StringIO(), Clock()
    progress = Progress("plain", stream, stream, clock, epochs=1, steps=100, batch=10)
    progress.begin_epoch(1, step=90)
    clock.now += 20.0
    progress.step(92, 0.5)
    assert stream.getvalue() == "epoch 1/1  step 92/100  loss 0.5000  1.0/s  1m20s left\n"
