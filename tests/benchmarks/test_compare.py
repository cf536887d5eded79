"""The table beside peers: ratios go round by round, the floor is what no program can beat."""

import os
import sys
import time
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def compare(monkeypatch):
    for folder in (BENCHMARKS, BENCHMARKS / "peers"):
        monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    import compare

    yield compare
    for name in set(sys.modules) - before:
        if BENCHMARKS in Path(getattr(sys.modules[name], "__file__", None) or "/").parents:
            del sys.modules[name]


def result(compare, *timings):
    rounds = tuple(compare.Timing(name, seconds) for name, seconds in timings)
    return compare.Result(compare.WORKS[0], 2e9, 1e6, rounds, ())


def test_a_ratio_is_the_median_of_the_rounds_against_the_best_peer(compare):
    found = result(compare, ("netc", (1, 2, 4)), ("slow", (9, 9, 9)), ("quick", (3, 4, 40)))
    assert found.best.peer == "quick"
    assert found.ratio == 3  # 3/1, 4/2, 40/4: not 4/2, the ratio of the medians


def test_without_a_peer_there_is_no_ratio(compare):
    assert result(compare, ("netc", (1, 2))).ratio is None


def test_the_floor_is_the_slower_of_arithmetic_and_bytes(compare):
    peaks = compare.Peaks(2, flops=1e11, near_bytes=1e11, middle_bytes=1e11, memory_bytes=1e9)
    assert result(compare, ("netc", (1,))).floor(peaks) == 2e9 / 1e11
    peaks = compare.Peaks(2, flops=1e13, near_bytes=1e11, middle_bytes=1e11, memory_bytes=1e9)
    assert result(compare, ("netc", (1,))).floor(peaks) == 1e6 / 1e9


def test_every_workload_has_a_program_that_netc_can_read(compare):
    nets = BENCHMARKS / "peers" / "nets"
    assert {work.net for work in compare.WORKS} == {path.stem for path in nets.glob("*.net")}


def test_netc_answers_over_the_pipe_and_its_loss_falls(compare):
    worker = compare.Worker(compare.Peer("netc", "", ("with_netc.py",)), 1)
    answer = worker.prepare(compare.Work("mlp", 8, 1))
    assert answer["parameters"] == 784 * 512 + 512 + 512 * 512 + 512 + 512 * 10 + 10
    first, later = worker.ask({"run": 1})["value"], worker.ask({"run": 200})["value"]
    assert later < first / 2
    assert worker.prepare(compare.Work("unknown", 8, 1))["error"]
    worker.close()


def test_a_process_is_stopped_while_others_are_measured(compare, tmp_path):
    spins = tmp_path / "spins.py"
    spins.write_text("while input():\n    print('{}', flush=True)\n    sum(range(10**9))\n")
    worker = compare.Worker(compare.Peer("spins", "", (str(spins),)), 1)
    worker.ask({"run": 1})
    before = seconds_of(worker.process.pid)
    time.sleep(0.2)
    assert seconds_of(worker.process.pid) <= before + 0.05
    worker.process.kill()
    worker.close()


def test_a_start_is_measured_in_pairs_of_fresh_processes(compare, tmp_path):
    starts = tmp_path / "starts.py"
    starts.write_text(
        f"open({str(tmp_path / 'seen')!r}, 'a').write('x')\n"
        "import time\ntime.sleep(0.1)\n"
        "while True:\n    input()\n    print('{\"megabytes\": 7}', flush=True)\n"
    )
    peer = compare.Peer("starts", "", (str(starts),))
    start = compare.measure_start(peer, 1)
    assert len((tmp_path / "seen").read_text()) == 2 * compare.START_ROUNDS
    assert 0.1 <= start.cold < 5 and 0.1 <= start.warm < 5 and start.megabytes == 7
    gone = compare.measure_start(compare.Peer("ends", "", (str(tmp_path / "none.py"),)), 1)
    assert gone.cold != gone.cold, "who cannot run has no time"


def seconds_of(process: int) -> float:
    """The processor time that a process has taken."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
