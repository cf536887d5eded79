"""The peers' side of the pipe: requests come in on standard input, figures go out, one JSON a line.

{"prepare": [net, batch, trains]} builds a model; {"run": n} runs so many steps of it; both tell
their seconds. A step takes the next of the batches; the loss is read once, after the last one.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from work import Work


@dataclass(frozen=True)
class Model:
    """`run(steps)` does so many steps and returns the last loss, or any number of the output.

    netc tells the least FLOPs and bytes of a step, too."""

    parameters: int
    run: Callable[[int], float]
    flops: float = 0.0
    bytes: float = 0.0


def serve(prepare: Callable[[Work], Model]) -> None:
    """Answer until the pipe is closed. What a library prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    model = None
    for line in sys.stdin:
        request = json.loads(line)
        start = time.perf_counter()
        try:
            if "prepare" in request:
                net, batch, trains = request["prepare"]
                model = None  # its memory is given back first
                model = prepare(Work(net, batch, 1, trains))
                answer = {
                    "parameters": model.parameters, "flops": model.flops, "bytes": model.bytes
                }  # fmt: skip
            elif model is None:
                answer = {"error": "there is no model"}
            else:
                answer = {"value": float(model.run(request["run"]))}
        except Exception as error:  # a peer that cannot do something leaves a gap in the table
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        answer |= {"seconds": time.perf_counter() - start, "megabytes": peak_megabytes()}
        print(json.dumps(answer), file=answers, flush=True)


def peak_megabytes() -> float:
    """The most memory that this process has held."""
    with open("/proc/self/status", encoding="ascii") as status:
        line = next((line for line in status if line.startswith("VmHWM")), "VmHWM: 0")
    return int(line.split()[1]) / 1024
