"""What each statement of a body does: names assigned, weights declared, loops unrolled."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from netc.compiler.diagnostics import Label, NetError
from netc.compiler.ir.tensor import TensorType
from netc.compiler.language.choices import initializer_of
from netc.compiler.language.evaluate import arguments_of, condition
from netc.compiler.language.limits import MOST_STATEMENTS
from netc.compiler.language.patterns import tensor_type
from netc.compiler.language.recurrence import give_yield
from netc.compiler.language.trace import Fatal, Trace
from netc.compiler.language.values import (
    Block,
    Layer,
    Poison,
    Size,
    describe,
    is_tensor,
    is_whole,
    items_of,
)
from netc.compiler.syntax import tree


def execute(trace: Trace, body: tuple[tree.Statement, ...], run: Callable) -> None:
    """Run statements one after the other until one returns.

    In a user's body a statement that fails is reported, what it would have assigned is poisoned,
    and the next one runs; in the prelude the failure ends the user's call.
    """
    for statement in body:
        if trace.frame.finished:
            return
        if trace.frame.module.prelude:
            run(statement)
            continue
        count_statement(trace, statement)
        try:
            run(statement)
        except Fatal:
            raise
        except NetError as error:
            trace.report(error)
            for name in assigned(statement):
                trace.frame.names[name] = Poison()
            trace.frame.finished |= isinstance(statement, tree.Return | tree.Yield)


def count_statement(trace: Trace, statement: tree.Statement) -> None:
    trace.statements += 1
    if trace.statements > MOST_STATEMENTS:
        raise Fatal.of(
            trace.fail(
                "E0321", f"more than {MOST_STATEMENTS} statements after unrolling", statement.span
            )
        )


def assigned(statement: tree.Statement) -> Iterator[str]:
    """Every name that a statement may give a value."""
    if isinstance(statement, tree.Assign):
        yield from (target.text for target in statement.targets)
    elif isinstance(statement, tree.LayerDeclaration | tree.WeightDeclaration):
        yield statement.name.text
    elif isinstance(statement, tree.Take):
        yield from (field.name.text for field in statement.fields)
    elif isinstance(statement, tree.Repeat | tree.For | tree.If):
        is_if = isinstance(statement, tree.If)
        for inner in statement.then + statement.otherwise if is_if else statement.body:
            yield from assigned(inner)


def assign(trace: Trace, statement: tree.Assign) -> None:
    value = trace.evaluate(statement.value)
    names = trace.frame.names
    if len(statement.targets) == 1:
        names[statement.targets[0].text] = value
        return
    items = items_of(value)
    wanted = len(statement.targets)
    if items is None or len(items) != wanted:
        found = f"{len(items)} values" if items is not None else describe(value)
        raise trace.fail(
            "E0218",
            f"{wanted} names on the left take {wanted} values",
            statement.value.span,
            f"this is {found}",
            help=f"cut a tensor into parts: `split(x, {wanted})`" if is_tensor(value) else "",
        )
    for target, item in zip(statement.targets, items, strict=True):
        names[target.text] = item


def give_back(trace: Trace, statement: tree.Return) -> None:
    frame = trace.frame
    if frame.block is None:
        raise trace.fail("E0316", "`return` stands in a block or a net", statement.span)
    if trace.running and trace.running.depth == len(trace.frames):
        raise trace.fail("E0316", "the body of a `scan` ends with `yield`", statement.span)
    values = tuple(trace.evaluate(value) for value in statement.values)
    frame.returned = values if len(values) > 1 else values[0]
    frame.finished = True


def declare_layer(trace: Trace, statement: tree.LayerDeclaration) -> None:
    expression = statement.value
    function, arguments = expression, ()
    if isinstance(expression, tree.Call):
        function, arguments = expression.function, arguments_of(trace, expression)
    block = trace.evaluate(function)
    if not isinstance(block, Block) or block.is_net:
        raise trace.fail(
            "E0320",
            "`layer` names a block with its arguments",
            expression.span,
            f"this is {describe(block)}",
            help="for example `layer first = dense(8)`",
        )
    path = declare_name(trace, statement.name)
    trace.frame.names[statement.name.text] = Layer(block, path, arguments)


def declare_name(trace: Trace, name: tree.Name) -> str:
    """The path of a layer or weight, which is declared once in its body."""
    frame = trace.frame
    before = frame.declared.get(name.text)
    if before is not None:
        raise trace.fail(
            "E0307",
            f"`{name.text}` is declared twice in one body",
            name.span,
            secondary=(Label(before, "first here"),),
            help="a body that is repeated declares its weights in a block of its own",
        )
    frame.declared[name.text] = name.span
    return f"{frame.path}.{name.text}"


def declare_weight(trace: Trace, statement: tree.WeightDeclaration) -> None:
    with trace.at(statement.span):
        kind = tensor_type(trace, statement.type)
        if not kind.is_float:
            raise trace.fail(
                "E0205", f"a weight has float elements, not {kind.dtype}", statement.type.span
            )
        check_constant_size(trace, statement, kind)
        start = trace.evaluate(statement.value)
        initializer = initializer_of(trace, start, kind.shape, statement.value.span)
        path = declare_name(trace, statement.name)
        value = trace.declare(path, kind, initializer, statement.trainable)
    trace.remember(value, statement.name.span)
    trace.frame.names[statement.name.text] = value


def check_constant_size(trace: Trace, statement: tree.WeightDeclaration, kind: TensorType) -> None:
    if any(isinstance(size, Size) for size in kind.shape):
        raise trace.fail(
            "E0221",
            f"the weight `{statement.name.text}` would be {kind}, and change with the batch",
            statement.type.span,
            help="the first axis is the batch: a weight has the sizes of the others",
        )


def update(trace: Trace, statement: tree.Update) -> None:
    """The state has its new value from here on, and keeps it for the next step."""
    name = statement.name.text
    path = f"{trace.frame.path}.{name}"
    weight = trace.weights.get(path)
    if weight is None or weight.trained:
        raise trace.fail(
            "E0317", f"`update` takes a `state` of this body, `{name}` is none", statement.name.span
        )
    if trace.running:
        raise trace.fail(
            "E0316", "`update` cannot stand in the body of a `scan`", statement.span,
            help="carry the value from step to step, and update the state after the scan",
        )  # fmt: skip
    value = trace.evaluate(statement.value)
    if not is_tensor(value) or value.type != weight.type:
        raise trace.fail(
            "E0219",
            f"the state `{name}` is {weight.type}, its new value is {describe(value)}",
            statement.value.span,
        )
    if trace.training:
        trace.current[path] = value
    trace.frame.names[name] = value


def repeat(trace: Trace, statement: tree.Repeat) -> None:
    count = trace.evaluate(statement.count)
    if not is_whole(count) or count < 0:
        raise trace.fail(
            "E0216",
            "`repeat` takes a whole number from 0",
            statement.count.span,
            f"this is {describe(count)}",
        )
    loop(trace, statement.body, range(count), None)


def loop(trace: Trace, body, values: Any, name: str | None) -> None:
    for value in values:
        if name is not None:
            trace.frame.names[name] = value
        count_statement(trace, body[0]) if body else None
        trace.execute(body)
        if trace.frame.finished:
            return


def loop_over(trace: Trace, statement: tree.For) -> None:
    values = trace.evaluate(statement.values)
    items = items_of(values)
    if items is None:
        raise trace.fail(
            "E0315",
            "`for` goes over a list or a range",
            statement.values.span,
            f"this is {describe(values)}",
            help="for example `for i in 0..4 { }`",
        )
    loop(trace, statement.body, items, statement.name.text)


def choose_branch(trace: Trace, statement: tree.If) -> None:
    chosen = condition(trace, statement.condition)
    trace.execute(statement.then if chosen else statement.otherwise)


STATEMENTS: Mapping[type, Callable[[Trace, Any], None]] = MappingProxyType(
    {
        tree.Assign: assign,
        tree.Return: give_back,
        tree.LayerDeclaration: declare_layer,
        tree.WeightDeclaration: declare_weight,
        tree.Update: update,
        tree.Repeat: repeat,
        tree.For: loop_over,
        tree.If: choose_branch,
        tree.Yield: give_yield,
    }
)
