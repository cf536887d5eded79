"""A trained program and inputs of other sizes than the program's in; what it makes of them out.

A net may leave sizes open, as the length of a sequence, `x: f32[N, T, 8]`: the training data
decides them, and inputs of another length need other kernels. They are compiled when they are met,
into `sizes/` in the build folder.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from netc.compiler.diagnostics import Diagnostic, NetError, Source
from netc.compiler.driver import compile_file
from netc.compiler.functions import Given
from netc.compiler.language.model import Model, load_model
from netc.compiler.language.open_sizes import open_sizes
from netc.compiler.program import FunctionFacts, Program
from netc.runtime import feeding
from netc.runtime.device import Device
from netc.runtime.inputs import as_array
from netc.runtime.session import Session

Open = Callable[[Program, Path], Device]
ANY = -1  # a size that `select` takes as it comes


class SizedSession(Session):
    """A session whose nets, and whose evaluation, take inputs of any size that they leave open."""

    def __init__(
        self, program: Program, folder: Path, open: Open, seed: int = 0, steps: int | None = None
    ) -> None:
        super().__init__(program, folder, open(program, folder), seed, steps)
        self.open = open

    def run(self, net: str, /, **inputs: object) -> np.ndarray | tuple[np.ndarray, ...]:
        try:
            return super().run(net, **inputs)
        except NetError:
            sizes = self.other_sizes(net, inputs)
            if not sizes:
                raise
        told = ", ".join(f"{name} = {size}" for name, size in sorted(sizes.items()))
        with self.fitted(Given(net, sizes=pairs(sizes)), f"the net `{net}` for {told}") as other:
            return other.run(net, **inputs)

    def other_sizes(self, net: str, inputs: Mapping[str, object]) -> dict[str, int]:
        """The sizes that a net leaves open, where its inputs are of others than the program."""
        function = self.program.function(f"run_{net}")
        if function is None or fits(function, shapes := row_shapes(inputs)):
            return {}
        return open_sizes(self.model(), net, {name: (1, *shape) for name, shape in shapes.items()})

    def evaluate(self, data: feeding.Given = None) -> dict[str, float]:
        function = self.function("evaluate")
        if not isinstance(data, Mapping):
            part = self.rows_to_judge(of_any_size(self.program), data)
            data = {field.name: part[field.name] for field in function.fields}
        shapes = row_shapes(data)
        if fits(function, shapes) or not has_its_axes(function, shapes):
            return super().evaluate(data)
        told = ", ".join(
            f"`{name}` of [N, {', '.join(map(str, shape))}]" for name, shape in shapes.items()
        )
        with self.fitted(Given(shapes=pairs(shapes)), f"the evaluation for {told}") as other:
            return other.evaluate(data)

    def model(self) -> Model:
        """The program once more from the text that it was compiled from."""
        return load_model(*self.origin())

    def origin(self) -> tuple[Source, dict[str, float], str | None]:
        """The text of the program, its constants and its train block."""
        text = (self.folder / f"{self.program.name}.net").read_text(encoding="utf-8")
        training = self.program.training
        block = training.block if training and training.block else None
        return Source(self.program.file, text), dict(self.program.defines), block

    @contextmanager
    def fitted(self, given: Given, told: str) -> Iterator[Session]:
        """A session of the same weights for inputs of other sizes; it lasts as long as the block.

        Raises NetError (E0525 and why) where the program fixes these sizes.
        """
        source, defines, block = self.origin()
        names = [f"{name}{size}" for name, size in given.sizes]
        names += [f"{name}{'x'.join(map(str, shape))}" for name, shape in given.shapes]
        folder = self.folder / "sizes" / "-".join((given.net or "evaluate", *names))
        try:
            program, _ = compile_file(
                source, defines=defines, train=block, out=folder, given=given,
                march=self.program.march,
            )  # fmt: skip
        except NetError as why:
            message = f"cannot compile {told}: the program fixes the size"
            raise NetError(Diagnostic("E0525", message), *why.diagnostics) from None
        program = program.on(self.program.target)
        other = Session(program, folder, self.open(program, folder), self.seed)
        try:
            other.restore(self.tensors(), self.seed)
            yield other
        finally:
            other.close()


def pairs(sizes: Mapping) -> tuple:
    return tuple(sorted(sizes.items()))


def row_shapes(arrays: Mapping[str, object]) -> dict[str, tuple[int, ...]]:
    """The shape of one sample of each."""
    return {name: as_array(f"`{name}`", value).shape[1:] for name, value in arrays.items()}


def fits(function: FunctionFacts, shapes: Mapping[str, tuple[int, ...]]) -> bool:
    return all(shapes.get(field.name) == field.shape[1:] for field in function.fields)


def has_its_axes(function: FunctionFacts, shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether the fields are there, with as many axes as they have in training."""
    axes = {field.name: len(field.shape) - 1 for field in function.fields}
    return axes == {name: len(shape) for name, shape in shapes.items()}


def of_any_size(program: Program) -> Program:
    """The program, but its data may have samples of any size, with as many axes."""
    if program.data is None:
        return program
    fields = ((name, dtype, (ANY,) * len(shape)) for name, dtype, shape in program.data.fields)
    return replace(program, data=replace(program.data, fields=tuple(fields)))
