"""Train a program in a new run folder. Ctrl-C saves; --resume goes on with the same bits."""

import argparse
import json
from dataclasses import asdict
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
from netc.runtime.dry_run import dry_run
from netc.runtime.loop import Run
from netc.runtime.plan import Options
from netc.runtime.requirements import check_name, check_requirements, requirement
from netc.runtime.train import result_json, result_line, train


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_program(parser)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--epochs", type=positive, help="instead of the program's")
    length.add_argument("--steps", type=positive, help="in all, instead of epochs")
    parser.add_argument("--seed", type=natural, help="instead of the program's")
    parser.add_argument(
        "--data", metavar="PATH", help="a .npz, .npy, .csv or .parquet file, or a folder"
    )
    parser.add_argument("--out", default="runs", metavar="DIR", help="where run folders go (runs)")
    parser.add_argument(
        "--resume", nargs="?", const="", metavar="RUN", help="go on with a run, by default the last"
    )
    parser.add_argument("--max-steps", type=positive, help="stop after so many steps, saved")
    parser.add_argument("--time-limit", type=seconds, help="stop after so many seconds, saved")
    parser.add_argument(
        "--on-nan", choices=("stop", "skip"), default="stop",
        help="where a step leads to NaN or infinity: end with code 3, or leave the step out",
    )  # fmt: skip
    parser.add_argument(
        "--require", action="append", default=[], type=requirement, metavar="NAME>=NUMBER",
        help="end with code 3 where the trained program misses this, as in 'accuracy>=0.98'",
    )  # fmt: skip
    parser.add_argument(
        "--dry-run", action="store_true", help="one step, its time and memory; nothing is kept"
    )
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
        skip_bad=arguments.on_nan == "skip",
    )
    if arguments.dry_run:
        tried = dry_run(program.facts, program.folder, options)
        print(json.dumps(asdict(tried)) if arguments.json else tried)
        return 0
    for wanted in arguments.require:
        check_name(wanted, program.facts)
    report = reporter(arguments.json, arguments.quiet)
    done = train(program.facts, program.folder, options, report)
    tell_result(done, arguments.json)
    if done.is_finished:
        check_requirements(arguments.require, done)
    return done.exit_code


def tell_result(done: Run, as_json: bool) -> None:
    text = result_json(done) if as_json else result_line(done)
    if text:
        print(text, flush=True)
