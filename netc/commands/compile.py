"""Compile a program into its build folder: program.json, the IR and the sources of each target."""

import argparse
import json
from functools import partial
from pathlib import Path

from netc.api import ENDINGS
from netc.commands.building import build_cpu, build_cuda
from netc.commands.common import add_defines, add_json, show_warning, wrong_use
from netc.compiler.build.cc import NATIVE, build_step_ahead
from netc.compiler.diagnostics import nearest
from netc.compiler.driver import ARCH, compile_file
from netc.compiler.ir.graph import Graph
from netc.compiler.ir.text import print_graph
from netc.compiler.program import Program
from netc.compiler.targets.cuda_tiles import ARCHITECTURES
from netc.last_build import LAST
from netc.runtime.files import make_folders, write_atomically


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a .net file")
    add_defines(parser)
    parser.add_argument("--out", metavar="DIR", help="the build folder (build/NAME)")
    parser.add_argument(
        "--target", choices=("cpu", "cuda", "all", "none"), default="train",
        help="what to build now, not at its first use (the C of training and evaluation)",
    )  # fmt: skip
    parser.add_argument(
        "--arch", choices=tuple(ARCHITECTURES), default=ARCH, help=f"build cuda for it ({ARCH})"
    )
    parser.add_argument(
        "--march", metavar="NAME", default=NATIVE,
        help="the processor that C is for, by the C compiler's name, as x86-64-v3 (this one)",
    )  # fmt: skip
    parser.add_argument("--emit", choices=("ir",), help="print the IR that kernels are made from")
    parser.add_argument("--dump", metavar="PASS", help="print the IR after this pass")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    dump = Dump(arguments.dump)
    builds_cpu = arguments.target in ("train", "cpu", "all")
    program, folder = compile_file(
        Path(arguments.file),
        defines=dict(arguments.define),
        train=arguments.block,
        out=None if arguments.out is None else Path(arguments.out),
        watch=dump.watch,
        warn=show_warning,
        ready=partial(build_step_ahead, march=arguments.march) if builds_cpu else None,
        march=arguments.march,
    )
    dump.refuse_unknown()
    remember(folder)
    built: tuple[str, ...] = ()
    if builds_cpu:
        built += build_cpu(program, folder, everything=arguments.target != "train")
    if arguments.target in ("cuda", "all"):
        built += build_cuda(program, folder, arguments.arch)
    if arguments.emit == "ir":
        for function in program.functions:
            print((folder / "ir" / f"{function.symbol}.ir").read_text(encoding="utf-8"))
    elif arguments.dump is None:
        told = json.dumps(facts(program, folder)) if arguments.json else table(program, folder)
        print(told if arguments.json else "\n".join((told, *built)))
    return 0


class Dump:
    """Prints each function's graph after one pass; knows which passes there were."""

    def __init__(self, wanted: str | None) -> None:
        self.wanted = wanted
        self.seen: dict[str, None] = {}

    def watch(self, function: str, stage: str, graph: Graph) -> None:
        self.seen[stage] = None
        if stage == self.wanted:
            print(f"# {function} after {stage}\n{print_graph(graph)}")

    def refuse_unknown(self) -> None:
        if self.wanted is None or self.wanted in self.seen:
            return
        near = nearest(self.wanted, self.seen)
        help = f"did you mean `{near}`?" if near else f"there are {', '.join(self.seen)}"
        raise wrong_use(f"there is no pass `{self.wanted}`", help)


def remember(folder: Path) -> None:
    """Commands without FILE take this build."""
    make_folders(LAST.parent)
    write_atomically(LAST, json.dumps({"folder": str(folder.resolve())}).encode())


def facts(program: Program, folder: Path) -> dict[str, object]:
    step = program.function("train")
    batches = program.training.accumulate if program.training else 1  # of a step
    return {
        "name": program.name,
        "folder": str(folder),
        "hash": program.hash,
        "parameters": program.parameters,
        "kernels": sum(len(function.kernels) for function in program.functions),
        "launches_per_step": batches * step.launches if step else 0,
        "memory_bytes": program.arena_bytes,
        "persistent_bytes": program.persistent_bytes,
        "predicted_step_seconds": batches * step.seconds if step else 0,
    }


def on_cuda(program: Program) -> str:
    """What a training step, or else all of the program, comes to on a GPU."""
    layout = program.on("cuda").layout
    step = program.on("cuda").function("train")
    kernels = [one for function in layout.functions for one in function.kernels]
    told = f"{step.launches if step else len(kernels):,} launches"
    if step is not None:
        seconds = step.seconds
        told += f" in a step of {1000 * seconds:.3g} ms at best on the likes of {layout.processor}"
    return f"{told}, {layout.arena_bytes:,} bytes"


def table(program: Program, folder: Path) -> str:
    """What a person wants to know of a program, and where its sources are."""
    told = facts(program, folder)
    lasting, work = program.persistent_bytes, program.arena_bytes - program.persistent_bytes
    rows = [
        ("parameters", f"{program.parameters:,}"),
        ("kernels", f"{told['kernels']:,} in {len(program.functions)} functions"),
        ("memory", f"{program.arena_bytes:,} bytes ({lasting:,} lasting, {work:,} at work)"),
    ]
    step = program.function("train")
    if step is not None:
        seconds = told["predicted_step_seconds"]
        samples = program.training.step_rows if program.training else step.batch
        rate = samples / seconds if seconds else 0
        launches = told["launches_per_step"]
        rows += [
            ("launches", f"{launches:,} in a training step of {samples} samples"),
            ("step", f"{1000 * seconds:.3g} ms predicted on the cpu, {rate:,.0f} samples/s"),
        ]
    rows.append(("on a GPU", on_cuda(program)))
    rows += [
        (f"{target} source", f"{folder / where}/")
        for target, (where, _) in ENDINGS.items()
        if (folder / where).is_dir()
    ]
    rows.append(("IR", f"{folder / 'ir'}/"))
    lines = [f"{name:13}{value}" for name, value in rows]
    return "\n".join([f"{program.name}  {program.hash}", *lines])
