"""Say what memory a program needs and how long a step will take on GPUs that need not be here.

Memory is exact, but for the data set; times are the least that bandwidth and arithmetic allow.
"""

import argparse
import json
from types import MappingProxyType

from netc.commands.common import add_defines, add_json
from netc.commands.outlook import CPU, Outlook, look_ahead

GIB = 2**30
MEMORY = MappingProxyType(  # bytes of each GPU that the compiler knows the speed of
    {
        "T4": 16 * GIB, "A100": 40 * GIB, "RTX 3090": 24 * GIB, "RTX 4090": 24 * GIB,
        "H100": 80 * GIB, "B200": 180 * GIB, "RTX 5090": 32 * GIB,
    }
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a .net file")
    add_defines(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    found = look_ahead(arguments.file, dict(arguments.define), arguments.block)
    print(json.dumps(facts(found)) if arguments.json else table(found))
    return 0


def facts(found: Outlook) -> dict[str, object]:
    return {
        "name": found.name,
        "parameters": found.parameters,
        "samples": found.samples,
        "memory_bytes": found.memory,
        "devices": {
            device: {
                "seconds": seconds,
                "fits": fits(found, device),
                "workspace_bytes": found.workspace.get(device, 0),
            }
            for device, seconds in found.seconds.items()
        },
    }


def fits(found: Outlook, device: str) -> bool | None:
    """Whether the arena fits a GPU; None for the cpu, whose memory others share."""
    return None if device == CPU else needed(found, device) <= MEMORY[device]


def needed(found: Outlook, device: str) -> int:
    return found.memory["cuda"] + found.workspace.get(device, 0)


def table(found: Outlook) -> str:
    lines = [
        f"{found.name}  {found.parameters:,} parameters, {found.samples} samples a step",
        f"memory    {found.memory['cpu']:,} bytes on a cpu, {found.memory['cuda']:,} on a GPU",
        "",
        f"{'device':10}{'memory':>8}  {'fits':5}{'step at best':>14}{'samples/s':>12}",
    ]
    for device, seconds in found.seconds.items():
        size = "" if device == CPU else f"{MEMORY[device] // GIB} GiB"
        fit = {None: "", True: "yes", False: "no"}[fits(found, device)]
        rate = found.samples / seconds if seconds else 0
        lines.append(f"{device:10}{size:>8}  {fit:5}{spell_time(seconds):>14}{rate:12,.1f}")
    return "\n".join(lines)


def spell_time(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{1e3 * seconds:.2f} ms" if seconds >= 1e-3 else f"{1e6 * seconds:.1f} us"
