"""A program on a device comes in; its weights, steps, gradients, outputs and measures go out."""

from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path

import numpy as np

from netc.compiler.diagnostics import nearest
from netc.compiler.program import FunctionFacts, Persistent, Program
from netc.runtime import checkpoint
from netc.runtime.arena import DTYPES
from netc.runtime.checkpoint import CheckpointFacts
from netc.runtime.data.classes import renumbered, to_text
from netc.runtime.data.dataset import Arrays, Classes
from netc.runtime.device import Device, Fields
from netc.runtime.errors import fail
from netc.runtime.feeding import Given, open_data
from netc.runtime.functions import numbers
from netc.runtime.initialize import initial
from netc.runtime.inputs import as_array, fitted, gather_rows, listed

MOST = 1 << 31  # counters on the device are i32
AVERAGE = ".average"  # follows the name of a weight in that of its average
MOST_AT_ONCE = 64  # batches of an evaluation in one call: Python hears signals between calls only


class Weights(MutableMapping):
    """The weights and states of a session by name: reading copies, assigning writes.

    Assigning checks the shape (E0521) and converts to the weight's dtype. The average of a weight,
    where the program keeps one, starts again from what is assigned.
    """

    def __init__(self, program: Program, device: Device) -> None:
        self.entries = {
            entry.tensor.name: entry
            for entry in program.persistent
            if entry.role in ("weight", "state")
        }
        self.averages = {
            entry.tensor.name.removesuffix(AVERAGE): entry.tensor
            for entry in program.persistent
            if entry.role == "average"
        }
        self.device = device

    def __getitem__(self, name: str) -> np.ndarray:
        return self.device.read(self.entry(name).tensor)

    def __setitem__(self, name: str, value: object) -> None:
        tensor = self.entry(name).tensor
        what = f"the weight `{name}`"
        array = as_array(what, value)
        if array.shape != tensor.shape:
            found, wanted = list(array.shape), f"{tensor.dtype}{list(tensor.shape)}"
            raise fail("E0521", f"{what} is {wanted}, but is given the shape {found}")
        values = fitted(what, array, tensor.dtype)
        self.device.write(tensor, values)
        if name in self.averages:
            self.device.write(self.averages[name], values)

    def __delitem__(self, name: str) -> None:
        raise fail("E0520", f"the weight `{name}` cannot be deleted")

    def __contains__(self, name: object) -> bool:
        return name in self.entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def entry(self, name: str) -> Persistent:
        if name in self.entries:
            return self.entries[name]
        near = nearest(str(name), self.entries)
        help = f"did you mean `{near}`?" if near else f"there are {listed(tuple(self.entries))}"
        raise fail("E0520", f"there is no weight `{name}`", help=help)


class Session:
    """A program with weights on a device, laid out for that. Nothing else reaches its memory.

    Fields and inputs are NumPy arrays, or anything that speaks DLPack or NumPy's protocol; the
    results are arrays of the caller's own. Every wrong use raises NetError.
    """

    def __init__(
        self, program: Program, folder: Path, device: Device, seed: int = 0,
        steps: int | None = None,
    ) -> None:  # fmt: skip
        self.program, self.folder, self.device = program.on(device.target), Path(folder), device
        self.weights = Weights(program, device)
        self.by_name = functions_by_name(self.program)
        self.classes: Classes = ()  # of the data that it was trained on
        self.initialize(seed, steps)

    def initialize(self, seed: int, steps: int | None = None) -> None:
        """Back to step 0, with the weights of this seed, for so many steps in all."""
        if not isinstance(seed, int) or not 0 <= seed < MOST:
            raise fail("E0521", f"a seed is a whole number from 0 to 2^31 - 1, not {seed!r:.40}")
        self.seed = seed
        for entry in self.program.persistent:
            tensor = entry.tensor
            dtype = DTYPES[tensor.dtype]
            values = initial(entry.initializer, tensor.shape, dtype, seed, tensor.name)
            self.device.write(tensor, values)
        for name in self.weights.averages:
            self.weights[name] = self.weights[name]
        self.set_counter("seed", seed)
        self.set_counter("step", 0)
        self.set_counter("total", self.planned_steps if steps is None else min(steps, MOST - 1))

    @property
    def planned_steps(self) -> int:
        """What schedules over the whole run are told: without an end they stay at their peak."""
        training = self.program.training
        return training.steps if training and training.steps else MOST - 1

    def set_counter(self, name: str, value: int) -> None:
        """Set a counter, where the program has it."""
        for entry in self.program.persistent:
            if entry.role == "counter" and entry.tensor.name == name:
                number = np.full(entry.tensor.shape, value, DTYPES[entry.tensor.dtype])
                self.device.write(entry.tensor, number)

    def prepare(self, *names: str) -> None:
        """Build the functions of these names for all their batches."""
        for function in self.program.functions:
            if function.name in names:
                self.device.prepare(function)

    @property
    def accumulate(self) -> int:
        """How many batches a training step takes."""
        return self.program.training.accumulate if self.program.training else 1

    @property
    def steps_done(self) -> int:
        """How many training steps the weights have seen."""
        for entry in self.program.persistent:
            if entry.role == "counter" and entry.tensor.name == "step":
                return int(self.device.read(entry.tensor).reshape(-1)[0]) // self.accumulate
        return 0

    def skip_step(self) -> None:
        """Count a step as done that was not."""
        self.set_counter("step", (self.steps_done + 1) * self.accumulate)

    def step(self, /, **fields: object) -> dict[str, float]:
        """One training step on its rows: the loss and the measures from before the update."""
        function = self.function("train")
        return named(function, self.train(self.step_rows(function, fields), None, 1)[0])

    def train(self, rows: Fields, order: np.ndarray | None, steps: int) -> np.ndarray:
        """So many training steps on checked rows in this order: float32[steps, numbers].

        The numbers of a step are the means over its batches.
        """
        log = self.device.run(self.function("train"), rows, order, steps * self.accumulate)
        if self.accumulate == 1:
            return log
        return log.reshape(steps, self.accumulate, -1).mean(axis=1, dtype=np.float64)

    def gradients(self, /, **fields: object) -> dict[str, np.ndarray]:
        """The gradient of the loss for each trained weight, on a step's rows; the weights stay."""
        function = self.function("gradients")
        rows = self.step_rows(function, fields)
        found = {name: tensor for name, tensor in function.outputs if name in self.weights}
        total = {name: np.zeros(tensor.shape, np.float32) for name, tensor in found.items()}
        for part in range(self.accumulate):
            places = slice(part * function.batch, (part + 1) * function.batch)
            self.device.run(function, tuple(array[places] for array in rows), None, 1)
            for name, tensor in found.items():
                total[name] += self.device.read(tensor) / self.accumulate
        return total

    def run(self, net: str, /, **inputs: object) -> np.ndarray | tuple[np.ndarray, ...]:
        """The output of a net for any number of rows; a tuple where it returns several."""
        who = f"run_{net}"
        functions = self.by_name.get(who)
        if functions is None:
            raise self.no_net(net)
        rows, count = gather_rows(f"the net `{net}`", functions[0].fields, inputs)
        for function in functions:
            if function.batch == count:  # as they are: a small net is as quick as a slice
                found = self.outputs(function, rows)
                return found[0] if len(found) == 1 else found
        parts = [
            self.outputs(chunk, tuple(array[first : first + chunk.batch] for array in rows))
            for chunk, start, steps in self.cut(who, count)
            for first in range(start, start + steps * chunk.batch, chunk.batch)
        ]
        joined = tuple(join(net, part) for part in zip(*parts, strict=True))
        return joined[0] if len(joined) == 1 else joined

    def outputs(self, function: FunctionFacts, rows: Fields) -> tuple[np.ndarray, ...]:
        """What a net's function returns for one batch."""
        self.device.run(function, rows, None, 1)
        return tuple([self.device.read(tensor) for _, tensor in function.outputs])

    def evaluate(self, data: Given = None) -> dict[str, float]:
        """The loss and the measures over all rows, each row counted once; no weight changes.

        `data` is rows by field, a file, or a data set, whose test rows count where it has any;
        without it, the program's own source is such a data set.
        """
        function = self.function("evaluate")
        if not isinstance(data, Mapping):
            data = self.rows_to_judge(self.program, data)
        rows, count = gather_rows("the evaluation", function.fields, data)
        return self.evaluate_rows(rows, count)

    def rows_to_judge(self, program: Program, data: Given) -> Arrays:
        """The test rows of the data as this program reads it, or all of them where there are none;
        names of classes have the numbers of training."""
        found = renumbered(open_data(program, data), self.classes, "the data")
        return found.train if found.test is None else found.test

    def evaluate_rows(self, rows: Fields, count: int) -> dict[str, float]:
        """`evaluate` for arrays that were checked, in the order of the function's fields.

        What keeps a tally is worth what it is after the last rows; the rest is averaged over the
        rows, and a measure that is NaN for some of them (nothing to measure) leaves those out.
        """
        function = self.function("evaluate")
        self.clear_tallies()
        names = numbers(function)
        measured = np.array([not name.startswith("loss") for name in names])
        is_tallied = np.array([name in function.tallied for name in names])
        sums, counted = np.zeros(len(names)), np.zeros(len(names))
        last = np.full(len(names), np.nan)
        for chunk, start, steps in self.cut("evaluate", count):
            for done in range(0, steps, MOST_AT_ONCE):
                now = min(MOST_AT_ONCE, steps - done)
                first = start + done * chunk.batch
                part = tuple(array[first : first + now * chunk.batch] for array in rows)
                log = self.device.run(chunk, part, None, now)
                left_out = np.isnan(log) & measured
                sums += np.where(left_out, 0, log.astype(np.float64)).sum(axis=0) * chunk.batch
                counted += (~left_out).sum(axis=0) * chunk.batch
                last = log[-1]
        counted = np.where(counted == 0, np.nan, counted)  # nothing was measured at all
        means = sums / np.where(measured, counted, max(1, count))
        return named(function, np.where(is_tallied, last, means))

    def clear_tallies(self) -> None:
        for entry in self.program.persistent:
            if entry.role == "tally":
                tensor = entry.tensor
                self.device.write(tensor, np.zeros(tensor.shape, DTYPES[tensor.dtype]))

    def cut(self, name: str, count: int) -> Iterator[tuple[FunctionFacts, int, int]]:
        """(function, first row, steps) for all rows, by the largest batches that fit."""
        start = 0
        for function in self.by_name[name]:
            steps = (count - start) // function.batch
            if steps:
                yield function, start, steps
                start += steps * function.batch
        if start < count:
            sizes = ", ".join(str(function.batch) for function in self.by_name[name])
            message = f"`{name}` is compiled for batches of {sizes}, which do not make {count} rows"
            raise fail("E0521", message)

    def function(self, name: str) -> FunctionFacts:
        """The function of this name, for the largest batch that there is one for."""
        if name not in self.by_name:
            message = f"the program `{self.program.name}` has nothing to train"
            help = "its file needs a `train` block"
            raise fail("E0522", message, help=help)
        return self.by_name[name][0]

    def no_net(self, net: str):
        nets = tuple(
            dict.fromkeys(
                function.name.removeprefix("run_")
                for function in self.program.functions
                if function.name.startswith("run_")
            )
        )
        near = nearest(str(net), nets)
        help = f"did you mean `{near}`?" if near else f"there are {listed(nets)}"
        return fail("E0520", f"the program has no net `{net}`", help=help)

    def step_rows(self, function: FunctionFacts, fields: Mapping[str, object]) -> Fields:
        """The rows of one training step, checked."""
        rows, count = gather_rows("the training step", function.fields, fields)
        wanted = function.batch * self.accumulate
        if count != wanted:
            more = f" and `accumulate {self.accumulate}`" if self.accumulate > 1 else ""
            raise fail(
                "E0521",
                f"a training step takes {wanted} rows, but is given {count}",
                help=f"the program says `batch {function.batch}`{more}",
            )
        return rows

    def tensors(self) -> dict[str, np.ndarray]:
        """All that a checkpoint holds, by name."""
        return {entry.tensor.name: self.device.read(entry.tensor) for entry in self.program.saved}

    def restore(self, tensors: Mapping[str, np.ndarray], seed: int) -> None:
        """Put back what `tensors` gave; names, shapes and dtypes must be the program's."""
        for entry in self.program.saved:
            self.device.write(entry.tensor, tensors[entry.tensor.name])
        self.seed = seed

    def facts(self) -> CheckpointFacts:
        """What a checkpoint of this moment says, outside of a training run."""
        classes = (("classes", to_text(self.classes)),) if self.classes else ()
        return CheckpointFacts(
            step=self.steps_done,
            epoch=0,
            position=0,
            seed=self.seed,
            program_hash=self.program.hash,
            netc_version=self.program.version,
            target=self.device.name,
            extra=(("program", str(self.folder.resolve())), *classes),
        )

    def save(self, path: str | Path, facts: CheckpointFacts | None = None) -> None:
        """Write all that lasts to one file, durably; `netc.load` makes a session of it again."""
        checkpoint.save(Path(path), self.tensors(), facts or self.facts())

    def close(self) -> None:
        """Give the device's memory back."""
        self.device.close()


def functions_by_name(program: Program) -> dict[str, tuple[FunctionFacts, ...]]:
    """The functions of each name, those for the largest batches first: looked up in every call."""
    names = dict.fromkeys(function.name for function in program.functions)
    return {
        name: tuple(program.function(name, batch) for batch in program.batches(name))
        for name in names
    }


def named(function: FunctionFacts, values: np.ndarray) -> dict[str, float]:
    return {name: float(value) for name, value in zip(numbers(function), values, strict=True)}


def join(net: str, parts: tuple[np.ndarray, ...]) -> np.ndarray:
    """The outputs of several batches, one after the other along the axis of rows."""
    if parts[0].ndim == 0:
        message = f"`{net}` returns one number for a whole batch, so its batch cannot be cut"
        raise fail("E0521", message, help="give a number of rows that it is compiled for")
    return np.concatenate(parts)
