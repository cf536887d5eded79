"""Measure other tiles for a program's matrix products and keep the best for this machine.

Tuning changes how quick a program is and none of its bits. The winners are kept in the cache, where
every program finds them; --lock writes them beside the program, to be committed with it.
"""

import argparse
import shutil
import tempfile
import time
from dataclasses import replace
from itertools import count
from pathlib import Path

from netc.api import Program
from netc.commands.common import add_defines, seconds, wrong_use
from netc.compiler.build.peaks import measured_peaks
from netc.compiler.driver import compile_file
from netc.compiler.functions import lay_out, trace
from netc.compiler.kernels.plan import MatmulPlan
from netc.compiler.language.model import load_model
from netc.compiler.program import Program as Facts
from netc.compiler.targets import cpu, tuned
from netc.compiler.targets.cpu_tiles import CpuMachine, Shape, other_shapes, product_key
from netc.compiler.targets.cpu_window import window_tile
from netc.compiler.targets.function import Function
from netc.compiler.targets.machine import this_machine
from netc.runtime.arena import processors
from netc.runtime.profile import kernel_times
from netc.runtime.session import Session

WORTH = 0.97  # a shape must be this much quicker to go before the usual one
MEASURE_SECONDS = 0.5  # of each half of a round


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a .net file with a train block")
    add_defines(parser)
    parser.add_argument("--seconds", type=seconds, default=60.0, help="how long to look (60)")
    parser.add_argument("--lock", action="store_true", help="write NAME.tune.json beside FILE")


def run(arguments: argparse.Namespace) -> int:
    file, defines = Path(arguments.file), dict(arguments.define)
    measured_peaks(processors())
    machine = this_machine()
    with tempfile.TemporaryDirectory(prefix="netc-tune-") as name:
        facts, folder = compile_file(
            file, defines=defines, train=arguments.block, out=Path(name) / "build", machine=machine
        )
        step = facts.function("train")
        if step is None:
            raise wrong_use(f"`{file}` trains nothing", "its file needs a `train` block")
        model = load_model(file, defines, arguments.block)
        graphs = tuple(graph for graph in trace(model) if graph.name == "train")
        function = lay_out(graphs, lambda *words: None, model.settings)["cpu"][0]
        found = search(Bench(facts, function, folder), machine, arguments.seconds)
    tuned.remember(machine, found)
    tried = len(products(function, machine))
    print(f"{len(found)} of {tried} products are quicker in another shape")
    if arguments.lock:
        print(f"wrote {tuned.lock(machine, file, found)}")
    return 0


class Bench:
    """Times the products of a training step in any shapes. Each choice of shapes has a build folder
    of its own: a library that is loaded stays what it was, whatever its file becomes."""

    def __init__(self, facts: Facts, function: Function, folder: Path) -> None:
        self.facts, self.function, self.folder = facts, function, folder
        self.sessions: dict[CpuMachine, Session] = {}
        self.numbers = count(1)

    def times(self, machine: CpuMachine) -> dict[str, float]:
        """The seconds of all products of each key, built for this machine."""
        if machine not in self.sessions:
            self.sessions[machine] = self.build(machine)
        step = self.facts.function("train")
        measured = kernel_times(self.sessions[machine], step, MEASURE_SECONDS)
        found: dict[str, float] = {}
        for kernel, one in zip(self.function.kernels, measured, strict=True):
            if isinstance(kernel.plan, MatmulPlan):
                key = product_key(kernel.plan)
                found[key] = found.get(key, 0.0) + one.seconds
        return found

    def build(self, machine: CpuMachine) -> Session:
        folder = self.folder.with_name(f"{self.folder.name}-{next(self.numbers)}")
        shutil.copytree(self.folder / "c", folder / "c")
        source = cpu.render_function(self.function, machine, ())
        (folder / "c" / f"{self.function.name}.c").write_text(source)
        return Program(self.facts, folder, "cpu").start()

    def forget(self, machine: CpuMachine) -> None:
        """Give the memory of a build back."""
        self.sessions.pop(machine).close()


def products(function: Function, machine: CpuMachine) -> dict[str, MatmulPlan]:
    """One plan for each key among the products of a function; what slides is not tuned."""
    plans = (kernel.plan for kernel in function.kernels)
    some = (plan for plan in plans if isinstance(plan, MatmulPlan))
    return {product_key(plan): plan for plan in some if window_tile(plan, machine) is None}


def search(bench: Bench, machine: CpuMachine, budget: float) -> dict[str, Shape]:
    """The shapes that are quicker than the usual one. Each round measures the next shape of every
    product at once, beside the usual ones; the last round checks the winners again."""
    end = time.monotonic() + budget
    plans = products(bench.function, machine)
    choices = {key: other_shapes(plan, machine) for key, plan in plans.items()}
    rounds = max(map(len, choices.values()), default=0)
    shares, shapes = dict.fromkeys(plans, WORTH), {}
    for number in range(rounds):
        if time.monotonic() > end:
            break
        tried = {key: some[number % len(some)] for key, some in choices.items()}
        usual, found = beside(bench, machine, tried)
        for key, shape in tried.items():
            if found[key] < usual[key] * shares[key]:
                shares[key], shapes[key] = found[key] / usual[key], shape
        hoped = sum(usual[key] * (shares[key] if key in shapes else 1) for key in usual)
        print(f"round {number + 1} of {rounds}  products {told(hoped)}, in usual shapes "
              f"{told(sum(usual.values()))}", flush=True)  # fmt: skip
    return confirmed(bench, machine, shapes)


def confirmed(bench: Bench, machine: CpuMachine, shapes: dict[str, Shape]) -> dict[str, Shape]:
    """The shapes that win a second time."""
    usual, found = beside(bench, machine, shapes)
    kept = {key: shape for key, shape in shapes.items() if found[key] < usual[key] * WORTH}
    final = sum((found if key in kept else usual)[key] for key in usual)
    print(f"measured again  products {told(final)}, in usual shapes {told(sum(usual.values()))}")
    return kept


def beside(
    bench: Bench, machine: CpuMachine, shapes: dict[str, Shape]
) -> tuple[dict[str, float], dict[str, float]]:
    """The seconds of each key in its usual shape, and in these, one measured after the other."""
    if not shapes:
        return (usual := bench.times(machine)), usual
    tuned_machine = replace(machine, tuned=tuple(shapes.items()))
    usual, found = bench.times(machine), bench.times(tuned_machine)
    bench.forget(tuned_machine)
    return usual, found


def told(seconds: float) -> str:
    return f"{1e3 * seconds:.3f} ms"
