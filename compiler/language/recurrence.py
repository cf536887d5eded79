"""A `scan` expression in, one scan node and its stacked results out: its body is traced once."""

from dataclasses import dataclass, field, replace
from typing import Any

from netc.compiler.diagnostics import Label, NetError
from netc.compiler.ir.graph import Node, Region, Value
from netc.compiler.ir.scan import Scan, add_scan, last_row
from netc.compiler.ir.tensor import Shape
from netc.compiler.language.shapes import axis_of
from netc.compiler.language.trace import Running, Trace
from netc.compiler.language.values import describe, is_tensor, is_whole
from netc.compiler.syntax import tree


@dataclass
class Draft:
    """A scan while its body is traced: each parameter of the region with its operand."""

    steps: int
    axis: int
    rows: list[tuple[Value, Value]] = field(default_factory=list)
    carried: list[tuple[Value, Value]] = field(default_factory=list)
    shared: list[tuple[Value, Value]] = field(default_factory=list)


def scan(trace: Trace, expression: tree.Scan) -> Any:
    """What the scan yields, stacked along its axis; the carried names mean their last values."""
    if trace.running:
        raise trace.fail(
            "E0324",
            "the body of a `scan` has no other `scan`",
            expression.span,
            help="unroll this one, with layers that are named before both: "
            "`for i in 0..5 { c = tanh(first(a[:, i]) + second(c)) }`",
        )
    names = trace.frame.names
    starts = {name.text: start_of(trace, name) for name in expression.carry}
    sources = [(one, trace.evaluate(one.value)) for one in expression.sources]
    with trace.at(expression.span):
        draft = draft_of(trace, expression, sources)
        for (one, _), (row, _) in zip(sources, draft.rows, strict=True):
            trace.made[row.name] = one.name.span
        for name, start in starts.items():
            draft.carried.append((parameter(trace, name, start), start))
    before = dict(names)
    names |= {one.name.text: row for (one, _), (row, _) in zip(sources, draft.rows, strict=True)}
    names |= {name: value for name, (value, _) in zip(starts, draft.carried, strict=True)}
    check_names(trace, expression, before)
    nodes, yielded, carries = run_body(trace, expression, draft)
    names.clear()
    names |= before
    with trace.at(expression.span):
        whole, stacks = finish(trace, expression, draft, nodes, (*carries, *yielded))
        names |= {
            name: last_row(trace.build, whole, stack)
            for name, stack in zip(starts, stacks, strict=False)
        }
        along = [put_axis(trace, stack, draft.axis) for stack in stacks[len(starts) :]]
    return along[0] if len(along) == 1 else tuple(along)


def start_of(trace: Trace, name: tree.Name) -> Value:
    value = trace.evaluate(name)
    if not is_tensor(value):
        raise trace.fail(
            "E0324",
            f"`{name.text}` is carried, so it starts as a tensor",
            name.span,
            f"this is {describe(value)}",
            help=f"for example `{name.text} = zeros(N, 8)` before the scan",
        )
    return value


def draft_of(trace: Trace, expression: tree.Scan, sources: list) -> Draft:
    """The sources with their axis in front, all of one length."""
    axis = trace.evaluate(expression.axis)
    if not is_whole(axis):
        raise trace.fail("E0208", f"`along` names an axis, not {describe(axis)}",
                         expression.axis.span)  # fmt: skip
    lengths: dict[int, Label] = {}
    draft = Draft(0, 0)
    for one, value in sources:
        if not is_tensor(value):
            raise trace.fail(
                "E0324", "a scan goes along tensors", one.value.span, f"this is {describe(value)}"
            )
        at = axis_of(trace, value, axis)
        draft.axis = draft.axis if lengths else at
        length = value.type.shape[at]
        lengths.setdefault(length, Label(one.value.span, f"{length} steps along axis {at}"))
        order = (at, *(i for i in range(len(value.type.shape)) if i != at))
        stack = value if at == 0 else trace.build.transpose(value, axes=order)
        row = value.type.with_shape(tuple(value.type.shape[i] for i in order[1:]))
        draft.rows.append((Value(trace.build.fresh(one.name.text), row), stack))
    if len(lengths) > 1:
        first, other, *_ = lengths.values()
        raise trace.fail(
            "E0324", f"sources of one scan have one length, not {' and '.join(map(str, lengths))}",
            other.span, other.text, (first,),
        )  # fmt: skip
    draft.steps = int(next(iter(lengths)))
    return draft


def parameter(trace: Trace, name: str, like: Value) -> Value:
    return Value(trace.build.fresh(name), like.type)


def check_names(trace: Trace, expression: tree.Scan, before: dict[str, Any]) -> None:
    """What a step assigns is gone in the next one, unless it is carried."""
    carried = {name.text for name in expression.carry}
    for statement in expression.body:
        if not isinstance(statement, tree.Assign):
            continue
        for target in statement.targets:
            if target.text in before and target.text not in carried:
                raise trace.fail(
                    "E0324",
                    f"`{target.text}` has a value before the scan, which a step cannot change",
                    target.span,
                    help=f"carry it from step to step, `carry {target.text}`, or name it anew",
                )


def run_body(
    trace: Trace, expression: tree.Scan, draft: Draft
) -> tuple[list[Node], tuple[Value, ...], tuple[Value, ...]]:
    """The nodes of one step, what it yields and what it carries on."""
    frame = trace.frame
    trace.running = Running(draft.steps, len(trace.frames))
    try:
        with trace.build.apart() as nodes:
            trace.execute(expression.body)
        made = trace.running
    finally:
        trace.running = None
    finished, frame.finished = frame.finished, False
    if made.yielded is None:
        raise NetError() if finished else trace.fail(
            "E0324", "the body of a scan ends with `yield`", expression.span
        )
    for value, span in zip(made.yielded, made.spans, strict=True):
        if not is_tensor(value):
            raise trace.fail("E0324", "a scan yields tensors", span, f"this is {describe(value)}")
        if draft.axis > len(value.type.shape):
            raise trace.fail(
                "E0324", f"what is yielded is stacked along axis {draft.axis}, which it has not",
                span, f"this is {describe(value)}",
            )  # fmt: skip
    carries = tuple(
        carried_on(trace, name, was)
        for name, (was, _) in zip(expression.carry, draft.carried, strict=True)
    )
    for op, counters, stream, row in made.random:
        with trace.at(expression.span):
            shape = (draft.steps, *row.type.shape)
            stack = trace.build.apply(op, *counters, stream=stream, shape=shape)
        draft.rows.append((row, stack))
    return nodes, made.yielded, carries


def carried_on(trace: Trace, name: tree.Name, was: Value) -> Value:
    """The value of a carried name after the body: of the type that it had before."""
    value = trace.evaluate(name)
    if not is_tensor(value) or value.type != was.type:
        raise trace.fail(
            "E0324",
            f"`{name.text}` is {was.type} before a step, and {describe(value)} after it",
            name.span,
            secondary=trace.birth(value),
        )
    return value


def finish(
    trace: Trace, expression: tree.Scan, draft: Draft, nodes: list[Node], results: tuple
) -> tuple[Scan, tuple[Value, ...]]:
    """Adds the scan; the stacks of its results, in the order given, of which some may be one."""
    count = len(draft.carried)
    distinct = (*results[:count], *dict.fromkeys(v for v in results[count:]
                                                if v not in results[:count]))  # fmt: skip
    made = {value.name for node in nodes for value in node.outputs}
    made |= {value.name for value, _ in (*draft.rows, *draft.carried)}
    inside: dict[str, Value] = {}
    for value in (*(value for node in nodes for value in node.inputs), *distinct):
        if value.name not in made and value.name not in inside:
            inside[value.name] = parameter(trace, value.name, value)
            draft.shared.append((inside[value.name], value))

    def now(values) -> tuple[Value, ...]:
        return tuple(inside.get(value.name, value) for value in values)

    operands = (draft.rows, draft.carried, draft.shared)
    region = Region(
        tuple(value for pairs in operands for value, _ in pairs),
        tuple(replace(node, inputs=now(node.inputs)) for node in nodes),
        now(distinct),
    )
    whole = Scan(
        draft.steps,
        expression.reverse,
        *(tuple(operand for _, operand in pairs) for pairs in operands),
        region,
    )
    outputs = add_scan(trace.build, whole)
    stacks = dict(zip((value.name for value in reversed(distinct)), reversed(outputs), strict=True))
    return whole, (*outputs[:count], *(stacks[value.name] for value in results[count:]))


def put_axis(trace: Trace, stack: Value, axis: int) -> Value:
    """The steps, which are in front, along the axis."""
    rank = len(stack.type.shape)
    order: Shape = (*range(1, axis + 1), 0, *range(axis + 1, rank))
    return stack if axis == 0 else trace.build.transpose(stack, axes=order)


def give_yield(trace: Trace, statement: tree.Yield) -> None:
    """The end of a scan's body."""
    running = trace.running
    if running is None or running.depth != len(trace.frames):
        raise trace.fail("E0316", "`yield` stands in the body of a `scan`", statement.span)
    values = tuple(trace.evaluate(value) for value in statement.values)
    running.yielded, running.spans = values, tuple(value.span for value in statement.values)
    trace.frame.finished = True
