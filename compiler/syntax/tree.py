"""The syntax tree: one frozen dataclass for each construct of the language.

Every node knows its span. Spans take no part in equality: two trees are equal when the programs
say the same.
"""

from dataclasses import dataclass, field

from netc.compiler.diagnostics import Span


@dataclass(frozen=True)
class Node:
    """Something that stands in a source."""

    span: Span = field(compare=False, repr=False, kw_only=True)


@dataclass(frozen=True)
class Expression(Node):
    """Something that has a value."""


@dataclass(frozen=True)
class Name(Expression):
    """A name, also where it is declared. `none` and `feed` are names like any other."""

    text: str


@dataclass(frozen=True)
class Number(Expression):
    """A number as it was written; `value` is the int or the float it stands for."""

    text: str

    @property
    def value(self) -> int | float:
        return int(self.text) if self.text.isdigit() else float(self.text)


@dataclass(frozen=True)
class Percent(Expression):
    """`20%`: `text` is "20", `value` is 0.2."""

    text: str

    @property
    def value(self) -> float:
        return float(self.text) / 100


@dataclass(frozen=True)
class Text(Expression):
    """A string: what it says, without quotes and escapes."""

    value: str


@dataclass(frozen=True)
class Truth(Expression):
    """`true` or `false`."""

    value: bool


@dataclass(frozen=True)
class Tuple_(Expression):
    """`(a, b)`, `(a,)` or `()`."""

    items: tuple[Expression, ...]


@dataclass(frozen=True)
class List_(Expression):
    """`[a, b]`."""

    items: tuple[Expression, ...]


@dataclass(frozen=True)
class Named(Node):
    """`name=value` among the arguments of a call or a setting."""

    name: Name
    value: Expression


@dataclass(frozen=True)
class Call(Expression):
    """`function(argument, name=value)`; on the right of `->` also a bare `function`."""

    function: Expression
    arguments: tuple[Expression, ...] = ()
    named: tuple[Named, ...] = ()


@dataclass(frozen=True)
class Pipe(Expression):
    """`value -> call`: the value becomes the call's first argument."""

    value: Expression
    call: Call


@dataclass(frozen=True)
class Binary(Expression):
    """`left op right`: op is one of + - * / // % ** @ and or."""

    op: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Unary(Expression):
    """`op operand`: op is - or not."""

    op: str
    operand: Expression


@dataclass(frozen=True)
class Compare(Expression):
    """`left op right`: op is one of == != < <= > >=."""

    op: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Conditional(Expression):
    """`then if condition else otherwise`."""

    condition: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True)
class Slice(Node):
    """`start:stop:step` between the brackets of an index."""

    start: Expression | None = None
    stop: Expression | None = None
    step: Expression | None = None


@dataclass(frozen=True)
class Ellipsis_(Node):
    """`...` in an index or a type: any axes between."""


@dataclass(frozen=True)
class NewAxis(Node):
    """`None` in an index: a new axis of size 1."""


@dataclass(frozen=True)
class Index(Expression):
    """`value[items]`."""

    value: Expression
    items: tuple[Expression | Slice | Ellipsis_ | NewAxis, ...]


@dataclass(frozen=True)
class Attribute(Expression):
    """`value.name`."""

    value: Expression
    name: Name


@dataclass(frozen=True)
class Range(Expression):
    """`start..stop`: the whole numbers from start up to, not including, stop."""

    start: Expression
    stop: Expression


@dataclass(frozen=True)
class ScanSource(Node):
    """`name in value`: name is one step of value."""

    name: Name
    value: Expression


@dataclass(frozen=True)
class Scan(Expression):
    """`scan x in xs, y in ys along axis reverse carry h, c { body }`."""

    sources: tuple[ScanSource, ...]
    axis: Expression
    reverse: bool
    carry: tuple[Name, ...]
    body: tuple["Statement", ...]


@dataclass(frozen=True)
class Statement(Node):
    """One statement of a body."""


@dataclass(frozen=True)
class Assign(Statement):
    """`a, b = value`."""

    targets: tuple[Name, ...]
    value: Expression


@dataclass(frozen=True)
class Return(Statement):
    """`return a, b`."""

    values: tuple[Expression, ...]


@dataclass(frozen=True)
class Yield(Statement):
    """`yield a, b` in the body of a scan."""

    values: tuple[Expression, ...]


@dataclass(frozen=True)
class TypePattern(Node):
    """`f32[N, ..., C]`. No dtype means any; `f32` alone is the scalar `f32[]`."""

    dtype: Name | None
    dimensions: tuple[Expression | Ellipsis_, ...]


@dataclass(frozen=True)
class LayerDeclaration(Statement):
    """`layer name = value`: one set of weights under a name."""

    name: Name
    value: Expression


@dataclass(frozen=True)
class WeightDeclaration(Statement):
    """`weight name: type = value`; `state` instead of `weight` declares one that is not trained."""

    name: Name
    type: TypePattern
    value: Expression
    trainable: bool = True


@dataclass(frozen=True)
class Update(Statement):
    """`update name = value`: the value that a state has after this step."""

    name: Name
    value: Expression


@dataclass(frozen=True)
class Repeat(Statement):
    """`repeat count { body }`."""

    count: Expression
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class For(Statement):
    """`for name in values { body }`."""

    name: Name
    values: Expression
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class If(Statement):
    """`if condition { then } else { otherwise }`; `else if` is an `If` alone in `otherwise`."""

    condition: Expression
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...] = ()


@dataclass(frozen=True)
class Field(Node):
    """One name that `take` binds, with its type when the program states it."""

    name: Name
    type: TypePattern | None = None


@dataclass(frozen=True)
class Take(Statement):
    """`take a, b: type from data`."""

    fields: tuple[Field, ...]
    data: Expression


@dataclass(frozen=True)
class Minimize(Statement):
    """`minimize loss with optimizer over net, net`; without `over` every net is trained."""

    loss: Expression
    optimizer: Expression
    nets: tuple[Name, ...] = ()


@dataclass(frozen=True)
class Measure(Statement):
    """`measure value` or `measure name = value`."""

    name: Name | None
    value: Expression


@dataclass(frozen=True)
class Setting(Statement):
    """`batch 128`, `stop patience=3`: a name and its arguments."""

    name: Name
    arguments: tuple[Expression, ...] = ()
    named: tuple[Named, ...] = ()


@dataclass(frozen=True)
class Declaration(Node):
    """Something at the top of a file."""


@dataclass(frozen=True)
class Use(Declaration):
    """`use "path"`."""

    path: Text


@dataclass(frozen=True)
class Constant(Declaration):
    """`const name = value`."""

    name: Name
    value: Expression


@dataclass(frozen=True)
class Parameter(Node):
    """`name: type = default`, type and default as the program has them."""

    name: Name
    type: TypePattern | None = None
    default: Expression | None = None


@dataclass(frozen=True)
class Block(Declaration):
    """`block name(parameters) { body }`."""

    name: Name
    parameters: tuple[Parameter, ...]
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Net(Declaration):
    """`net name(parameters) { body }`."""

    name: Name
    parameters: tuple[Parameter, ...]
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Train(Declaration):
    """`train name { body }`; the name may be missing."""

    name: Name | None
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Program(Node):
    """A whole file, in its order."""

    declarations: tuple[Declaration, ...]
