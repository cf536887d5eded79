"""How the cuda target cuts a product with rounded operands into tiles for tensor cores."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from netc.compiler.kernels.plan import MatmulPlan
from netc.compiler.scalar.expression import Constant, Expression, Load, Select, Within
from netc.compiler.scalar.index import Index, Variable, variable_index

WARP = 32
STAGES = 2  # tiles in shared memory: one is filled while the other is multiplied
WIDE = 4  # floats of the widest load


@dataclass(frozen=True)
class TensorFormat:
    """A precision as tensor cores take it: the type of an element in shared memory, the depth of a
    tile and of one instruction, and what a line of a deep and of a flat tile has more than it
    needs, so that the lines that a warp reads at once lie in different banks."""

    type: str
    depth: int
    step: int
    multiply: str
    deep_pad: int
    flat_pad: int


FORMATS: Mapping[str, TensorFormat] = MappingProxyType(
    {
        "bf16": TensorFormat("unsigned short", 32, 16, "netc_mma_m16n8k16_bf16", 8, 8),
        "f16": TensorFormat("unsigned short", 32, 16, "netc_mma_m16n8k16_f16", 8, 8),
        "tf32": TensorFormat("float", 16, 8, "netc_mma_m16n8k8_tf32", 4, 8),
    }
)


@dataclass(frozen=True)
class TensorShape:
    """A block of rows x columns results, made by down x across warps."""

    rows: int
    columns: int
    down: int
    across: int

    @property
    def threads(self) -> int:
        return WARP * self.down * self.across

    @property
    def warp_rows(self) -> int:
        return self.rows // self.down

    @property
    def warp_columns(self) -> int:
        return self.columns // self.across


TENSOR_SHAPES = (
    TensorShape(128, 128, 2, 4),
    TensorShape(128, 64, 2, 2),
    TensorShape(64, 64, 2, 2),
    TensorShape(64, 32, 4, 1),
    TensorShape(32, 64, 1, 4),
    TensorShape(32, 32, 2, 2),
    TensorShape(16, 16, 1, 1),
)


@dataclass(frozen=True)
class TensorSide:
    """One side's tile: `size` rows or columns by `depth`, lines of `stride` elements.

    Each thread loads `loads` times `width` neighbours. Where `width` is more than one they come
    from `load`, under `conditions` that hold for all of them or for none. An asynchronous side goes
    to shared memory without passing the registers.
    """

    size: int
    depth: int
    is_deep: bool
    stride: int
    width: int
    loads: int
    is_async: bool
    load: Load | None
    conditions: tuple[Within, ...]

    @property
    def lines(self) -> int:
        return self.size if self.is_deep else self.depth

    @property
    def line(self) -> int:
        """Elements of a line that are used."""
        return self.depth if self.is_deep else self.size

    @property
    def kind(self) -> str:
        return "deep" if self.is_deep else "flat"


@dataclass(frozen=True)
class TensorTile:
    """A shape and a format and how they lie on the product."""

    shape: TensorShape
    format: TensorFormat
    left: TensorSide
    right: TensorSide
    row_blocks: int
    column_blocks: int
    rows_are_ragged: bool
    columns_are_ragged: bool
    depth_is_ragged: bool
    grid: int

    @property
    def block(self) -> tuple[int, int]:
        return self.shape.threads, 1

    @property
    def has_async(self) -> bool:
        return self.left.is_async or self.right.is_async

    @property
    def description(self) -> str:
        shape = self.shape
        return (
            f", {shape.rows} x {shape.columns} x {self.format.depth} a block, "
            f"{shape.warp_rows} x {shape.warp_columns} a warp on tensor cores"
        )


def tensor_tile(
    plan: MatmulPlan, multiprocessors: int, flat_left: bool, flat_right: bool
) -> TensorTile:
    """The shape that costs least; `flat` sides have their neighbours along rows or columns."""
    shape = min(TENSOR_SHAPES, key=lambda shape: cost(plan, shape, multiprocessors))
    form = FORMATS[plan.precision]
    row_blocks, column_blocks = blocks(plan, shape)
    return TensorTile(
        shape=shape,
        format=form,
        left=tensor_side(plan.left, plan.row, plan.depth, shape.rows, shape, form, flat_left),
        right=tensor_side(
            plan.right, plan.column, plan.depth, shape.columns, shape, form, flat_right
        ),
        row_blocks=row_blocks,
        column_blocks=column_blocks,
        rows_are_ragged=plan.row.extent % shape.rows > 0,
        columns_are_ragged=plan.column.extent % shape.columns > 0,
        depth_is_ragged=plan.depth.extent % form.depth > 0,
        grid=plan.batch.extent * row_blocks * column_blocks,
    )


def blocks(plan: MatmulPlan, shape: TensorShape) -> tuple[int, int]:
    return -(-plan.row.extent // shape.rows), -(-plan.column.extent // shape.columns)


def cost(plan: MatmulPlan, shape: TensorShape, multiprocessors: int) -> float:
    """Relative time of the busiest multiprocessor: what it multiplies and, dearer, what it loads;
    few threads leave the latency of memory in the open."""
    down, across = blocks(plan, shape)
    busiest = -(-plan.batch.extent * down * across // multiprocessors)
    work = shape.rows * shape.columns + 64 * (shape.rows + shape.columns)
    return busiest * work / min(busiest * shape.threads, 512)


def tensor_side(
    expression: Expression,
    place: Variable,
    depth: Variable,
    size: int,
    shape: TensorShape,
    form: TensorFormat,
    is_flat: bool,
) -> TensorSide:
    elements = size * form.depth
    found = wide_load(expression, place if is_flat else depth)
    is_wide = found is not None and elements % (WIDE * shape.threads) == 0
    load, conditions = found if found and is_wide else (None, ())
    return TensorSide(
        size=size,
        depth=form.depth,
        is_deep=not is_flat,
        stride=size + form.flat_pad if is_flat else form.depth + form.deep_pad,
        width=WIDE if is_wide else 1,
        loads=elements // (shape.threads * (WIDE if is_wide else 1)),
        is_async=is_wide and form.type == "float",
        load=load,
        conditions=conditions,
    )


def wide_load(expression: Expression, along: Variable) -> tuple[Load, tuple[Within, ...]] | None:
    """The load of the first of four neighbours along a variable, and what must hold for all four.

    None unless they always lie side by side, at a multiple of four: tensors begin at multiples of
    far more bytes than that, and rows of what a scan reads at multiples of their own.
    """
    guarded = isinstance(expression, Select) and expression.outside == Constant(0.0, "f32")
    load = expression.inside if guarded else expression
    conditions = expression.conditions if guarded else ()
    if not isinstance(load, Load) or along.extent % WIDE or load.value.type.count % WIDE:
        return None
    start, inner = Variable(along.name, along.extent // WIDE), Variable("t", WIDE)
    replaced = {along: variable_index(start) * WIDE + variable_index(inner)}
    position = load.position.substitute(replaced)
    fixed = (condition.index.substitute(replaced) for condition in conditions)
    if not is_aligned(position, inner) or any(inner in index.variables() for index in fixed):
        return None
    return load, conditions


def is_aligned(position: Index, inner: Variable) -> bool:
    """Whether a position is `inner` on from a multiple of four."""
    rest = position - variable_index(inner)
    return position.coefficient(inner) == 1 and not any(
        number % WIDE for number in (rest.constant, *(factor for _, factor in rest.terms))
    )
