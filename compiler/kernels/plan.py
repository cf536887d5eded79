"""Plans: what a kernel computes, in loops and scalar expressions, before any target has its say."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from netc.compiler.ir.graph import Node, Value
from netc.compiler.ir.scan import Scan
from netc.compiler.kernels.group import Group
from netc.compiler.scalar.expression import Expression, Move
from netc.compiler.scalar.geometry import Geometry
from netc.compiler.scalar.index import Index, Variable


@dataclass(frozen=True)
class Assign:
    """const dtype name = expression;"""

    name: str
    dtype: str
    expression: Expression


@dataclass(frozen=True)
class Store:
    """value[position] = expression;"""

    value: Value
    position: Index
    expression: Expression


@dataclass(frozen=True)
class Body:
    """Straight-line code: what is computed, then what is stored."""

    assigns: tuple[Assign, ...] = ()
    stores: tuple[Store, ...] = ()


@dataclass(frozen=True)
class Fold:
    """name = function over a loop of expression; function is the name of a REDUCE op."""

    name: str
    function: str
    dtype: str
    expression: Expression

    @property
    def finds_place(self) -> bool:
        """Whether the result is where the extreme is, not the extreme itself."""
        return self.function in ("argmax", "argmin")


@dataclass(frozen=True)
class Stage:
    """One walk along a row: what is computed per element, what is folded, and then, once per row,
    what follows from the folds."""

    body: Body
    folds: tuple[Fold, ...]
    after: Body


@dataclass(frozen=True)
class MapPlan:
    """For each of outer x inner: body. `inner` runs over neighbours in memory."""

    outer: Variable
    inner: Variable
    body: Body


@dataclass(frozen=True)
class RowPlan:
    """For each row: stage after stage, each a walk along the columns."""

    row: Variable
    column: Variable
    stages: tuple[Stage, ...]


@dataclass(frozen=True)
class ColumnPlan:
    """For each of outer x inner: fold over `fold`, then `after`. Neighbours in memory are inner."""

    outer: Variable
    fold: Variable
    inner: Variable
    folds: tuple[Fold, ...]
    after: Body


@dataclass(frozen=True)
class SlidingPlan:
    """How the left side of a product slides over images, as in Sliding: `pixel` is the element at
    image p, row u, column v and channel c."""

    image: Variable
    row: Variable
    column: Variable
    channel: Variable
    geometry: Geometry
    over_taps: bool
    pixel: Expression


@dataclass(frozen=True)
class PoolPlan:
    """Folds of a convolution's results over windows of `size`, side by side, `places` of them on an
    image: tap k of window o in channel j."""

    size: tuple[int, int]
    places: tuple[int, int]
    folds: ColumnPlan


@dataclass(frozen=True)
class SumsPlan:
    """result = sum over depth of right for each (batch, column), then `after`."""

    result: str
    after: Body


@dataclass(frozen=True)
class MatmulPlan:
    """result = sum over depth of left * right for each (batch, row, column), then `after`.

    Where the left side slides, a `pool` may fold the results, and `sums` add up the right side.

    `left` and `right` are not rounded yet: a target rounds them to `precision` as it loads them.
    """

    batch: Variable
    row: Variable
    column: Variable
    depth: Variable
    left: Expression
    right: Expression
    result: str
    after: Body
    precision: str = "f32"
    sliding: SlidingPlan | None = None
    pool: PoolPlan | None = None
    sums: SumsPlan | None = None


@dataclass(frozen=True)
class SquaresPlan:
    """Matrix products whose results are combined with each other: product s of each (batch, row,
    column) is the sum over depth of lefts[s] * rights[s]; then `after`, which knows the products as
    `results`."""

    batch: Variable
    row: Variable
    column: Variable
    depth: Variable
    lefts: tuple[Expression, ...]
    rights: tuple[Expression, ...]
    results: tuple[str, ...]
    after: Body


@dataclass(frozen=True)
class ScatterPlan:
    """For each `item`: its `value` for every column is added to the row of `target` that `place`
    names, if it is one of `rows`. What no item names is 0.

    With a `move`, `target` is its table, less by the rate times these sums."""

    rows: int
    column: Variable
    item: Variable
    place: Expression
    value: Expression
    target: Value
    move: Move | None = None


@dataclass(frozen=True)
class AttendPlan:
    """Attention, or a gradient of it: `operands` by name, each read at the places that its loops
    have reached. `form` says what goes to `target`, as in Attend."""

    form: str
    batch: Variable
    query: Variable
    key: Variable
    depth: Variable
    width: Variable
    causal: bool
    operands: tuple[tuple[str, Expression], ...]
    target: Value


Plan = MapPlan | RowPlan | ColumnPlan | MatmulPlan | SquaresPlan | ScatterPlan | AttendPlan


@dataclass(frozen=True)
class Kernel:
    """One kernel: its name, its group, its plan, what it reads and writes, what it costs.

    `names` has an identifier for each value that it reads or writes, the same in all kernels.
    `scan` is the node that it runs a step of: it then runs once for each step, after the kernels of
    that scan before it and before those behind it.
    """

    name: str
    group: Group
    plan: Plan
    reads: tuple[Value, ...]
    writes: tuple[Value, ...]
    flops: int
    names: Mapping[str, str] = field(compare=False)
    scan: Node | None = None

    @property
    def times(self) -> int:
        """How often it runs in one step of the function."""
        return Scan.of(self.scan).steps if self.scan else 1

    @property
    def rooms(self) -> tuple[Value, ...]:
        """What it writes into of what it reads, and leaves as it was."""
        is_moving = isinstance(self.plan, ScatterPlan) and self.plan.move
        return (self.plan.move.room,) if is_moving else ()

    @property
    def terms(self) -> int:
        """How many numbers are folded into one that it stores."""
        match self.plan:
            case RowPlan():
                return self.plan.column.extent
            case ColumnPlan():
                return self.plan.fold.extent
            case MatmulPlan() | SquaresPlan():
                return self.plan.depth.extent
            case ScatterPlan():
                return self.plan.item.extent
            case AttendPlan():
                return max(self.plan.key.extent, self.plan.query.extent)
        return 1

    @property
    def bytes(self) -> int:
        """The least that must move: every tensor once, or of a table the rows that may be named."""
        if isinstance(self.plan, ScatterPlan) and self.plan.move:
            return 20 * self.plan.item.extent * self.plan.column.extent
        return sum(value.type.bytes for value in self.reads + self.writes)


def runs(kernels: tuple[Kernel, ...]) -> Iterator[tuple[Node | None, tuple[Kernel, ...]]]:
    """The kernels in their order, those of one scan together with its node."""
    for _, group in groupby(kernels, lambda one: one.scan and one.scan.output.name):
        some = tuple(group)
        yield some[0].scan, some
