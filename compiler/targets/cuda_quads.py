"""Loads and stores of 16 bytes: what a map, or a walk along rows, does for one element in; what it
moves by quads, and does for one of four neighbours, out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from netc.compiler.ir.graph import Value
from netc.compiler.kernels.plan import Assign, Body, Fold, Kernel, MapPlan, RowPlan, Store
from netc.compiler.scalar.expression import (
    Apply,
    Expression,
    Load,
    LoadRow,
    Local,
    Position,
    Select,
)
from netc.compiler.scalar.index import Index, Variable, variable_index
from netc.compiler.targets.cuda_tensor import WIDE, is_aligned
from netc.compiler.targets.dialect import Speller
from netc.compiler.targets.text import (
    BodyText,
    FoldText,
    MapText,
    RowText,
    StoreText,
    body_text,
    fold_text,
)

INNER = Variable("u", WIDE)  # which of the four
MOST_QUADS = 16  # that a thread holds at once: each takes four registers


@dataclass(frozen=True)
class Quad:
    """Four neighbours of a tensor from `first` on, in an array `name` of the thread's own."""

    value: Value
    first: Index
    name: str


@dataclass(frozen=True)
class QuadWalk:
    """`loads` come before what is done for each `u` of four: `body`, and a step of each fold. Of
    its stores the first go to `stores`, quads that follow behind, and the others to memory."""

    loads: tuple[Quad, ...]
    body: Body
    folds: tuple[Fold, ...]
    stores: tuple[Quad, ...]

    @property
    def quads(self) -> int:
        return len(self.loads) + len(self.stores)


@dataclass(frozen=True)
class QuadText:
    type: str
    name: str
    first: str


@dataclass(frozen=True)
class QuadWalkText:
    loads: tuple[QuadText, ...]
    body: BodyText
    folds: tuple[FoldText, ...]
    stores: tuple[QuadText, ...]


class Widener:
    """What of one element becomes of one of four; remembers the quads that are loaded for it."""

    def __init__(self, along: Variable, names: Mapping[str, str]) -> None:
        self.names, self.loads = names, dict[tuple[str, Index], Quad]()
        quad = variable_index(Variable("quad", along.extent // WIDE))
        self.replaced = {along: quad * WIDE + variable_index(INNER)}

    def index(self, index: Index) -> Index:
        return index.substitute(self.replaced)

    def expression(self, one: Expression, is_certain: bool = True) -> Expression:
        """`is_certain`: whether it is evaluated for every element, wherever that is."""
        if isinstance(one, Load):
            return self.load(one, is_certain)
        if isinstance(one, LoadRow):
            row = self.expression(one.row, is_certain)
            return replace(one, row=row, column=self.index(one.column))
        if isinstance(one, Position):
            return replace(one, index=self.index(one.index))
        if isinstance(one, Apply):
            arguments = tuple(self.expression(part, is_certain) for part in one.arguments)
            return replace(one, arguments=arguments)
        if isinstance(one, Select):
            conditions = tuple(replace(c, index=self.index(c.index)) for c in one.conditions)
            inside, outside = (self.expression(part, False) for part in (one.inside, one.outside))
            return Select(conditions, inside, outside)
        return one

    def load(self, load: Load, is_certain: bool) -> Expression:
        position = self.index(load.position)
        if not (is_certain and is_quad(load.value, position)):
            return Load(load.value, position)
        key = load.value.name, position
        name = f"{self.names[load.value.name]}_quad"
        self.loads.setdefault(key, self.quad(load.value, position, name))
        return Local(f"{self.loads[key].name}[{INNER.name}]", load.dtype)

    def quad(self, value: Value, position: Index, name: str) -> Quad:
        """A quad of a name that nothing else has."""
        taken = {*self.names.values(), *(one.name for one in self.loads.values())}
        while name in taken:
            name += "_"
        return Quad(value, position - variable_index(INNER), name)


def is_quad(value: Value, position: Index) -> bool:
    """Whether the four from a position on lie side by side, at a multiple of four."""
    return value.type.count % WIDE == 0 and is_aligned(position, INNER)


def quad_walks(plan: MapPlan | RowPlan, names: Mapping[str, str]) -> tuple[QuadWalk, ...]:
    """Each walk of a kernel, by quads; none where its elements do not come by four, or it would
    move nothing by quads, or too much. `names` are those of the kernel's values."""
    along = plan.inner if isinstance(plan, MapPlan) else plan.column
    if along.extent % WIDE:
        return ()
    bodies = [(plan.body, ())] if isinstance(plan, MapPlan) else []
    if isinstance(plan, RowPlan):
        bodies = [(stage.body, stage.folds) for stage in plan.stages]
    found = tuple(quad_walk(body, folds, along, names) for body, folds in bodies)
    return found if 0 < max(one.quads for one in found) <= MOST_QUADS else ()


def quad_walk(
    body: Body, folds: tuple[Fold, ...], along: Variable, names: Mapping[str, str]
) -> QuadWalk:
    widener = Widener(along, names)
    assigns = tuple(
        Assign(one.name, one.dtype, widener.expression(one.expression)) for one in body.assigns
    )
    steps = tuple(replace(fold, expression=widener.expression(fold.expression)) for fold in folds)
    wide, narrow, quads = [], [], []
    for store in body.stores:
        position = widener.index(store.position)
        moved = Store(store.value, position, widener.expression(store.expression))
        if is_quad(store.value, position):
            wide.append(moved)
            name = f"{names[store.value.name]}_next"
            quads.append(widener.quad(store.value, position, name))
        else:
            narrow.append(moved)
    return QuadWalk(
        tuple(widener.loads.values()), Body(assigns, (*wide, *narrow)), steps, tuple(quads)
    )


def quad_texts(kernel: Kernel, speller: Speller) -> tuple[QuadWalkText, ...]:
    """The walks of a kernel, spelled."""
    assert isinstance(kernel.plan, MapPlan | RowPlan)
    return tuple(walk_text(walk, speller) for walk in quad_walks(kernel.plan, kernel.names))


def counted_by_quads(text: MapText | RowText) -> MapText | RowText:
    """The plan with quads in the place of neighbours, of which it has a fourth."""
    if isinstance(text, MapText):
        return replace(text, inner=text.inner // WIDE)
    return replace(text, columns=text.columns // WIDE)


def walk_text(walk: QuadWalk, speller: Speller) -> QuadWalkText:
    body = body_text(walk.body, speller)
    wide = len(walk.stores)
    kept = tuple(
        StoreText(store.type, quad.name, INNER.name, store.expression)
        for store, quad in zip(body.stores[:wide], walk.stores, strict=True)
    )
    return QuadWalkText(
        loads=tuple(quad_text(quad, speller) for quad in walk.loads),
        body=BodyText(body.assigns, (*kept, *body.stores[wide:])),
        folds=tuple(fold_text(fold, speller) for fold in walk.folds),
        stores=tuple(quad_text(quad, speller) for quad in walk.stores),
    )


def quad_text(quad: Quad, speller: Speller) -> QuadText:
    name = speller.parameters[quad.value.name]
    type = speller.dialect.types[quad.value.type.dtype]
    return QuadText(type, quad.name, f"{name}[{quad.first.text}]")
