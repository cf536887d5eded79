"""Check a program's names, shapes and types, and say what it comes to. Builds nothing."""

import argparse
import json
import sys
from math import prod

from netc.commands.common import add_defines, add_json
from netc.compiler.language.model import Model, load_model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a .net file")
    add_defines(parser)
    parser.add_argument("--weights", action="store_true", help="list every weight with its shape")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    model = load_model(arguments.file, dict(arguments.define), arguments.block)
    if model.train is not None:
        model.trace_step(model.settings.batch)
    if arguments.json:
        print(json.dumps(facts(model)))
        return 0
    if arguments.weights:
        for weight in model.weights:
            print(f"{weight.name}: {weight.type}")
    parameters = facts(model)["parameters"]
    nets = ", ".join(model.nets) or "none"
    print(f"{arguments.file} is right: {parameters:,} parameters, nets: {nets}", file=sys.stderr)
    return 0


def facts(model: Model) -> dict[str, object]:
    trained = [weight for weight in model.weights if weight.trained]
    return {
        "name": model.name,
        "parameters": sum(prod(weight.type.shape) for weight in trained),
        "nets": list(model.nets),
        "weights": {weight.name: str(weight.type) for weight in model.weights},
    }
