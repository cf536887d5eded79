"""netc itself, in a process like the others: a step as `netc train` runs it, outputs by the API."""

import os
import tempfile
from pathlib import Path

import numpy as np
from answer import Model, serve
from work import BATCHES, Work, batches

import netc

NETS = Path(__file__).parent / "nets"
FOLDER = Path(tempfile.mkdtemp(prefix="netc-bench-"))


def prepare(work: Work) -> Model:
    program = netc.compile(
        NETS / f"{work.net}.net",
        define={"size": work.batch},
        out=FOLDER / work.name,
        device="cpu",
        threads=int(os.environ["THREADS"]),
    )
    session = program.start(seed=1)
    make = trainer if work.trains else runner
    run = make(program, session, batches(work))
    return Model(program.parameters, run, *least(program, work))


def least(program: netc.Program, work: Work) -> tuple[float, float]:
    """The FLOPs of the work, and the bytes that it must move: all that lasts is read once, and
    written too where it is trained, and the batch is read. What is counted is the work on a GPU,
    where convolutions make every product."""
    name = "train" if work.trains else f"run_{'gpt' if work.net == 'gpt' else 'classifier'}"
    function = program.facts.on("cuda").function(name, work.batch)
    flops = sum(kernel.flops * kernel.times for kernel in function.kernels)
    fields = sum(4 * np.prod(field.shape) for field in function.fields)
    lasting = program.facts.persistent_bytes * 2 if work.trains else 4 * program.parameters
    return float(flops), float(lasting + fields)


def trainer(program: netc.Program, session: netc.Session, data: list):
    function = program.facts.function("train")
    rows = tuple(np.concatenate(column) for column in zip(*data, strict=True))

    def run(steps: int) -> float:
        order = np.arange(function.batch * steps) % (function.batch * BATCHES)
        return float(session.device.run(function, rows, order, steps)[-1, 0])

    return run


def runner(program: netc.Program, session: netc.Session, data: list):
    def run(steps: int) -> float:
        for step in range(steps):
            out = session.run("classifier", image=data[step % BATCHES][0])
        return float(out[0, 0])

    return run


if __name__ == "__main__":
    serve(prepare)
