"""Time a program kernel by kernel: measured, predicted, and against what the machine can do."""

import argparse
import json
from dataclasses import dataclass

from netc.commands.common import add_device, add_json, add_program, open_program, positive, seconds
from netc.commands.show import chosen
from netc.compiler.build.peaks import Peaks, measured_peaks
from netc.compiler.program import KernelFacts
from netc.compiler.targets.cuda_tiles import ARCHITECTURES, CudaArchitecture
from netc.runtime.arena import processors
from netc.runtime.device import usual_device
from netc.runtime.profile import KernelTime, Profile, profile

HEADING = ("kernel", "line", "time", "share", "predicted", "GFLOP/s", "GB/s", "of limit")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_program(parser)
    parser.add_argument("--function", metavar="NAME", help="train (default), run_NET_1 ...")
    parser.add_argument("--top", type=positive, default=20, help="so many kernels, slowest first")
    parser.add_argument("--seconds", type=seconds, default=2.0, help="how long to measure (2)")
    add_device(parser)
    add_json(parser)


@dataclass(frozen=True)
class DataSheet:
    """What the vendor says of a GPU, in the place of peaks that were measured."""

    gpu: CudaArchitecture

    @property
    def flops(self) -> float:
        return self.gpu.flops

    def bytes_rate(self, footprint: float) -> float:
        return self.gpu.bandwidth

    def __str__(self) -> str:
        rates = f"{self.flops / 1e12:.1f} TFLOP/s in float32, {self.gpu.bandwidth / 1e12:.2f} TB/s"
        return f"{rates}, as the data sheet of an {self.gpu.device} has it"


def run(arguments: argparse.Namespace) -> int:
    arguments.device = arguments.device or usual_device()
    is_cpu = arguments.device == "cpu"  # whose predictions come from its peaks: they are first
    peaks = measured_peaks(arguments.threads or processors()) if is_cpu else None
    session = open_program(arguments).start()
    try:
        function = chosen(session.program, arguments.function)[0]
        found = profile(session, function, arguments.seconds)
        peaks = peaks or data_sheet(session.device.facts.architecture)
    finally:
        session.close()
    told = as_json(found, peaks) if arguments.json else table(found, peaks, arguments.top)
    print(told)
    return 0


def data_sheet(architecture: str) -> DataSheet:
    """That of a GPU; one that is not in the table is compared with an A100."""
    return DataSheet(ARCHITECTURES.get(architecture, ARCHITECTURES["sm_80"]))


def limit(kernel: KernelFacts, peaks: Peaks | DataSheet) -> float:
    """The seconds that its arithmetic, or its bytes, take in a step at the machine's peak."""
    once = max(kernel.flops / peaks.flops, kernel.bytes / peaks.bytes_rate(kernel.bytes))
    return once * kernel.times


def table(found: Profile, peaks: Peaks | DataSheet, top: int) -> str:
    slowest = sorted(found.kernels, key=lambda one: one.seconds, reverse=True)
    rows = [HEADING, *(row(one, found, peaks) for one in slowest[:top])]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADING))]
    lines = [
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    rest = slowest[top:]
    if rest:
        lines.append(f"{len(rest)} more: {1e6 * sum(one.seconds for one in rest):,.1f} us")
    return "\n".join((*lines, "", *totals(found, peaks)))


def totals(found: Profile, peaks: Peaks | DataSheet) -> tuple[str, ...]:
    name, batch = found.function.symbol, found.function.batch
    return (
        f"{name}  {1e3 * found.step:.3f} ms for {batch} samples by the clock, {found.threads} "
        f"threads; in kernels {1e3 * found.busy:.3f} ms",
        f"predicted  {1e3 * found.predicted:.3f} ms; half of the time is in kernels that are less "
        f"than {found.error:.0%} off",
        f"machine  {peaks}",
    )


def row(one: KernelTime, found: Profile, peaks: Peaks | DataSheet) -> tuple[str, ...]:
    kernel, time = one.kernel, max(one.seconds, 1e-9)
    return (
        kernel.name,
        ", ".join(map(str, kernel.lines[:3])) + (" ..." if len(kernel.lines) > 3 else ""),
        f"{1e6 * time:,.1f} us",
        f"{time / found.busy:.0%}" if found.busy else "",
        f"{1e6 * one.predicted:,.1f} us",
        f"{one.flops / time / 1e9:,.1f}",
        f"{one.bytes / time / 1e9:,.1f}",
        f"{limit(kernel, peaks) / time:.0%}",
    )


def as_json(found: Profile, peaks: Peaks | DataSheet) -> str:
    kernels = [
        {
            "name": one.kernel.name, "lines": one.kernel.lines, "seconds": one.seconds,
            "predicted_seconds": one.predicted, "flops": one.flops,
            "bytes": one.bytes, "limit_seconds": limit(one.kernel, peaks),
        }
        for one in found.kernels
    ]  # fmt: skip
    facts = {
        "function": found.function.symbol, "threads": found.threads, "step_seconds": found.step,
        "kernel_seconds": found.busy, "predicted_seconds": found.predicted, "kernels": kernels,
    }  # fmt: skip
    return json.dumps(facts)
