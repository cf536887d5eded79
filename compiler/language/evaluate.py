"""What each expression of the tree is worth: a number, or a tensor of the graph."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from netc.compiler.diagnostics import NetError, Span, nearest
from netc.compiler.language.elementwise import elementwise
from netc.compiler.language.indexing import index_items, index_tensor
from netc.compiler.language.library import known_names, lookup
from netc.compiler.language.limits import MOST_ITEMS
from netc.compiler.language.products import matmul
from netc.compiler.language.recurrence import scan
from netc.compiler.language.trace import Fatal, Trace
from netc.compiler.language.values import (
    Argument,
    Layer,
    List,
    Parts,
    Poison,
    Unsupported,
    describe,
    is_number,
    is_tensor,
    is_whole,
    items_of,
)
from netc.compiler.syntax import tree

OPERATORS = {
    "+": "add", "-": "subtract", "*": "multiply", "/": "divide", "//": "floor_divide",
    "%": "remainder", "**": "power", "and": "logical_and", "or": "logical_or", "==": "equal",
    "!=": "not_equal", "<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal",
}  # fmt: skip


def evaluate(trace: Trace, expression: tree.Expression) -> Any:
    value = EVALUATORS[type(expression)](trace, expression)
    trace.remember(value, expression.span)
    return value


def literal(trace: Trace, expression: tree.Number | tree.Percent | tree.Text | tree.Truth) -> Any:
    return expression.value


def name(trace: Trace, expression: tree.Name) -> Any:
    text = expression.text
    value = find(trace, text)
    if value is None:
        raise unknown(trace, text, expression.span)
    if isinstance(value, Poison):
        raise NetError()
    if isinstance(value, Unsupported):
        raise trace.fail("E0901", f"`{text}` is not supported yet", expression.span)
    return value


def find(trace: Trace, text: str) -> Any:
    """What a name means here: in the body, in the file, in the library; or None."""
    frame = trace.frame
    if text in frame.names:
        return frame.names[text]
    if text in frame.module.names:
        return frame.module.names[text]
    return trace.training if text == "training" else lookup(text)


def unknown(trace: Trace, text: str, span: Span, code: str = "E0301", what: str = "") -> NetError:
    frame = trace.frame
    close = nearest(text, [*frame.names, *frame.module.names, "training", *known_names()])
    help = f"did you mean `{close}`?" if close else ""
    return trace.fail(code, f"there is no {what}`{text}` here", span, help=help)


def sequence(trace: Trace, expression: tree.Tuple_ | tree.List_) -> Any:
    items = tuple(trace.evaluate(item) for item in expression.items)
    return List(items) if isinstance(expression, tree.List_) else items


def binary(trace: Trace, expression: tree.Binary) -> Any:
    if expression.op in ("and", "or"):
        left = trace.evaluate(expression.left)
        if isinstance(left, bool):
            return decided(trace, expression, left)
        right = trace.evaluate(expression.right)
    else:
        left, right = each(
            lambda: trace.evaluate(expression.left), lambda: trace.evaluate(expression.right)
        )
    with trace.at(expression.span):
        if expression.op == "@":
            return matmul(trace, left, right, (expression.left.span, expression.right.span))
        joined = join(trace, expression.op, left, right)
        if joined is not None:
            return joined
        spans = (end_of(expression.left), end_of(expression.right))
        return elementwise(trace, OPERATORS[expression.op], (left, right), spans)


def decided(trace: Trace, expression: tree.Binary, left: bool) -> Any:
    """`and` and `or` where the left is known: the right is only looked at when it matters."""
    if left is (expression.op == "or"):
        return left
    right = trace.evaluate(expression.right)
    if isinstance(right, bool) or (is_tensor(right) and right.type.dtype == "bool"):
        return right
    raise trace.fail(
        "E0220",
        f"`{expression.op}` takes conditions",
        expression.right.span,
        f"this is {describe(right)}",
    )


def join(trace: Trace, op: str, left: Any, right: Any) -> Any:
    """`+` of two lists or of two tuples; None for anything else."""
    if op != "+" or items_of(left) is None or items_of(right) is None:
        return None
    if isinstance(left, tuple) != isinstance(right, tuple):
        return None
    if len(items_of(left)) + len(items_of(right)) > MOST_ITEMS:
        raise trace.fail("E0321", f"a list has at most {MOST_ITEMS} items")
    items = tuple(items_of(left)) + tuple(items_of(right))
    return items if isinstance(left, tuple) else List(items)


def unary(trace: Trace, expression: tree.Unary) -> Any:
    operand = trace.evaluate(expression.operand)
    op = "negate" if expression.op == "-" else "logical_not"
    with trace.at(expression.span):
        return elementwise(trace, op, (operand,), (expression.operand.span,))


def compare(trace: Trace, expression: tree.Compare) -> Any:
    left, right = each(
        lambda: trace.evaluate(expression.left), lambda: trace.evaluate(expression.right)
    )
    plain = [one for one in (left, right) if not (is_tensor(one) or is_number(one))]
    if plain and expression.op in ("==", "!="):
        same = type(left) is type(right) and left == right
        return same is (expression.op == "==")
    with trace.at(expression.span):
        spans = (expression.left.span, expression.right.span)
        return elementwise(trace, OPERATORS[expression.op], (left, right), spans)


def conditional(trace: Trace, expression: tree.Conditional) -> Any:
    chosen = condition(trace, expression.condition)
    return trace.evaluate(expression.then if chosen else expression.otherwise)


def condition(trace: Trace, expression: tree.Expression) -> bool:
    """A condition that is decided while compiling."""
    value = trace.evaluate(expression)
    if isinstance(value, bool):
        return value
    if is_tensor(value):
        raise trace.fail(
            "E0212",
            "a condition is decided while compiling, but this one is a tensor",
            expression.span,
            f"this is {value.type}",
            trace.birth(value),
            help="choose element by element: `where(condition, a, b)`",
        )
    raise trace.fail(
        "E0220", "a condition is true or false", expression.span, f"this is {describe(value)}"
    )


def function_of(trace: Trace, expression: tree.Expression) -> Any:
    """What is called; a name that nothing has is a function that is not there."""
    if isinstance(expression, tree.Name) and find(trace, expression.text) is None:
        raise unknown(trace, expression.text, expression.span, "E0302", "function or layer ")
    return trace.evaluate(expression)


def each(*steps: Callable[[], Any]) -> list[Any]:
    """The result of every step; what is wrong with any of them is raised together."""
    results, problems, failed = [], [], False
    for step in steps:
        try:
            results.append(step())
        except Fatal:
            raise
        except NetError as error:
            problems, failed = [*problems, *error.diagnostics], True
    if failed:
        raise NetError(*problems)
    return results


def call(trace: Trace, expression: tree.Call) -> Any:
    function, arguments = each(
        lambda: function_of(trace, expression.function),
        lambda: arguments_of(trace, expression),
    )
    return trace.call(function, arguments, expression.span)


def arguments_of(trace: Trace, expression: tree.Call) -> tuple[Argument, ...]:
    return tuple(
        Argument(trace.evaluate(one), end_of(one)) for one in expression.arguments
    ) + tuple(
        Argument(trace.evaluate(one.value), one.span, one.name.text) for one in expression.named
    )


def pipe(trace: Trace, expression: tree.Pipe) -> Any:
    value, function, others = each(
        lambda: trace.evaluate(expression.value),
        lambda: function_of(trace, expression.call.function),
        lambda: arguments_of(trace, expression.call),
    )
    arguments = (Argument(value, end_of(expression.value)), *others)
    result = trace.call(function, arguments, expression.call.span)
    trace.remember(result, expression.call.span)
    if is_tensor(result) and is_tensor(value) and result != value:
        trace.piped.setdefault(result.name, value)
    return result


def end_of(expression: tree.Expression) -> Span:
    """Where the value of an expression is made: the last call of a pipe."""
    return expression.call.span if isinstance(expression, tree.Pipe) else expression.span


def index(trace: Trace, expression: tree.Index) -> Any:
    value = trace.evaluate(expression.value)
    with trace.at(expression.span):
        if is_tensor(value):
            return index_tensor(trace, value, expression.items)
        if items_of(value) is not None:
            return index_items(trace, value, expression.items)
        raise trace.fail("E0209", f"{describe(value)} cannot be indexed", expression.value.span)


def attribute(trace: Trace, expression: tree.Attribute) -> Any:
    value = trace.evaluate(expression.value)
    if not isinstance(value, Layer | Parts):
        raise trace.fail("E0308", f"{describe(value)} has no parts", expression.span)
    path = f"{value.path}.{expression.name.text}"
    if path in trace.current:
        return trace.current[path]
    inside = [weight for weight in trace.weights if weight.startswith(f"{value.path}.")]
    if any(weight.startswith(f"{path}.") for weight in inside):
        return Parts(path)
    parts = [weight.removeprefix(f"{value.path}.") for weight in inside]
    help = f"it has {', '.join(parts)}" if parts else "call the layer before reading its parts"
    raise trace.fail(
        "E0308",
        f"{describe(value)} has no part `{expression.name.text}`",
        expression.name.span,
        help=help,
    )


def range_of(trace: Trace, expression: tree.Range) -> range:
    ends = []
    for end in (expression.start, expression.stop):
        value = trace.evaluate(end)
        if not is_whole(value):
            raise trace.fail(
                "E0315",
                "a range goes between whole numbers",
                end.span,
                f"this is {describe(value)}",
            )
        ends.append(value)
    return range(*ends)


EVALUATORS: Mapping[type, Callable[[Trace, Any], Any]] = MappingProxyType(
    {
        tree.Name: name,
        tree.Number: literal,
        tree.Percent: literal,
        tree.Text: literal,
        tree.Truth: literal,
        tree.Tuple_: sequence,
        tree.List_: sequence,
        tree.Binary: binary,
        tree.Unary: unary,
        tree.Compare: compare,
        tree.Conditional: conditional,
        tree.Call: call,
        tree.Pipe: pipe,
        tree.Index: index,
        tree.Attribute: attribute,
        tree.Range: range_of,
        tree.Scan: scan,
    }
)
