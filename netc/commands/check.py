"""Check a program's names, shapes and types, and say what it comes to. Leaves no build."""

import argparse
import json
import sys
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory

from netc.commands.common import add_defines, add_json, show_warning
from netc.commands.outlook import arena_bytes, workspaces
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
    nets = ", ".join(model.nets) or "none"
    numbers = f"{told['parameters']:,} parameters, {memory(told)}"
    print(f"{arguments.file} is right: {numbers}, nets: {nets}", file=sys.stderr)
    return 0


def memory(told: dict) -> str:
    """Bytes on a cpu and, where it is not the same, on GPUs."""
    parts = [f"{told['memory_bytes']:,} bytes of memory"]
    if told["gpu_memory_bytes"] != told["memory_bytes"]:
        parts.append(f"{told['gpu_memory_bytes']:,} on a GPU")
    parts += [f"{size:,} more on {device}" for device, size in told["gpu_workspace_bytes"].items()]
    return " and ".join(parts)


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
    """Memory is that of the arena; a GPU's `workspace` lies beside it."""
    trained = [weight for weight in model.weights if weight.trained]
    made = lay_out(trace(model), lambda *_: None, model.settings)
    beside = workspaces(made["cuda"])
    return {
        "name": model.name,
        "parameters": sum(prod(weight.type.shape) for weight in trained),
        "memory_bytes": arena_bytes(made["cpu"]),
        "gpu_memory_bytes": arena_bytes(made["cuda"]),
        "gpu_workspace_bytes": {device: size for device, size in beside.items() if size},
        "nets": list(model.nets),
        "warnings": [as_json(one) for one in model.warnings],
        "weights": {weight.name: str(weight.type) for weight in model.weights},
    }
