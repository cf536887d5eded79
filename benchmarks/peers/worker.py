"""Our side of the pipe: a peer's process in; it builds models, runs steps and tells the seconds.

A process is stopped except while it answers: threads that still spin for more work after a chunk
would take a core from whoever is measured next.
"""

import json
import signal
import subprocess
import time
from contextlib import suppress

from peers import HERE, Peer, environment_of, python_of
from work import Work


class Worker:
    """A process of a peer that lives from its first model to its last."""

    def __init__(self, peer: Peer, threads: int) -> None:
        self.peer = peer
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            (python_of(peer), *peer.words),
            cwd=HERE,
            env=environment_of(peer, threads),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            process_group=0,  # if we end early, the system wakes and ends a group left behind
        )

    def prepare(self, work: Work) -> dict:
        return self.ask({"prepare": [work.net, work.batch, work.trains]})

    def seconds(self, steps: int) -> float | None:
        """The seconds of one of so many steps; None where the peer cannot run."""
        answer = self.ask({"run": steps})
        return None if "error" in answer else answer["seconds"] / steps

    def ask(self, request: dict) -> dict:
        """The answer to one request; one with an `error` from a process that has ended."""
        try:
            self.process.send_signal(signal.SIGCONT)
            print(json.dumps(request), file=self.process.stdin, flush=True)
            line = self.process.stdout.readline()
            self.process.send_signal(signal.SIGSTOP)
        except BrokenPipeError:
            line = ""
        return json.loads(line) if line else {"error": "the process has ended"}

    def since_start(self) -> float:
        return time.perf_counter() - self.started

    def close(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        with suppress(BrokenPipeError):  # a process that has ended did not read all
            self.process.stdin.close()
        self.process.wait()
