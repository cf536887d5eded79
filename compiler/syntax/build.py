"""What the parser reduces -> nodes of the syntax tree, one method for each rule of the grammar.

The parser calls these as it goes, innermost first, so that no depth of nesting can exhaust the
stack. Children are tokens (keywords and marks) and what other methods returned.
"""

from dataclasses import dataclass, replace

from lark import Transformer

from netc.compiler.diagnostics import Diagnostic, NetError, Span
from netc.compiler.syntax import tree
from netc.compiler.syntax.tokens import Token

ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}


@dataclass(frozen=True)
class Part:
    """A piece of a construct that has no node of its own: a body, a clause."""

    items: tuple
    span: Span


@dataclass(frozen=True)
class Optimizer:
    """The `with` of a `minimize`."""

    value: tree.Expression
    span: Span


def span_of(children) -> Span:
    return children[0].span.to(children[-1].span)


def nodes(children, kind=tree.Node) -> tuple:
    """The children of a kind; by default all that are not tokens."""
    return tuple(child for child in children if isinstance(child, kind))


def only(children, kind):
    """The one child of a kind, or None."""
    return next((child for child in children if isinstance(child, kind)), None)


def part(self, children) -> Part:
    return Part(nodes(children), span_of(children))


class Builder(Transformer):
    """Rules of net.lark to nodes of tree.py."""

    # Leaves

    def name(self, children):
        return tree.Name(children[0].text, span=children[0].span)

    def number(self, children):
        return tree.Number(children[0].text, span=children[0].span)

    def percent(self, children):
        return tree.Percent(children[0].text[:-1], span=children[0].span)

    def text(self, children):
        return tree.Text(unescaped(children[0]), span=children[0].span)

    def truth(self, children):
        return tree.Truth(children[0].text == "true", span=children[0].span)

    # Declarations

    def program(self, children):
        return tuple(children)

    def use(self, children):
        return tree.Use(children[1], span=span_of(children))

    def const(self, children):
        return tree.Constant(children[1], children[3], span=span_of(children))

    def block(self, children):
        _, name, parameters, body = children
        return tree.Block(name, parameters.items, body.items, span=span_of(children))

    def net(self, children):
        _, name, parameters, body = children
        return tree.Net(name, parameters.items, body.items, span=span_of(children))

    def train(self, children):
        name = only(children, tree.Name)
        return tree.Train(name, nodes(children, tree.Statement), span=span_of(children))

    parameters = body = part

    def parameter(self, children):
        name, *rest = nodes(children)
        type_ = only(rest, tree.TypePattern)
        return tree.Parameter(name, type_, only(rest, tree.Expression), span=span_of(children))

    def type(self, children):
        dtype = children[0] if isinstance(children[0], tree.Name) else None
        dimensions = nodes(children[1:] if dtype else children)
        return tree.TypePattern(dtype, dimensions, span=span_of(children))

    def ellipsis(self, children):
        return tree.Ellipsis_(span=span_of(children))

    # Statements

    def assign(self, children):
        *targets, value = nodes(children)
        return tree.Assign(tuple(targets), value, span=span_of(children))

    def result(self, children):
        return tree.Return(nodes(children), span=span_of(children))

    def step_result(self, children):
        return tree.Yield(nodes(children), span=span_of(children))

    def layer(self, children):
        return tree.LayerDeclaration(*nodes(children), span=span_of(children))

    def weight(self, children):
        return tree.WeightDeclaration(*nodes(children), span=span_of(children))

    def state(self, children):
        return tree.WeightDeclaration(*nodes(children), trainable=False, span=span_of(children))

    def update(self, children):
        return tree.Update(*nodes(children), span=span_of(children))

    def repeat(self, children):
        _, count, body = children
        return tree.Repeat(count, body.items, span=span_of(children))

    def loop(self, children):
        _, name, _, values, body = children
        return tree.For(name, values, body.items, span=span_of(children))

    def choice(self, children):
        _, condition, then, *rest = children
        otherwise = rest[1] if rest else None
        if isinstance(otherwise, Part):
            otherwise = otherwise.items
        elif otherwise is not None:
            otherwise = (otherwise,)
        return tree.If(condition, then.items, otherwise or (), span=span_of(children))

    def scan(self, children):
        *clauses, body = nodes(children, Part)
        carry = next((clause.items for clause in clauses if clause.items), ())
        return tree.Scan(
            nodes(children, tree.ScanSource),
            only(children, tree.Expression),
            reverse=any(not clause.items for clause in clauses),
            carry=carry,
            body=body.items,
            span=span_of(children),
        )

    def step(self, children):
        return tree.ScanSource(*nodes(children), span=span_of(children))

    reverse = carry = over = part

    def take(self, children):
        return tree.Take(nodes(children, tree.Field), children[-1], span=span_of(children))

    def field(self, children):
        return tree.Field(*nodes(children), span=span_of(children))

    def minimize(self, children):
        _, loss, *clauses = children
        optimizer = only(clauses, Optimizer).value
        over = only(clauses, Part)
        nets = over.items if over else ()
        return tree.Minimize(loss, optimizer, nets, span=span_of(children))

    def optimizer(self, children):
        return Optimizer(children[1], span_of(children))

    def measure(self, children):
        *name, value = nodes(children)
        return tree.Measure(name[0] if name else None, value, span=span_of(children))

    def setting(self, children):
        name, *arguments = children
        positional, named = self.split(arguments)
        return tree.Setting(name, positional, named, span=span_of(children))

    # Expressions

    def conditional(self, children):
        then, _, condition, _, otherwise = children
        return tree.Conditional(condition, then, otherwise, span=span_of(children))

    def pipe(self, children):
        return tree.Pipe(children[0], children[2], span=span_of(children))

    def call(self, children):
        function, *arguments = children
        positional, named = self.split(arguments)
        return tree.Call(function, positional, named, span=span_of(children))

    target = call

    def split(self, children):
        """Positional and named arguments, in that order in the source."""
        positional, named = [], []
        for child in nodes(children):
            if isinstance(child, tree.Named):
                named.append(child)
            elif named:
                raise NetError(positional_after_named(child, named[-1]))
            else:
                positional.append(child)
        return tuple(positional), tuple(named)

    def named(self, children):
        return tree.Named(*nodes(children), span=span_of(children))

    def binary(self, children):
        left, op, right = children
        return tree.Binary(op.text, left, right, span=span_of(children))

    def compare(self, children):
        left, op, right = children
        return tree.Compare(op.text, left, right, span=span_of(children))

    def unary(self, children):
        return tree.Unary(children[0].text, children[1], span=span_of(children))

    def range(self, children):
        return tree.Range(children[0], children[2], span=span_of(children))

    def index(self, children):
        value, *items = nodes(children)
        items = tuple(new_axis(item) for item in items)
        return tree.Index(value, items, span=span_of(children))

    def slice(self, children):
        parts = [None]
        for child in children:
            if isinstance(child, Part):
                parts.append(None)
            else:
                parts[-1] = child
        return tree.Slice(*parts, span=span_of(children))

    colon = part

    def attribute(self, children):
        return tree.Attribute(children[0], children[2], span=span_of(children))

    def parentheses(self, children):
        return replace(children[1], span=span_of(children))

    def tuple(self, children):
        return tree.Tuple_(nodes(children), span=span_of(children))

    def list(self, children):
        return tree.List_(nodes(children), span=span_of(children))


def new_axis(item):
    if isinstance(item, tree.Name) and item.text == "None":
        return tree.NewAxis(span=item.span)
    return item


def unescaped(token: Token) -> str:
    """What a string literal says."""
    text, position = [], 1
    inner = token.text[:-1]
    while position < len(inner):
        if inner[position] != "\\":
            text.append(inner[position])
            position += 1
            continue
        if inner[position + 1] not in ESCAPES:
            raise NetError(unknown_escape(token, position))
        text.append(ESCAPES[inner[position + 1]])
        position += 2
    return "".join(text)


def unknown_escape(token: Token, position: int) -> Diagnostic:
    start = token.column + position
    span = Span(token.source, token.line, start, token.line, start + 2)
    return Diagnostic(
        "E0104",
        f"unknown escape `{span.text}` in a string",
        span,
        helps=('a string knows `\\\\`, `\\"`, `\\n` and `\\t`; paths are written with `/`',),
    )


def positional_after_named(child: tree.Node, named: tree.Named) -> Diagnostic:
    name = named.name.text
    return Diagnostic(
        "E0109",
        f"a positional argument follows the named argument `{name}`",
        child.span,
        "move it before the named arguments, or give it a name",
    )
