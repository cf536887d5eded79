"""Train a program in a new run folder. Ctrl-C saves; --resume goes on with the same bits."""

import argparse
from pathlib import Path

from netc.api import reporter
from netc.commands.common import (
    add_device,
    add_json,
    add_program,
    given_data,
    natural,
    open_program,
    positive,
    seconds,
)
from netc.runtime.loop import Run
from netc.runtime.plan import Options
from netc.runtime.train import result_json, result_line, train


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_program(parser)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--epochs", type=positive, help="instead of the program's")
    length.add_argument("--steps", type=positive, help="in all, instead of epochs")
    parser.add_argument("--seed", type=natural, help="instead of the program's")
    parser.add_argument("--data", metavar="PATH", help="a .npz, .npy or .csv file, or a folder")
    parser.add_argument("--out", default="runs", metavar="DIR", help="where run folders go (runs)")
    parser.add_argument(
        "--resume", nargs="?", const="", metavar="RUN", help="go on with a run, by default the last"
    )
    parser.add_argument("--max-steps", type=positive, help="stop after so many steps, saved")
    parser.add_argument("--time-limit", type=seconds, help="stop after so many seconds, saved")
    add_device(parser)
    add_json(parser)
    parser.add_argument("--quiet", action="store_true", help="say nothing but the result")


def run(arguments: argparse.Namespace) -> int:
    program = open_program(arguments)
    options = Options(
        epochs=arguments.epochs,
        steps=arguments.steps,
        seed=arguments.seed,
        threads=arguments.threads,
        device=arguments.device,
        data=given_data(arguments.data),
        out=Path(arguments.out),
        max_steps=arguments.max_steps,
        time_limit=arguments.time_limit,
        resume=arguments.resume,
    )
    report = reporter(arguments.json, arguments.quiet)
    done = train(program.facts, program.folder, options, report)
    tell_result(done, arguments.json)
    return done.exit_code


def tell_result(done: Run, as_json: bool) -> None:
    text = result_json(done) if as_json else result_line(done)
    if text:
        print(text, flush=True)
