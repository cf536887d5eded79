"""A `.net` file in, what it takes to run it out: known from its plans, before it is built."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

from netc.compiler.collector import without_collector
from netc.compiler.describe import predictions
from netc.compiler.functions import lay_out, trace
from netc.compiler.language.model import load_model
from netc.compiler.targets.cuda_step import workspace
from netc.compiler.targets.cuda_tiles import ARCHITECTURES, predicted_seconds
from netc.compiler.targets.function import Function
from netc.compiler.targets.machine import this_machine

CPU = "this cpu"


@dataclass(frozen=True)
class Outlook:
    """Of a training step, or of one run of all nets where nothing is trained: `samples` at a time,
    `kernels` and `flops` on the cpu, seconds by device. `memory` is the arena, by target, and
    `workspace` what a GPU needs beside it."""

    name: str
    parameters: int
    samples: int
    kernels: int
    flops: int
    memory: Mapping[str, int]
    workspace: Mapping[str, int]
    seconds: Mapping[str, float]


def look_ahead(path: str, defines: Mapping[str, float], train: str | None) -> Outlook:
    """Raises NetError where the program is wrong."""
    with without_collector():
        model = load_model(Path(path), defines, train)
        made = lay_out(trace(model), lambda *_: None, model.settings)
    batches = model.settings.accumulate
    steps = {target: step_of(functions) for target, functions in made.items()}
    predict = predictions(this_machine())["cpu"][1]
    seconds = {CPU: batches * sum(map(predict, kernels_of(steps["cpu"])))}
    for arch in ARCHITECTURES.values():
        times = (predicted_seconds(kernel, arch) for kernel in kernels_of(steps["cuda"]))
        seconds[arch.device] = batches * sum(times)
    return Outlook(
        model.name,
        sum(prod(weight.type.shape) for weight in model.weights if weight.trained),
        batches * max((function.batch for function in steps["cpu"]), default=0),
        batches * len(kernels_of(steps["cpu"])),
        batches * sum(kernel.flops for kernel in kernels_of(steps["cpu"])),
        {target: arena_bytes(functions) for target, functions in made.items()},
        workspaces(made["cuda"]),
        seconds,
    )


def arena_bytes(functions: tuple[Function, ...]) -> int:
    return max((one.memory.arena_bytes for one in functions), default=0)


def workspaces(functions: tuple[Function, ...]) -> dict[str, int]:
    """The bytes that each GPU needs beside the arena, for copies of the operands of products."""
    return {
        arch.device: max((workspace(kernel, arch) for kernel in kernels_of(functions)), default=0)
        for arch in ARCHITECTURES.values()
    }


def step_of(functions: tuple[Function, ...]) -> tuple[Function, ...]:
    """The training step, or else each net for the most samples that it is made for."""
    trained = tuple(function for function in functions if function.name == "train")
    most = max((function.batch for function in functions), default=0)
    return trained or tuple(function for function in functions if function.batch == most)


def kernels_of(functions: tuple[Function, ...]):
    return [kernel for function in functions for kernel in function.kernels]
