"""Check a program's names, shapes and types, and say what it comes to. Leaves no build."""

import argparse
import json
import sys
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory

from netc.commands.common import add_defines, add_json, show_warning
from netc.compiler.diagnostics import NetError, as_json
from netc.compiler.driver import compile_file
from netc.compiler.functions import lay_out, trace
from netc.compiler.language.model import Model, load_model
from netc.runtime.emulate_check import emulate_check


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a .net file")
    add_defines(parser)
    parser.add_argument("--weights", action="store_true", help="list every weight with its shape")
    parser.add_argument(
        "--emulate", action="store_true", help="run each CUDA kernel on this CPU, accesses checked"
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    model = load_model(arguments.file, dict(arguments.define), arguments.block)
    told = facts(model)
    for warning in () if arguments.json else model.warnings:
        show_warning(warning)
    if arguments.emulate:
        check_kernels(arguments)
    if arguments.json:
        print(json.dumps(told))
        return 0
    if arguments.weights:
        for weight in model.weights:
            print(f"{weight.name}: {weight.type}")
    numbers = f"{told['parameters']:,} parameters, {told['memory_bytes']:,} bytes of memory"
    nets = ", ".join(model.nets) or "none"
    print(f"{arguments.file} is right: {numbers}, nets: {nets}", file=sys.stderr)
    return 0


def check_kernels(arguments: argparse.Namespace) -> None:
    """Run one step of every function in the emulator; NetError with what the kernels do wrong."""
    defines, train = dict(arguments.define), arguments.block
    with TemporaryDirectory(prefix="netc-") as folder:
        out = Path(folder) / "build"
        program, _ = compile_file(Path(arguments.file), defines=defines, train=train, out=out)
        found = emulate_check(program, out)
    if found:
        raise NetError(*found)
    kernels = sum(len(function.kernels) for function in program.on("cuda").functions)
    print(f"{kernels} CUDA kernels run without a fault", file=sys.stderr)


def facts(model: Model) -> dict[str, object]:
    trained = [weight for weight in model.weights if weight.trained]
    return {
        "name": model.name,
        "parameters": sum(prod(weight.type.shape) for weight in trained),
        "memory_bytes": memory(model),
        "nets": list(model.nets),
        "warnings": [as_json(one) for one in model.warnings],
        "weights": {weight.name: str(weight.type) for weight in model.weights},
    }


def memory(model: Model) -> int:
    """Bytes of the arena that the program would run in on the cpu."""
    functions = lay_out(trace(model), lambda function, stage, graph: None)["cpu"]
    return max((function.memory.arena_bytes for function in functions), default=0)
