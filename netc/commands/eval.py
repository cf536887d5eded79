"""Measure a trained program: the loss and the measures over a part of its data, or over a file."""

import argparse
import json

from netc.api import started
from netc.commands.common import (
    add_device,
    add_json,
    add_program,
    add_trained,
    given_data,
    open_program,
    trained,
)
from netc.runtime.errors import fail
from netc.runtime.feeding import Parts, Rows, open_parts
from netc.runtime.progress import steady
from netc.sizes import of_any_size

PARTS = ("test", "validation", "train")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_program(parser)
    add_trained(parser)
    parser.add_argument("--data", metavar="PATH", help="a file or a folder instead of the source's")
    parser.add_argument("--part", choices=PARTS, help="test where there is one, else all that is")
    add_device(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    program = open_program(arguments)
    found = trained(program, arguments)
    validate = program.facts.training.validate if program.facts.training else 0.0
    held_back = validate if arguments.part in ("validation", "train") else 0.0
    session = started(program, found)
    facts, data = of_any_size(program.facts), given_data(arguments.data)
    parts = open_parts(facts, data, held_back, session.classes)
    name, rows = chosen(parts, arguments.part)
    fields = session.function("evaluate").fields
    values = session.evaluate({field.name: rows.arrays[field.name] for field in fields})
    if arguments.json:
        told = {"checkpoint": str(found.path), "part": name, "samples": rows.count, **values}
        print(json.dumps(told))
    else:
        text = "  ".join(f"{measure} {steady(value)}" for measure, value in values.items())
        print(f"{name}  {text}  ({rows.count:,} samples, {found.path})")
    return 0


def chosen(parts: Parts, part: str | None) -> tuple[str, Rows]:
    there = {"test": parts.test, "validation": parts.validation, "train": parts.train}
    name = part or ("test" if parts.test is not None else "train")
    rows = there[name]
    if rows is None:
        raise fail("E0523", f"the data has no {name} part", help="leave `--part` out")
    return name, rows
