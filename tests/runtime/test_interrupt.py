"""The first signal is noted, the second one stops."""

import signal
import threading

import pytest

from netc.runtime.interrupt import StoppedAtOnce, watch_signals


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_one_signal_asks_and_a_second_stops(number, code):
    with watch_signals() as stop:
        assert not stop.requested and stop.exit_code is None
        signal.raise_signal(number)
        assert stop.requested and stop.exit_code == code
        with pytest.raises(StoppedAtOnce) as caught:
            signal.raise_signal(number)
    assert caught.value.exit_code == code
    assert isinstance(caught.value, KeyboardInterrupt)


def test_the_handlers_of_before_come_back():
    signal.signal(signal.SIGINT, signal.default_int_handler)  # as Python starts with
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(ValueError), watch_signals():
        raise ValueError
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_another_thread_can_train_too():
    seen = []

    def train():
        with watch_signals() as stop:
            seen.append(stop.requested)

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert seen == [False]
