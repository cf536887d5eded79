"""Compare every kernel of a program, alone, and every gradient with the reference, by layers."""

import argparse
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from netc.api import Program, started
from netc.commands.common import (
    add_defines,
    add_device,
    add_json,
    given_data,
    is_folder,
    open_program,
    trained,
    wrong_use,
)
from netc.compiler.ir.graph import Value
from netc.compiler.language.model import Model, load_model
from netc.compiler.passes.train import Objective
from netc.compiler.program import FunctionFacts, KernelFacts
from netc.runtime.feeding import FEED, open_parts
from netc.runtime.session import Session
from netc.runtime.verify_gradients import (
    ALLOWED_SLOPE,
    GradientCheck,
    check_gradients,
    leave_kinks,
)
from netc.runtime.verify_kernels import Arrays, KernelCheck, check_kernels

WRONG = 1  # the exit code
MOST_OPERATIONS = 5e10  # that the reference takes less than a minute or two for
SEED = 1


@dataclass(frozen=True)
class Layer:
    """A row of the table: errors are the worst of the layer; `gradient`, in roundings, and `slope`,
    a share, are None where it has no weights."""

    layer: str
    kernels: int
    error: float
    gradient: float | None
    slope: float | None
    passed: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a .net file")
    add_defines(parser)
    add_device(parser)
    parser.add_argument("--data", metavar="PATH", help="a file or a folder instead of the source's")
    parser.add_argument("--checkpoint", metavar="PATH", help="weights; else those of a fresh start")
    parser.add_argument("--function", metavar="NAME", help="only train, evaluate_1, run_NET_1 ...")
    parser.add_argument("--all", action="store_true", help="also what the reference takes long for")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    if is_folder(Path(arguments.file)):
        raise wrong_use(f"`{arguments.file}` is a folder", "name the `.net` file")
    program = open_program(arguments)
    model = load_model(arguments.file, dict(arguments.define), arguments.block)
    rows = real_rows(program, arguments.data)
    chosen, left_out = choose(program.functions, arguments.function, arguments.all)
    session = start(program, arguments)
    try:
        kernels = tuple(check_kernels(session, chosen, rows))
        gradients = tuple(gradients_of(session, model, rows, chosen))
    finally:
        session.close()
    layers = by_layer(kernels, gradients, set(session.weights))
    passed = all(layer.passed for layer in layers)
    if arguments.json:
        print(json.dumps(facts(session, layers, kernels, gradients, left_out)))
    else:
        print(report(session, layers, kernels, gradients, left_out))
    return 0 if passed else WRONG


def real_rows(program: Program, data: str | None) -> Arrays:
    """Rows of the program's own data; none where it takes none, or nobody feeds it."""
    facts = program.facts.data
    if facts is None or (facts.source == FEED and data is None):
        return {}
    return open_parts(program.facts, given_data(data), 0.0).train.arrays


def choose(
    functions: tuple[FunctionFacts, ...], symbol: str | None, everything: bool
) -> tuple[tuple[FunctionFacts, ...], tuple[str, ...]]:
    """The functions to check, and the names of those that would take too long."""
    if symbol is not None:
        found = tuple(one for one in functions if one.symbol == symbol)
        if not found:
            there = ", ".join(one.symbol for one in functions)
            raise wrong_use(f"there is no function `{symbol}`", f"there are {there}")
        return found, ()
    chosen = tuple(one for one in functions if everything or operations(one) <= MOST_OPERATIONS)
    return chosen, tuple(one.symbol for one in functions if one not in chosen)


def operations(function: FunctionFacts) -> int:
    return sum(kernel.flops * kernel.times for kernel in function.kernels)


def start(program: Program, arguments: argparse.Namespace) -> Session:
    if arguments.checkpoint is not None:
        return started(program, trained(program, arguments))
    session = program.start(SEED)
    leave_kinks(session)
    return session


def gradients_of(
    session: Session, model: Model, rows: Arrays, chosen: tuple[FunctionFacts, ...]
) -> Iterable[GradientCheck]:
    if not any(function.name == "gradients" for function in chosen):
        return ()
    step = model.trace_step(model.settings.batch)
    return check_gradients(session, step.graph, losses_of(step.objectives), rows)


def losses_of(objectives: tuple[Objective, ...]) -> Mapping[str, tuple[Value, ...]]:
    """The losses that each weight is to lower, by its name."""
    found: dict[str, tuple[Value, ...]] = {}
    for objective in objectives:
        for weight in objective.weights:
            found[weight.name] = (*found.get(weight.name, ()), objective.loss)
    return found


# --- the table --------------------------------------------------------------------------------


def by_layer(
    kernels: tuple[KernelCheck, ...], gradients: tuple[GradientCheck, ...], weights: set[str]
) -> tuple[Layer, ...]:
    """The checks of each layer, in the order of the program."""
    names = [layer_of(check.kernel, weights) for check in kernels]
    owners = [owner(check.weight) for check in gradients]
    layers = []
    for name in dict.fromkeys((*names, *owners)):
        mine = [one for one, layer in zip(kernels, names, strict=True) if layer == name]
        own = [one for one, layer in zip(gradients, owners, strict=True) if layer == name]
        layers.append(
            Layer(
                layer=name,
                kernels=len(mine),
                error=max((one.error for one in mine), default=0.0),
                gradient=max((one.error for one in own), default=None),
                slope=max((one.slope for one in own), default=None),
                passed=all(one.passed for one in (*mine, *own)),
            )
        )
    return tuple(layers)


def layer_of(kernel: KernelFacts, weights: set[str]) -> str:
    """An update has the path of its weight, which is its layer's."""
    return (owner(kernel.path) if kernel.path in weights else kernel.path) or "the step"


def owner(weight: str) -> str:
    return weight.rpartition(".")[0] or weight


def report(
    session: Session,
    layers: tuple[Layer, ...],
    kernels: tuple[KernelCheck, ...],
    gradients: tuple[GradientCheck, ...],
    left_out: tuple[str, ...],
) -> str:
    width = max((len(layer.layer) for layer in layers), default=5)
    lines = [f"{'layer':{width}}  kernels  worst error  gradient error  from the slope"]
    lines += [row(layer, width) for layer in layers]
    lines += ["", *map(wrong_kernel, (one for one in kernels if not one.passed))]
    lines += map(wrong_gradient, (one for one in gradients if not one.passed))
    if left_out:
        lines.append(f"left out: {', '.join(left_out)}; the reference takes long, `--all` waits")
    verdict = "right" if all(layer.passed for layer in layers) else "wrong"
    count = f"{len(kernels)} kernels, {len(gradients)} gradients"
    lines.append(f"{count} on {session.device.name}, errors in roundings of float32: {verdict}")
    return "\n".join(lines)


def row(layer: Layer, width: int) -> str:
    gradient = "" if layer.gradient is None else f"{layer.gradient:.2f}"
    slope = "" if layer.slope is None else f"{layer.slope:.1e}"
    verdict = "right" if layer.passed else "WRONG"
    numbers = f"{layer.kernels:7}  {layer.error:11.2f}  {gradient:>14}  {slope:>14}"
    return f"{layer.layer:{width}}  {numbers}  {verdict}"


def wrong_kernel(check: KernelCheck) -> str:
    lines = ", ".join(map(str, check.kernel.lines))
    where = f" (line {lines})" if lines else ""
    return (
        f"wrong: the kernel {check.kernel.name} of {check.function}{where} "
        f"is off by {check.error:.3g} roundings"
    )


def wrong_gradient(check: GradientCheck) -> str:
    if check.slope > ALLOWED_SLOPE:
        return f"wrong: the gradient of {check.weight} is off by {check.slope:.1e} of its norm"
    return (
        f"wrong: the gradient of {check.weight} on this device is off by "
        f"{check.error:.3g} roundings"
    )


def facts(
    session: Session,
    layers: tuple[Layer, ...],
    kernels: tuple[KernelCheck, ...],
    gradients: tuple[GradientCheck, ...],
    left_out: tuple[str, ...],
) -> dict[str, object]:
    return {
        "device": session.device.name,
        "about": session.device.about,
        "passed": all(layer.passed for layer in layers),
        "layers": [
            {"layer": one.layer, "kernels": one.kernels, "error": known(one.error),
             "gradient": known(one.gradient), "slope": known(one.slope), "passed": one.passed}
            for one in layers
        ],
        "kernels": [
            {"function": one.function, "kernel": one.kernel.name, "error": known(one.error),
             "passed": one.passed}
            for one in kernels
        ],
        "gradients": [
            {"weight": one.weight, "error": known(one.error), "slope": known(one.slope),
             "passed": one.passed}
            for one in gradients
        ],
        "left_out": list(left_out),
    }  # fmt: skip


def known(error: float | None) -> float | None:
    """JSON has no infinity: the error of what is not a number is null."""
    return error if error is not None and isfinite(error) else None
