"""What one element of a tensor is: a tree of loads, constants and functions of loop variables."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from netc.compiler.ir.graph import Value
from netc.compiler.scalar.geometry import Geometry
from netc.compiler.scalar.index import Index, Variable, loop


@dataclass(frozen=True)
class Constant:
    """A number that is known while compiling."""

    value: float | int | bool
    dtype: str


@dataclass(frozen=True)
class Load:
    """The element of a stored tensor at a row-major position."""

    value: Value
    position: Index

    @property
    def dtype(self) -> str:
        return self.value.type.dtype

    def is_at(self, place: Index) -> bool:
        return self.position == place


@dataclass(frozen=True)
class LoadRow:
    """The element at `column` of the row that `row` names, of a stored tensor of rows x columns;
    0 where there is no such row."""

    value: Value
    row: "Expression"
    rows: int
    columns: int
    column: Index

    @property
    def dtype(self) -> str:
        return self.value.type.dtype

    def is_at(self, place: Index) -> bool:
        """Never: which element it is shows only while running."""
        return False


@dataclass(frozen=True)
class Position:
    """An index used as a number (`i32`)."""

    index: Index
    dtype: str = "i32"


@dataclass(frozen=True)
class Local:
    """A variable that the template declares: an accumulator or the result of an earlier stage."""

    name: str
    dtype: str


@dataclass(frozen=True)
class Apply:
    """A function of scalars by the name of its op: `add`, `exp`, `where`, `cast` ..."""

    function: str
    arguments: tuple["Expression", ...]
    dtype: str


@dataclass(frozen=True)
class Within:
    """A condition on an index: low <= index < high."""

    index: Index
    low: int
    high: int

    @property
    def always(self) -> bool:
        least, greatest = self.index.bounds
        return self.low <= least and greatest < self.high

    @property
    def never(self) -> bool:
        least, greatest = self.index.bounds
        return greatest < self.low or least >= self.high


@dataclass(frozen=True)
class Select:
    """`inside` where all conditions hold, else `outside`; what is not chosen is not evaluated."""

    conditions: tuple[Within, ...]
    inside: "Expression"
    outside: "Expression"

    @property
    def dtype(self) -> str:
        return self.inside.dtype


Expression = Constant | Load | LoadRow | Position | Local | Apply | Select
Read = Callable[[Value, tuple[Index, ...]], Expression]


def select(conditions: tuple[Within, ...], inside: Expression, outside: Expression) -> Expression:
    """A Select without the conditions that always hold; `outside` when one never does."""
    if any(condition.never for condition in conditions):
        return outside
    needed = tuple(condition for condition in conditions if not condition.always)
    return Select(needed, inside, outside) if needed else inside


def children(expression: Expression) -> tuple[Expression, ...]:
    if isinstance(expression, Apply):
        return expression.arguments
    if isinstance(expression, Select):
        return expression.inside, expression.outside
    if isinstance(expression, LoadRow):
        return (expression.row,)
    return ()


def walk(expression: Expression) -> Iterator[Expression]:
    """The expression and everything in it, children first."""
    for child in children(expression):
        yield from walk(child)
    yield expression


def changed(expression: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """The expression with what `change` makes of each part in its place, children first."""
    return change(with_children(expression, lambda part: changed(part, change)))


def with_children(expression: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """The expression with what `change` makes of its children in their places."""
    match expression:
        case Apply():
            arguments = tuple(change(part) for part in expression.arguments)
            return Apply(expression.function, arguments, expression.dtype)
        case Select():
            inside, outside = change(expression.inside), change(expression.outside)
            return Select(expression.conditions, inside, outside)
        case LoadRow():
            return replace(expression, row=change(expression.row))
    return expression


def substitute(expression: Expression, values: dict[Variable, Index]) -> Expression:
    """The expression with variables replaced by indices that stay within their extents."""

    def change(part: Expression) -> Expression:
        match part:
            case Load():
                return replace(part, position=part.position.substitute(values))
            case LoadRow():
                return replace(part, column=part.column.substitute(values))
            case Position():
                return replace(part, index=part.index.substitute(values))
            case Select():
                conditions = tuple(
                    replace(one, index=one.index.substitute(values)) for one in part.conditions
                )
                return select(conditions, part.inside, part.outside)
        return part

    return changed(expression, change)


def find_loads(expression: Expression) -> list[Load | LoadRow]:
    """Every load in the expression, children first."""
    found: list[Load | LoadRow] = []
    for child in children(expression):
        found += find_loads(child)
    if isinstance(expression, Load | LoadRow):
        found.append(expression)
    return found


@dataclass(frozen=True)
class Sliding:
    """Images under a window, as one factor of a product: places are (image, down, across) of the
    window, taps are (down, across, channel) in it. Along the depth run the taps where `over_taps`,
    else the places; along the rows the others.

    `pixel` is the element at (image, row, column, channel), inside of the image.
    """

    geometry: Geometry
    over_taps: bool
    pixel: Callable[[Index, Index, Index, Index], Expression]


@dataclass(frozen=True)
class Contraction:
    """out[b, m, n] = sum over k of left(b, m, k) * right(b, k, n); out is dense in (b, m, n).

    Both factors are rounded to `precision`, and the sum is f32. Where the left one is a window that
    slides over images, `sliding` tells so: a target may then read the images as they lie.
    """

    batch: int
    rows: int
    columns: int
    depth: int
    left: Callable[[Index, Index, Index], Expression]
    right: Callable[[Index, Index, Index], Expression]
    precision: str = "f32"
    sliding: Sliding | None = None


@dataclass(frozen=True)
class Move:
    """A table that is less by `rate` times each sum, which are made in `room`."""

    table: Value
    room: Value
    rate: Expression


@dataclass(frozen=True)
class Scatter:
    """out[row(k), c] = sum of value(k, c) over the k < count that name the row, 0 for no k.

    With a `move`, out is what that says instead."""

    rows: int
    columns: int
    count: int
    row: Callable[[Index], Expression]
    value: Callable[[Index, Index], Expression]
    move: Move | None = None


@dataclass(frozen=True)
class Attend:
    """Attention of `queries` x `keys` places, for each of `batch`: what each operand is at a place.

    `form` is what is found: "forward", out[b, m, j]: the mean of value(b, n, j) by the weights of
    query(b, m, k) . key(b, n, k) and, at j = width, the log of their sum; "query", the gradient by
    query(b, m, k); "key_value", those by key(b, n, k) and by value(b, n, j), side by side. For a
    gradient `slopes` are the upstream one (b, m, j), the log of the sum (b, m) and delta (b, m).
    """

    form: str
    batch: int
    queries: int
    keys: int
    depth: int
    width: int
    causal: bool
    query: Callable[[Index, Index, Index], Expression]
    key: Callable[[Index, Index, Index], Expression]
    value: Callable[[Index, Index, Index], Expression]
    slopes: tuple[Callable[..., Expression], ...] = ()
    mask: Callable[[Index, Index, Index], Expression] | None = None

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The loops: batch, query, key, channel of a key, channel of a value."""
        sizes = (self.batch, self.queries, self.keys, self.depth, self.width)
        return tuple(Variable(name, size) for name, size in zip("bmnkj", sizes, strict=True))

    @property
    def operands(self) -> dict[str, Expression]:
        """Each operand by its name, at the place that the loops have reached."""
        b, m, n, k, j = (loop(one.name, one.extent) for one in self.variables)
        found = {"query": self.query(b, m, k), "key": self.key(b, n, k)}
        found["value"] = self.value(b, n, j)
        if self.slopes:
            upstream, log_sum, delta = self.slopes
            found |= {"upstream": upstream(b, m, j), "log_sum": log_sum(b, m), "delta": delta(b, m)}
        if self.mask:
            found["mask"] = self.mask(b, m, n)
        return found
