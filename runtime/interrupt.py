"""Signals come in; a flag that the training loop asks goes out.

The first Ctrl-C lets the step and the save finish; the second one stops at once.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

WATCHED = (signal.SIGINT, signal.SIGTERM)


class StoppedAtOnce(KeyboardInterrupt):
    """The second signal: nothing is saved, the last checkpoint stays good."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


class Stop:
    """Whether somebody has asked to stop, and the exit code that tells so (130 or 143)."""

    def __init__(self) -> None:
        self.exit_code: int | None = None

    @property
    def requested(self) -> bool:
        return self.exit_code is not None

    def receive(self, number: int, frame: FrameType | None = None) -> None:
        """Note the first signal; raise StoppedAtOnce at the second."""
        if self.requested:
            raise StoppedAtOnce(128 + number)
        self.exit_code = 128 + number


@contextmanager
def watch_signals() -> Iterator[Stop]:
    """Hold SIGINT and SIGTERM back for the body, and put the old handlers back after it.

    Only the main thread can receive signals: elsewhere the flag is never set.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop.receive) for number in WATCHED}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
