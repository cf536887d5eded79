"""Say what an edit changes: two programs side by side, or one with and without other constants."""

import argparse
import json

from netc.commands.common import add_defines, add_json
from netc.commands.outlook import CPU, Outlook, look_ahead

GPU = "A100"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("before", metavar="A", help="a .net file")
    parser.add_argument("after", metavar="B", help="another one, or the same; -D is for this one")
    add_defines(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    before = figures(look_ahead(arguments.before, {}, arguments.block))
    after = figures(look_ahead(arguments.after, dict(arguments.define), arguments.block))
    if arguments.json:
        print(json.dumps({"before": before, "after": after}))
        return 0
    print(f"{'':26}{'A':>18}{'B':>18}{'change':>10}")
    for name in before:
        print(row(name, before[name], after[name]))
    return 0


def figures(found: Outlook) -> dict[str, float]:
    return {
        "parameters": found.parameters,
        "samples in a step": found.samples,
        "kernels in a step": found.kernels,
        "FLOP in a step": found.flops,
        "bytes on a cpu": found.memory["cpu"],
        "bytes on a GPU": found.memory["cuda"],
        "us on this cpu": 1e6 * found.seconds[CPU],
        f"us on an {GPU} at best": 1e6 * found.seconds[GPU],
    }


def row(name: str, before: float, after: float) -> str:
    if before == after:
        change = "same"
    else:
        change = f"{100 * (after - before) / before:+.1f} %" if before else "new"
    return f"{name:26}{before:18,.0f}{after:18,.0f}{change:>10}"
