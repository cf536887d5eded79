"""The statements of a train block: fields taken, losses minimised, measures named."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from netc.compiler.diagnostics import Label, NetError, nearest
from netc.compiler.ir.graph import Output, Role, Value
from netc.compiler.ir.tensor import Shape, TensorType
from netc.compiler.language.choices import choose, rate_of
from netc.compiler.language.data import DataSpec, FieldSpec, Row, rows_of
from netc.compiler.language.elementwise import cast
from netc.compiler.language.patterns import tensor_type
from netc.compiler.language.trace import Trace
from netc.compiler.language.values import (
    Block,
    Choice,
    Chosen,
    Word,
    describe,
    is_number,
    is_tensor,
)
from netc.compiler.passes.train import Objective
from netc.compiler.syntax import tree

NO_SHAPES: Mapping[str, Shape] = MappingProxyType({})
RESERVED = ("seed", "step", "total")


@dataclass
class TrainState:
    """What the train block has said so far.

    `shapes` has, by field, the shape of one sample where it is another than the program says.
    """

    batch: int
    shapes: Mapping[str, Shape] = field(default_factory=lambda: NO_SHAPES)
    data: DataSpec | None = None
    objectives: list[Objective] = field(default_factory=list)
    losses: list[Value] = field(default_factory=list)
    measures: list[Output] = field(default_factory=list)
    places: dict[str, Any] = field(default_factory=dict)


def take(trace: Trace, state: TrainState, statement: tree.Take) -> None:
    """Fields of the data become inputs of the graph, the batch in axis 0."""
    if "take" in state.places:
        raise trace.fail(
            "E0418",
            "a train block takes from one data set",
            statement.span,
            secondary=(Label(state.places["take"], "the first is here"),),
        )
    state.places["take"] = statement.span
    bind_batch(trace, state, statement)
    data = data_of(trace, source_of(statement.data))
    if isinstance(data, Choice) and data.group == "data set":
        with trace.at(statement.data.span):
            data = choose(trace, data, ())
    if data == Word("feed"):
        rows = None
    elif isinstance(data, Chosen) and data.choice.group == "data set":
        rows = rows_of(data)
        if rows is not None:
            check_count(trace, statement, data, rows)
    else:
        raise trace.fail(
            "E0410",
            "`from` names a data set or `feed`",
            statement.data.span,
            f"this is {describe(data)}",
        )
    fields = tuple(
        resized(state, field_of(trace, state, one, rows[i] if rows else None))
        for i, one in enumerate(statement.fields)
    )
    is_fed = data == Word("feed")
    source = "feed" if is_fed else data.choice.name
    arguments = () if is_fed else tuple(data.filled.items())
    state.data = DataSpec(source, arguments, fields)
    for one, spec in zip(statement.fields, fields, strict=True):
        if spec.name != "_":
            take_field(trace, one, spec)
    if isinstance(statement.data, tree.Pipe) and fields and fields[0].name != "_":
        first = statement.fields[0].name
        trace.frame.names[first.text] = trace.evaluate(piped(statement.data, first))


def source_of(data: tree.Expression) -> tree.Expression:
    """What stands before the transforms: `cifar10(...) -> random_flip` takes from cifar10."""
    return source_of(data.value) if isinstance(data, tree.Pipe) else data


def piped(data: tree.Expression, field: tree.Name) -> tree.Expression:
    """The transforms of a source, applied to its first field instead."""
    return replace(data, value=piped(data.value, field)) if isinstance(data, tree.Pipe) else field


def data_of(trace: Trace, expression: tree.Expression) -> Any:
    """What `from` names; an unknown name is an unknown data set."""
    try:
        return trace.evaluate(expression)
    except NetError as error:
        raise NetError(
            *(
                replace(one, code="E0410") if one.code in ("E0301", "E0302") else one
                for one in error.diagnostics
            )
        ) from None


def bind_batch(trace: Trace, state: TrainState, statement: tree.Take) -> None:
    """The first dimension of every typed field is the batch, whatever its name."""
    for one in statement.fields:
        first = one.type.dimensions[0] if one.type and one.type.dimensions else None
        if isinstance(first, tree.Name) and first.text not in trace.frame.module.names:
            trace.frame.names[first.text] = state.batch


def check_count(trace: Trace, statement: tree.Take, data: Chosen, rows: tuple[Row, ...]) -> None:
    if len(statement.fields) > len(rows):
        names = ", ".join(name for name, _, _ in rows)
        raise trace.fail(
            "E0411",
            f"`{data.choice.name}` has {len(rows)} fields, `take` names {len(statement.fields)}",
            statement.span,
            help=f"its fields are {names}",
        )


def field_of(trace: Trace, state: TrainState, one: tree.Field, row: Row | None) -> FieldSpec:
    """The type of a field: as the data set has it, or as the program declares it."""
    name = one.name.text
    declared = tensor_type(trace, one.type) if one.type is not None else None
    if name in RESERVED:
        raise trace.fail("E0307", f"`{name}` is the name of a counter of the run", one.name.span)
    if row is not None:
        kind = TensorType(row[1], (state.batch, *row[2]))
        if declared is not None and declared != kind:
            raise trace.fail(
                "E0411", f"`{name}` is {kind} in the data set, not {declared}", one.span
            )
        return FieldSpec(name, kind)
    if declared is None:
        raise trace.fail(
            "E0412", f"`{name}` needs a type", one.span, help=f"for example `{name}: f32[N, 8]`"
        )
    if not declared.shape or declared.shape[0] != state.batch:
        raise trace.fail(
            "E0412", f"the first axis of `{name}` is the batch", one.span,
            help="name it, and the batch setting decides it: `f32[N, 8]`",
        )  # fmt: skip
    return FieldSpec(name, declared)


def resized(state: TrainState, spec: FieldSpec) -> FieldSpec:
    """The field as it is where its samples have another shape than the program says."""
    shape = state.shapes.get(spec.name)
    kind = spec.type
    return spec if shape is None else FieldSpec(spec.name, kind.with_shape((state.batch, *shape)))


def take_field(trace: Trace, one: tree.Field, spec: FieldSpec) -> None:
    if spec.name in trace.inputs:
        raise trace.fail("E0307", f"the field `{spec.name}` is named twice", one.name.span)
    value = trace.build.input(spec.name, spec.type, Role.FIELD)
    trace.inputs[spec.name] = trace.frame.names[spec.name] = value
    trace.remember(value, one.name.span)


def minimize(trace: Trace, state: TrainState, statement: tree.Minimize) -> None:
    loss = trace.evaluate(statement.loss)
    if not is_tensor(loss) or loss.type.shape or not loss.type.is_float:
        is_shaped = is_tensor(loss) and loss.type.shape
        raise trace.fail(
            "E0217",
            "a loss is one number for the batch, f32[]",
            statement.loss.span,
            f"this is {describe(loss)}",
            trace.birth(loss),
            help="average it: `mean(...)`" if is_shaped else "",
        )
    state.losses.append(loss)
    optimizer = trace.evaluate(statement.optimizer)
    if isinstance(optimizer, Choice):
        optimizer = Chosen(optimizer)
    if not isinstance(optimizer, Chosen) or optimizer.choice.group != "optimizer":
        raise trace.fail(
            "E0407",
            "`with` names an optimizer",
            statement.optimizer.span,
            f"this is {describe(optimizer)}",
            help="for example `with adam(lr=0.001)`",
        )
    weights = weights_of(trace, statement)
    filled = optimizer.filled
    rate = rate_of(filled.pop("lr"))
    given = tuple((name, value) for name, value in optimizer.given if name != "lr")
    state.objectives.append(Objective(loss, optimizer.choice.name, given, rate, weights))


def weights_of(trace: Trace, statement: tree.Minimize) -> tuple[Value, ...]:
    """The trained weights of the nets named by `over`, or all so far."""
    prefixes = []
    for name in statement.nets:
        net = trace.frame.module.names.get(name.text)
        if not isinstance(net, Block) or not net.is_net:
            nets = [one for one, value in trace.frame.module.names.items()
                    if isinstance(value, Block) and value.is_net]  # fmt: skip
            close = nearest(name.text, nets)
            raise trace.fail(
                "E0408", f"there is no net `{name.text}`", name.span,
                help=f"did you mean `{close}`?" if close else "",
            )  # fmt: skip
        prefixes.append(f"{name.text}.")
    trained = tuple(
        trace.inputs[weight.name]
        for weight in trace.weights.values()
        if weight.trained and (not prefixes or weight.name.startswith(tuple(prefixes)))
    )
    if not trained:
        raise trace.fail("E0413", "there is no weight to train here", statement.span)
    return trained


def measure(trace: Trace, state: TrainState, statement: tree.Measure) -> None:
    name = measure_name(trace, statement)
    if name in state.places:
        raise trace.fail(
            "E0414",
            f"there are two measures `{name}`",
            statement.span,
            secondary=(Label(state.places[name], "the first is here"),),
            help="name one: `measure other = ...`",
        )
    state.places[name] = statement.span
    value = trace.evaluate(statement.value)
    if is_number(value):
        value = trace.build.number(float(value), TensorType("f32", ()))
    if not is_tensor(value) or value.type.shape:
        raise trace.fail(
            "E0217",
            "a measure is one number for the batch",
            statement.value.span,
            f"this is {describe(value)}",
            trace.birth(value),
            help="average it: `mean(...)`" if is_tensor(value) else "",
        )
    with trace.at(statement.span):
        state.measures.append(Output(name, cast(trace, value, "f32")))


def measure_name(trace: Trace, statement: tree.Measure) -> str:
    """Its own name, or that of the function that is called."""
    if statement.name is not None:
        name = statement.name.text
    else:
        value = statement.value
        called = value.call if isinstance(value, tree.Pipe) else value
        if not isinstance(called, tree.Call) or not isinstance(called.function, tree.Name):
            raise trace.fail(
                "E0415", "this measure needs a name", statement.span, help="`measure name = ...`"
            )
        name = called.function.text
    if name == "loss" or name.startswith("loss_"):
        raise trace.fail("E0414", f"`{name}` is the name of what is minimised", statement.span)
    return name


def setting(trace: Trace, state: TrainState, statement: tree.Setting) -> None:
    """Settings are read before everything else: see settings.py."""


STATEMENTS: Mapping[type, Callable[[Trace, TrainState, Any], None]] = MappingProxyType(
    {
        tree.Take: take,
        tree.Minimize: minimize,
        tree.Measure: measure,
        tree.Setting: setting,
    }
)
