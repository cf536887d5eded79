"""netc beside its peers, the same work in turns: `python benchmarks/peers/compare.py --help`.

Every workload runs in chunks, one peer after the other and round by round, so that what else the
machine does falls on all alike; who waits is stopped. Ratios are medians of (peer / netc) by round.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from measure import machine, table
from peers import NETC, PEERS, Peer, install, installed_megabytes
from work import WORKS, Work
from worker import Worker

from netc.compiler.build.peaks import Peaks, measured_peaks

CHUNK_SECONDS = 0.25
LEAST_ROUNDS, MOST_ROUNDS = 3, 15
EPOCH, EPOCH_STEPS = Work("cnn", 128, 5), 375  # 48,000 images
FIRST = Work("cnn", 32, 2)  # of which the first step is timed
START_ROUNDS = 3


@dataclass(frozen=True)
class Timing:
    """The seconds of a step of one peer in each round."""

    peer: str
    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def spread(self) -> float:
        """Half of the rounds lie within this share of the median."""
        if len(self.rounds) < 2:
            return 0.0
        low, _, high = statistics.quantiles(self.rounds, n=4)
        return (high - low) / self.median


@dataclass(frozen=True)
class Result:
    """One workload: its least FLOPs and bytes, and everybody's timings, netc's first."""

    work: Work
    flops: float
    bytes: float
    timings: tuple[Timing, ...]
    notes: tuple[str, ...]

    def floor(self, peaks: Peaks) -> float:
        """The seconds that its arithmetic, or its bytes, take at the machine's peak."""
        return max(self.flops / peaks.flops, self.bytes / peaks.memory_bytes)

    @property
    def best(self) -> Timing | None:
        return min(self.timings[1:], key=lambda timing: timing.median, default=None)

    @property
    def ratio(self) -> float | None:
        """The best peer's time over netc's, round by round."""
        if self.best is None:
            return None
        pairs = zip(self.best.rounds, self.timings[0].rounds, strict=True)
        return statistics.median(peer / netc for peer, netc in pairs)


@dataclass(frozen=True)
class Start:
    """From starting a process to the end of the first training step, medians of fresh processes
    and of those that came after them; what that takes."""

    peer: str
    cold: float
    warm: float
    megabytes: float
    installed: float


def main() -> None:
    options = parse()
    begin = time.monotonic()
    threads = options.threads or os.cpu_count() or 1
    chosen = [peer for peer in PEERS if not options.peers or peer.name in options.peers]
    if not usable(NETC):
        raise SystemExit(1)
    peers = [NETC, *(peer for peer in chosen if usable(peer))]
    peaks = measured_peaks(threads)
    trained = [peer for peer in peers if not peer.only_runs]
    starts = [] if options.only else [measure_start(peer, threads) for peer in trained]
    workers = {peer.name: Worker(peer, threads) for peer in peers}
    works = [work for work in WORKS if not options.only or work.name in options.only]
    results = []
    for place, work in enumerate(works):
        left = options.time - (time.monotonic() - begin)
        asked = [workers[peer.name] for peer in peers if fits(peer, work)]
        results += measure(work, asked, max(1.0, left / (len(works) - place)))
        print(f"{work.name}: {summary(results, work)}", file=sys.stderr)
    epoch = [] if options.only else measure_epoch(list(workers.values()))
    for worker in workers.values():
        worker.close()
    head = f"{machine()}, {threads} threads, {time.strftime('%Y-%m-%d')}"
    told = report(head, results, starts, epoch, peaks)
    print(told)
    if options.page:
        absent = [peer.name for peer in PEERS if peer not in peers]
        Path(options.page).write_text(page(told, absent), encoding="utf-8")
    if options.json:
        facts = {"machine": head, "peaks": asdict(peaks), "epoch": epoch,
                 "starts": [asdict(start) for start in starts],
                 "works": [asdict(result) for result in results]}  # fmt: skip
        Path(options.json).write_text(json.dumps(facts, indent=1))


def page(told: str, absent: list[str]) -> str:
    left_out = f"\nNot in this run: {', '.join(absent)}." if absent else ""
    return f"""\
# netc beside its peers

Medians of interleaved rounds with their spread; whoever waits is stopped, so that threads which
still spin take nothing from who is measured. `floor` is the least that the machine can take for the
work, in ms, from its measured peaks, where convolutions make every product: whoever makes fewer
(Winograd's way) can be below it. `best / floor` is what the ratio would be there; docs/cpu.md says
what keeps netc from it. `make bench` measures again.{left_out}

```text
{told}
```
"""


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--time", type=float, default=600, help="seconds for everything (600)")
    parser.add_argument("--threads", type=int, default=0, help="of everybody (one a processor)")
    names = ", ".join(work.name for work in WORKS)
    parser.add_argument("--only", nargs="+", metavar="WORK", help=f"some of {names}")
    known = [peer.name for peer in PEERS]
    parser.add_argument("--peers", nargs="+", choices=known, help="some of the peers, by name")
    parser.add_argument("--page", metavar="FILE", help="write the tables to a Markdown file too")
    parser.add_argument("--json", metavar="FILE", help="write all timings to a file too")
    return parser.parse_args()


def usable(peer: Peer) -> bool:
    reason = install(peer)
    if reason:
        print(f"{peer.name} is left out: {reason}", file=sys.stderr)
    return reason is None


def fits(peer: Peer, work: Work) -> bool:
    return work.net in peer.nets and not (peer.only_runs and work.trains)


def measure(work: Work, workers: Sequence[Worker], seconds: float) -> list[Result]:
    """The timings of one workload, if netc has the net: rounds until the time is used up."""
    begin, ready, notes, facts = time.monotonic(), [], [], {}
    for worker in workers:
        answer = worker.prepare(work)
        first = worker.seconds(1) if "error" not in answer else None
        again = worker.seconds(2) if first else None
        if again:
            steps = max(1, round(CHUNK_SECONDS / again))
            ready.append((worker, steps))
            facts[worker.peer.name] = answer
        else:
            notes.append(f"{worker.peer.name}: {answer.get('error', 'no steps')}")
    if NETC.name not in facts:
        print(f"{work.name} is left out: {'; '.join(notes)}", file=sys.stderr)
        return []
    notes += other_sizes(facts)
    rounds: dict[str, list[float]] = {worker.peer.name: [] for worker, _ in ready}
    for number in range(MOST_ROUNDS):
        if number >= LEAST_ROUNDS and time.monotonic() - begin > seconds:
            break
        for worker, steps in ready:
            rounds[worker.peer.name].append(worker.seconds(steps))
    timings = tuple(Timing(name, tuple(found)) for name, found in rounds.items())
    netc = facts[NETC.name]
    return [Result(work, netc["flops"], netc["bytes"], timings, tuple(notes))]


def other_sizes(facts: dict[str, dict]) -> list[str]:
    """Who has another number of weights than netc, by more than a hundredth: another net."""
    own = facts[NETC.name]["parameters"]
    return [
        f"{name} has {answer['parameters']:,} parameters, netc {own:,}"
        for name, answer in facts.items()
        if abs(answer["parameters"] - own) > own / 100
    ]


def measure_start(peer: Peer, threads: int) -> Start:
    """Fresh processes in pairs; the first one of each finds what netc keeps empty."""
    cold, warm, megabytes = [], [], 0.0
    for _ in range(START_ROUNDS):
        with tempfile.TemporaryDirectory() as cache:
            kept = (("NETC_CACHE", cache),) if peer is NETC else ()
            keeping = replace(peer, variables=(*peer.variables, *kept))
            for seconds in (cold, warm):
                taken, megabytes = first_step(keeping, threads)
                seconds.append(taken)
    medians = statistics.median(cold), statistics.median(warm)
    return Start(peer.name, *medians, megabytes, installed_megabytes(peer))


def first_step(peer: Peer, threads: int) -> tuple[float, float]:
    """The seconds from a process' start to the end of its first step, and its most memory."""
    worker = Worker(peer, threads)
    worker.prepare(FIRST)
    answer = worker.ask({"run": 1})
    seconds = float("nan") if "error" in answer else worker.since_start()
    worker.close()
    return seconds, answer.get("megabytes", 0.0)


def measure_epoch(workers: Sequence[Worker]) -> list[tuple[str, float]]:
    """The seconds of as many steps as an epoch has, in one go."""
    found = []
    for worker in workers:
        if not fits(worker.peer, EPOCH) or "error" in worker.prepare(EPOCH):
            continue
        if worker.seconds(2) and (seconds := worker.seconds(EPOCH_STEPS)):
            found.append((worker.peer.name, seconds * EPOCH_STEPS))
    return found


def summary(results: Sequence[Result], work: Work) -> str:
    result = results[-1] if results and results[-1].work is work else None
    if result is None or result.best is None:
        return "no comparison"
    return f"{result.best.peer} / netc {result.ratio:.2f}, goal {work.goal}"


# --- the report -------------------------------------------------------------------------------


def report(head: str, results, starts, epoch, peaks: Peaks) -> str:
    """The tables as text."""
    names = list(dict.fromkeys(t.peer for result in results for t in result.timings))
    heading = ("ms a step", *names, "best / netc", "goal", "floor", "reached", "best / floor")
    parts = [f"{head}\n{peaks}",
             table((heading, *(row(result, names, peaks) for result in results)))]  # fmt: skip
    if starts:
        heading = ("CNN, batch 32", "first step, cold", "warm", "memory", "installed")
        parts.append(table((heading, *(start_row(start) for start in starts))))
    if epoch:
        lines = (f"  {name:18}{seconds:7.2f} s" for name, seconds in epoch)
        parts.append(f"an epoch of 48,000 images at batch {EPOCH.batch}\n" + "\n".join(lines))
    notes = [f"{result.work.name}: {note}" for result in results for note in result.notes]
    return "\n\n".join((*parts, *notes))


def row(result: Result, names: Sequence[str], peaks: Peaks) -> tuple[str, ...]:
    by_name = {timing.peer: timing for timing in result.timings}
    cells = [milliseconds(by_name[name]) if name in by_name else "" for name in names]
    floor, own = result.floor(peaks), result.timings[0].median
    ratio = "" if result.ratio is None else f"{result.ratio:.2f}"
    most = "" if result.best is None else f"{result.best.median / floor:.2f}"
    return (result.work.name, *cells, ratio, f"{result.work.goal:g}", f"{1e3 * floor:.3g}",
            f"{floor / own:.0%}", most)  # fmt: skip


def milliseconds(timing: Timing) -> str:
    return f"{1e3 * timing.median:.3g} ±{timing.spread / 2:.0%}"


def start_row(start: Start) -> tuple[str, ...]:
    return (start.peer, f"{start.cold:.2f} s", f"{start.warm:.2f} s",
            f"{start.megabytes:.0f} MB", f"{start.installed:.0f} MB")  # fmt: skip


if __name__ == "__main__":
    main()
