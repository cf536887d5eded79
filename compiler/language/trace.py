"""The state of one walk through a program: the graph so far, the weights, the errors."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from netc.compiler.diagnostics import Diagnostic, Label, NetError, Source, Span
from netc.compiler.ir.graph import Origin, Role, Value
from netc.compiler.ir.operation import OpError
from netc.compiler.ir.tensor import TensorType
from netc.compiler.language.limits import LimitedBuilder, LimitError
from netc.compiler.language.values import Argument, Block, Module
from netc.compiler.ops.table import OPS
from netc.compiler.syntax import tree


@dataclass(frozen=True)
class Initializer:
    """How a weight starts, with the fans that glorot and he scale by."""

    kind: str
    parameters: tuple[tuple[str, float], ...]
    fan_in: int
    fan_out: int


@dataclass(frozen=True)
class Weight:
    """A persistent tensor of the program; `line` is where the user's file asks for it."""

    name: str
    type: TensorType
    initializer: Initializer
    trained: bool
    line: int


class Fatal(NetError):
    """An error after which nothing else is looked at: the program is too large."""

    @classmethod
    def of(cls, error: NetError) -> "Fatal":
        return cls(*error.diagnostics)


@dataclass
class Frame:
    """One running body: its names, and where in the caller it was called."""

    module: Module
    path: str
    line: int = 0
    block: Block | None = None
    call: Span | None = None
    names: dict[str, Any] = field(default_factory=dict)
    bound: dict[str, Label] = field(default_factory=dict)
    counts: Counter = field(default_factory=Counter)
    declared: dict[str, Span] = field(default_factory=dict)
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    returned: Any = None
    finished: bool = False

    def numbered(self, name: str) -> str:
        """The path of the next block called `name` in this body."""
        self.counts[name] += 1
        return f"{self.path}.{name}_{self.counts[name]}"


@dataclass
class Running:
    """The scan whose body is being traced, in the frame of this depth.

    `random` are the random numbers that the body asks for (op, counters, stream, the numbers of one
    step): they are made for all steps at once, so that each step has its own.
    """

    steps: int
    depth: int
    yielded: tuple[Any, ...] | None = None
    spans: tuple[Span, ...] = ()
    random: list[tuple[str, tuple[Value, ...], int, Value]] = field(default_factory=list)


class Trace(ABC):
    """What every part of the language works on; `evaluate`, `execute`, `call` tie them."""

    def __init__(self, main: Source, training: bool) -> None:
        self.main = main
        self.training = training
        self.build = LimitedBuilder(OPS)
        self.weights: dict[str, Weight] = {}
        self.inputs: dict[str, Value] = {}
        self.current: dict[str, Value] = {}
        self.frames: list[Frame] = []
        self.span: Span | None = None
        self.argument_spans: Mapping[str, Span] = {}
        self.problems: list[Diagnostic] = []
        self.sizes: dict[str, dict[str, int]] = {}
        self.statements = 0
        self.streams = 0
        self.made: dict[str, Span] = {}
        self.piped: dict[str, Value] = {}
        self.running: Running | None = None

    @abstractmethod
    def evaluate(self, expression: tree.Expression) -> Any:
        """What the expression is worth in the innermost frame."""

    @abstractmethod
    def execute(self, body: tuple[tree.Statement, ...]) -> None:
        """Run statements in the innermost frame."""

    @abstractmethod
    def call(self, function: Any, arguments: tuple[Argument, ...], span: Span) -> Any:
        """The result of calling a function, block, net or layer."""

    @property
    def frame(self) -> Frame:
        return self.frames[-1]

    @property
    def line(self) -> int:
        """The line of the main file that is being worked on."""
        at_home = self.span is not None and self.span.source is self.main
        return self.span.line if at_home else self.frame.line

    @contextmanager
    def at(self, span: Span) -> Iterator[None]:
        """Nodes made inside come from `span`; what an op refuses is reported there."""
        before = self.span, self.build.origin
        self.span = span
        self.build.origin = Origin(self.line, self.frame.path)
        try:
            yield
        except LimitError as error:
            failure = self.fail(error.code, str(error))
            raise (Fatal.of(failure) if error.code == "E0322" else failure) from None
        except OpError as error:
            raise self.fail("E0219", str(error)) from None
        finally:
            self.span, self.build.origin = before

    @contextmanager
    def inside(self, frame: Frame) -> Iterator[Frame]:
        """`frame` is the innermost one."""
        self.frames.append(frame)
        try:
            yield frame
        finally:
            self.frames.pop()

    def accused(self, message: str) -> str:
        """The message, inside the prelude with the block that the user called in front."""
        if not self.frames or not self.frame.module.prelude:
            return message
        for frame in self.frames:
            if frame.module.prelude and frame.block is not None:
                return f"`{frame.block.name}` cannot work here: {message}"
        return message

    def shown(self, span: Span | None) -> Span | None:
        """The place to show for `span`: the call in the user's file if it is inside the prelude."""
        for frame in reversed(self.frames):
            if not frame.module.prelude:
                return span
            span = frame.call
        return span

    def place(self, argument: str) -> Span | None:
        """Where the argument of the running primitive stands."""
        return self.argument_spans.get(argument, self.span)

    def fail(
        self,
        code: str,
        message: str,
        span: Span | None = None,
        label: str = "",
        secondary: tuple[Label, ...] = (),
        notes: tuple[str, ...] = (),
        help: str = "",
    ) -> NetError:
        """The error to raise: shown at `span`, or at what is being worked on."""
        at = self.shown(span or self.span)
        visible = tuple(
            other
            for other in dict.fromkeys(secondary)
            if self.is_users(other.span) and other.span != at
        )
        helps = (help,) if help else ()
        return NetError(
            Diagnostic(
                code, self.accused(message), at, label, visible + self.callers(at), notes, helps
            )
        )

    def callers(self, at: Span | None) -> tuple[Label, ...]:
        """Where the user's own block, in which `at` stands, was called."""
        for frame in reversed(self.frames):
            if not frame.module.prelude:
                is_block = frame.block is not None and not frame.block.is_net
                shown = is_block and frame.call is not None and self.is_users(frame.call)
                return (Label(frame.call, "in this call"),) if shown else ()
        return ()

    def is_users(self, span: Span | None) -> bool:
        return span is not None and all(
            not frame.module.prelude or frame.module.source is not span.source
            for frame in self.frames
        )

    def report(self, error: NetError) -> None:
        """Keep the diagnostics of an error that work goes on after."""
        for diagnostic in error.diagnostics:
            known = [(one.code, one.span, one.message) for one in self.problems]
            if (diagnostic.code, diagnostic.span, diagnostic.message) not in known:
                self.problems.append(diagnostic)

    def remember(self, value: Any, span: Span) -> None:
        """`value` was first seen at `span` of the user's file."""
        if isinstance(value, Value) and not self.frame.module.prelude:
            self.made.setdefault(value.name, span)

    def birth(self, value: Any) -> tuple[Label, ...]:
        """A label at the place that made a tensor."""
        span = self.made.get(value.name) if isinstance(value, Value) else None
        return (Label(span, f"this is {value.type}"),) if span else ()

    def chain(self, value: Any) -> tuple[str, ...]:
        """A note with the shapes of the pipe that led to `value`."""
        if not isinstance(value, Value):
            return ()
        shapes = [str(value.type)]
        while value.name in self.piped:
            value = self.piped[value.name]
            if shapes[-1] != str(value.type):
                shapes.append(str(value.type))
        return (f"shapes so far: {' -> '.join(reversed(shapes))}",) if len(shapes) > 1 else ()

    def declare(
        self, name: str, kind: TensorType, initializer: Initializer, trained: bool
    ) -> Value:
        """The value of a weight or state, made at its first use."""
        known = self.weights.get(name)
        if known is None:
            self.weights[name] = Weight(name, kind, initializer, trained, self.line)
            role = Role.WEIGHT if trained else Role.STATE
            self.inputs[name] = self.current[name] = self.build.input(name, kind, role)
        elif known.type != kind:
            raise self.fail(
                "E0221",
                f"`{name}` is shared and was {known.type} on line {known.line}, here it is {kind}",
                help="call the layer with inputs of one size, or declare a second one",
            )
        return self.current[name]

    def tally(self, x: Value) -> Value:
        """The sum of x over this batch and all before it; the runtime sets it to zero."""
        name = self.frame.numbered("tally")
        self.inputs[name] = self.build.input(name, x.type, Role.TALLY)
        self.current[name] = self.build.add(self.inputs[name], x)
        return self.current[name]

    def counter(self, name: str) -> Value:
        """The scalar that the runtime counts: seed, step or total."""
        if name not in self.inputs:
            self.inputs[name] = self.build.input(name, TensorType("i32", ()), Role.COUNTER)
        return self.inputs[name]
