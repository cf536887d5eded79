"""The machine's report in, findings out: what a kernel did wrong, and where."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from netc.emulator.build import Module


@dataclass(frozen=True)
class Finding:
    """One thing that a kernel did wrong.

    `kind` is race, race between blocks, out of bounds, uninitialised, const, misaligned, barrier
    divergence, warp divergence, deadlock, missing proxy fence, misuse, trap, timeout, division by
    zero, stack overflow, memory fault or unwritten. `line` is that of the CUDA source, 0 where
    nobody knows; `buffer` is empty where none is at fault, and `offset` counts bytes in it.
    """

    kind: str
    kernel: str
    block: tuple[int, ...]
    thread: tuple[int, ...]
    file: str
    line: int
    text: str
    buffer: str
    offset: int
    words: str

    def __str__(self) -> str:
        block, thread = (",".join(map(str, place)) for place in (self.block, self.thread))
        lines = [f"{self.kind} in {self.kernel}, block {block} thread {thread}: {self.words}"]
        if self.buffer:
            lines.append(f"  in the buffer `{self.buffer}`, at byte {self.offset}")
        if self.line:
            lines.append(f"  at {self.file}:{self.line}: {self.text}")
        return "\n".join(lines)


class EmulatorError(Exception):
    """What a launch found; `findings` holds at least one."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = findings


def read_report(report: str, module: Module, kernel: str) -> tuple[Finding, ...]:
    return tuple(read_line(line, module, kernel) for line in report.splitlines())


def read_line(line: str, module: Module, kernel: str) -> Finding:
    kind, block, thread, number, counter, buffer, offset, words = line.split("\t")
    place = int(number) or line_of(module.file, int(counter))
    lines = module.source.split("\n")
    return Finding(
        kind=kind,
        kernel=kernel,
        block=tuple(map(int, block.split(","))),
        thread=tuple(map(int, thread.split(","))),
        file=module.name,
        line=place,
        text=lines[place - 1].strip() if 0 < place <= len(lines) else "",
        buffer=buffer,
        offset=int(offset),
        words=words,
    )


def line_of(library: Path, counter: int) -> int:
    """The line of the call before a return address; 0 where the library does not say."""
    if not counter:
        return 0
    command = ("addr2line", "-e", str(library), hex(counter - 1))
    found = subprocess.run(command, capture_output=True, text=True).stdout
    line = re.search(r":(\d+)", found)
    return int(line[1]) if line else 0
