"""A plan spelled in a target's dialect: what the templates receive, every expression as text."""

from collections.abc import Mapping
from dataclasses import dataclass

from netc.compiler.ir.graph import Value
from netc.compiler.kernels.memory import MemoryPlan
from netc.compiler.kernels.plan import (
    AttendPlan,
    Body,
    ColumnPlan,
    Fold,
    Kernel,
    MapPlan,
    MatmulPlan,
    Plan,
    PoolPlan,
    RowPlan,
    ScatterPlan,
    SquaresPlan,
    Stage,
)
from netc.compiler.scalar.expression import Constant, Move, find_loads
from netc.compiler.targets.dialect import Dialect, Speller


@dataclass(frozen=True)
class AssignText:
    type: str
    name: str
    expression: str


@dataclass(frozen=True)
class StoreText:
    type: str
    target: str
    position: str
    expression: str


@dataclass(frozen=True)
class BodyText:
    assigns: tuple[AssignText, ...]
    stores: tuple[StoreText, ...]


@dataclass(frozen=True)
class FoldText:
    """`first` is the value before the loop; `next` is the value after one more `value`.

    Where `finds_place`, `next` is the condition under which `value` becomes the best so far
    (`best`), and `name` is the place of that best one.
    """

    type: str
    name: str
    expression: str
    value: str
    first: str
    next: str
    finds_place: bool
    best: str


@dataclass(frozen=True)
class StageText:
    """`overwrites`: what follows the folds is stored over what the stage reads."""

    body: BodyText
    folds: tuple[FoldText, ...]
    after: BodyText
    overwrites: bool


@dataclass(frozen=True)
class Parameter:
    """A pointer that the kernel is given."""

    type: str
    name: str
    value: Value
    is_written: bool


@dataclass(frozen=True)
class MapText:
    outer: int
    inner: int
    body: BodyText


@dataclass(frozen=True)
class RowText:
    rows: int
    columns: int
    stages: tuple[StageText, ...]


@dataclass(frozen=True)
class ColumnText:
    outer: int
    fold: int
    inner: int
    folds: tuple[FoldText, ...]
    after: BodyText


@dataclass(frozen=True)
class PoolText:
    """Windows of `down` x `across` results, `rows` x `columns` of them on an image, and what is
    folded over them."""

    down: int
    across: int
    rows: int
    columns: int
    folds: tuple[FoldText, ...]
    after: BodyText


@dataclass(frozen=True)
class SumsText:
    """`result` is the sum of a column of the right side, and `after` what follows."""

    result: str
    after: BodyText


@dataclass(frozen=True)
class MatmulText:
    batch: int
    rows: int
    columns: int
    depth: int
    left: str
    right: str
    result: str
    after: BodyText
    precision: str = "f32"
    pool: PoolText | None = None
    sums: SumsText | None = None


@dataclass(frozen=True)
class SquaresText:
    batch: int
    rows: int
    columns: int
    depth: int
    results: tuple[str, ...]
    after: BodyText


@dataclass(frozen=True)
class ScatterText:
    """`table`, `room` and `rate` are those of a move, or nothing; a table that is the target is
    changed in place."""

    rows: int
    columns: int
    count: int
    place: str
    value: str
    target: str
    table: str = ""
    room: str = ""
    rate: str = ""

    @property
    def is_in_place(self) -> bool:
        return self.table == self.target


@dataclass(frozen=True)
class AttendText:
    """Sizes, and the operands as they are read at b, m, n, k and j. `seen` is the condition under
    which a query looks at a key; `order` is the part of it that needs no memory and no branch, all
    of it where `is_masked` is false. `factor` is what a score is multiplied by."""

    form: str
    queries: int
    keys: int
    depth: int
    width: int
    causal: bool
    factor: str
    seen: str
    order: str
    is_masked: bool
    operands: Mapping[str, str]
    target: str


PlanText = MapText | RowText | ColumnText | MatmulText | SquaresText | ScatterText | AttendText


def body_text(body: Body, speller: Speller) -> BodyText:
    return BodyText(
        tuple(
            AssignText(
                speller.dialect.local_type(assign.dtype),
                assign.name,
                speller.spell(assign.expression),
            )
            for assign in body.assigns
        ),
        tuple(
            StoreText(
                speller.dialect.types[store.value.type.dtype],
                speller.parameters[store.value.name],
                store.position.text,
                speller.spell(store.expression),
            )
            for store in body.stores
        ),
    )


def fold_text(fold: Fold, speller: Speller, best: str = "") -> FoldText:
    """`best` is what the extreme is called whose place is found, where it has a name."""
    source = fold.expression.dtype
    dtype = source if fold.finds_place else fold.dtype
    first, following = speller.dialect.folds.get(
        f"{fold.function}:{dtype}", speller.dialect.folds[fold.function]
    )
    value = f"{fold.name}_value"
    best = best or f"{fold.name}_best"
    so_far = best if fold.finds_place else fold.name
    return FoldText(
        speller.dialect.local_type(dtype),
        fold.name,
        speller.spell(fold.expression),
        value,
        first,
        following.format(so_far, value),
        fold.finds_place,
        best,
    )


def pool_text(pool: PoolPlan, speller: Speller) -> PoolText:
    """An extreme of what another fold finds the place of is what that one has found."""
    folds, found = pool.folds.folds, {}
    for fold in folds:
        if fold.finds_place:
            like = (one.name for one in folds if finds_place_of(fold, one))
            found[fold.name] = next((name for name in like if name not in found.values()), "")
    texts = tuple(
        fold_text(fold, speller, found.get(fold.name, ""))
        for fold in folds
        if fold.name not in found.values()
    )
    return PoolText(*pool.size, *pool.places, texts, body_text(pool.folds.after, speller))


def finds_place_of(fold: Fold, extreme: Fold) -> bool:
    return fold.function == f"arg{extreme.function}" and fold.expression == extreme.expression


def stage_text(stage: Stage, speller: Speller) -> StageText:
    folds = tuple(fold_text(fold, speller) for fold in stage.folds)
    parts = (*stage.body.assigns, *stage.folds, *stage.after.assigns)
    read = {
        speller.parameters[load.value.name]
        for part in parts
        for load in find_loads(part.expression)
    }
    after = body_text(stage.after, speller)
    overwrites = any(store.target in read for store in after.stores)
    return StageText(body_text(stage.body, speller), folds, after, overwrites)


def plan_text(plan: Plan, speller: Speller) -> PlanText:
    """The plan with every expression spelled."""
    if isinstance(plan, MapPlan):
        return MapText(plan.outer.extent, plan.inner.extent, body_text(plan.body, speller))
    if isinstance(plan, RowPlan):
        stages = tuple(stage_text(stage, speller) for stage in plan.stages)
        return RowText(plan.row.extent, plan.column.extent, stages)
    if isinstance(plan, ColumnPlan):
        folds = tuple(fold_text(fold, speller) for fold in plan.folds)
        after = body_text(plan.after, speller)
        return ColumnText(plan.outer.extent, plan.fold.extent, plan.inner.extent, folds, after)
    if isinstance(plan, ScatterPlan):
        return ScatterText(
            plan.rows,
            plan.column.extent,
            plan.item.extent,
            speller.spell(plan.place),
            speller.spell(plan.value),
            speller.parameters[plan.target.name],
            *move_text(plan.move, speller),
        )
    if isinstance(plan, AttendPlan):
        return attend_text(plan, speller)
    if isinstance(plan, SquaresPlan):
        return SquaresText(
            plan.batch.extent,
            plan.row.extent,
            plan.column.extent,
            plan.depth.extent,
            plan.results,
            body_text(plan.after, speller),
        )
    assert isinstance(plan, MatmulPlan)
    return MatmulText(
        plan.batch.extent,
        plan.row.extent,
        plan.column.extent,
        plan.depth.extent,
        speller.spell(plan.left),
        speller.spell(plan.right),
        plan.result,
        body_text(plan.after, speller),
        plan.precision,
        plan.pool and pool_text(plan.pool, speller),
        plan.sums and SumsText(plan.sums.result, body_text(plan.sums.after, speller)),
    )


def move_text(move: Move | None, speller: Speller) -> tuple[str, ...]:
    if move is None:
        return ()
    names = speller.parameters
    return names[move.table.name], names[move.room.name], speller.spell(move.rate)


def attend_text(plan: AttendPlan, speller: Speller) -> AttendText:
    operands = {name: speller.spell(operand) for name, operand in plan.operands}
    order = [f"(n < {plan.key.extent})"] + ["(n <= m)"] * plan.causal
    masks = [operands[name] for name in ("mask",) if name in operands]
    return AttendText(
        form=plan.form,
        queries=plan.query.extent,
        keys=plan.key.extent,
        depth=plan.depth.extent,
        width=plan.width.extent,
        causal=plan.causal,
        factor=speller.spell(Constant(plan.depth.extent**-0.5, "f32")),
        seen=" && ".join((f"m < {plan.query.extent}", *order, *masks)),  # a mask is read within
        order=" & ".join(order),
        is_masked=bool(masks),
        operands=operands,
        target=speller.parameters[plan.target.name],
    )


def parameters(kernel: Kernel, memory: MemoryPlan, dialect: Dialect) -> tuple[Parameter, ...]:
    """What the kernel is given, one pointer for each buffer: those that it writes come first.

    A value that is written over an old one in place goes by the old one's name.
    """
    found: dict[tuple[int | None, ...], Parameter] = {}
    writes = {memory.buffer(value.name) for value in (*kernel.writes, *kernel.rooms)}
    for value in (*kernel.reads, *kernel.writes):
        buffer = memory.buffer(value.name)
        found.setdefault(
            (buffer.offset, buffer.bytes, buffer.move, buffer.start, buffer.exception),
            Parameter(
                dialect.types[value.type.dtype],
                kernel.names[value.name] + ("_out" if value in kernel.writes else ""),
                value,
                buffer in writes,
            ),
        )
    return tuple(sorted(found.values(), key=lambda parameter: not parameter.is_written))


def parameter_names(
    kernel: Kernel, memory: MemoryPlan, given: tuple[Parameter, ...]
) -> dict[str, str]:
    """The parameter that holds each value which the kernel loads or stores."""
    by_buffer = {memory.buffer(parameter.value.name): parameter.name for parameter in given}
    return {
        value.name: by_buffer[memory.buffer(value.name)]
        for value in (*kernel.reads, *kernel.writes)
    }
