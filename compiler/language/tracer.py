"""Ties the language together: one object that evaluates, executes and calls."""

from collections.abc import Mapping
from typing import Any

from netc.compiler.diagnostics import NetError, Source, Span
from netc.compiler.ir.graph import Graph, Output, Role, Update, Value
from netc.compiler.ir.tensor import Shape, TensorType
from netc.compiler.language import calls, evaluate, execute
from netc.compiler.language import train as training
from netc.compiler.language.trace import Frame, Trace
from netc.compiler.language.train import NO_SHAPES, TrainState
from netc.compiler.language.values import Argument, Module
from netc.compiler.syntax import tree


class Tracer(Trace):
    """One walk through a program, which ends in one graph."""

    def __init__(
        self,
        main: Source,
        training: bool,
        batch: int = 1,
        shapes: Mapping[str, Shape] = NO_SHAPES,
    ) -> None:
        super().__init__(main, training)
        self.train = TrainState(batch, shapes)

    def evaluate(self, expression: tree.Expression) -> Any:
        return evaluate.evaluate(self, expression)

    def call(self, function: Any, arguments: tuple[Argument, ...], span: Span) -> Any:
        return calls.call(self, function, arguments, span)

    def execute(self, body: tuple[tree.Statement, ...]) -> None:
        execute.execute(self, body, self.run)

    def run(self, statement: tree.Statement) -> None:
        kind = type(statement)
        if kind in training.STATEMENTS:
            training.STATEMENTS[kind](self, self.train, statement)
        else:
            execute.STATEMENTS[kind](self, statement)

    def in_module(self, module: Module, expression: tree.Expression) -> Any:
        """What an expression at the top of a file is worth."""
        with self.inside(Frame(module, "")):
            return self.evaluate(expression)

    def train_frame(self, module: Module) -> Frame:
        """A train block sees its batch as `N`, unless N is a constant."""
        known = {} if "N" in module.names else {"N": self.train.batch}
        return Frame(module, "train", names=known)

    def run_train(self, module: Module, train: tree.Train) -> None:
        with self.inside(self.train_frame(module)), self.at(train.span):
            self.execute(train.body)

    def check(self) -> None:
        """Raise what was reported, sorted by its place."""
        if self.problems:
            raise NetError(*sorted_problems(self.problems))

    def finish(self, name: str, outputs: tuple[Output, ...], updates: tuple[Update, ...]) -> Graph:
        """The graph with only the nodes and inputs that its results need."""
        needed = {output.value.name for output in outputs}
        needed |= {update.value.name for update in updates}
        needed |= {update.target.name for update in updates}
        nodes = []
        for node in reversed(self.build.nodes):
            if any(value.name in needed for value in node.outputs):
                nodes.append(node)
                needed |= {value.name for value in node.inputs}
        inputs = tuple(entry for entry in self.build.inputs if entry.value.name in needed)
        return Graph(name, inputs, tuple(reversed(nodes)), outputs, updates)

    def state_updates(self) -> tuple[Update, ...]:
        """Every state or tally that the program has given a new value."""
        return tuple(
            Update(self.inputs[name], value)
            for name, value in self.current.items()
            if value != self.inputs[name]
        )

    def parameter(self, name: str, kind: TensorType) -> Value:
        value = self.build.input(name, kind, Role.FIELD)
        self.inputs[name] = value
        return value


def sorted_problems(problems, most: int = 20):
    """The first problems in the order of the source."""

    def place(problem):
        span = problem.span
        return (span.line, span.column) if span else (0, 0)

    return tuple(sorted(problems, key=place)[:most])
