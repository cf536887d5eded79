"""The operands of a product for sm_90a: the kernels that copy them, rounded, to the workspace, and
the matrices there that TMA fetches tiles from."""

from dataclasses import dataclass

from netc.compiler.kernels.plan import Body, Kernel, MatmulPlan
from netc.compiler.scalar.expression import Expression, Load, find_loads
from netc.compiler.targets.cuda_launches import Matrix, Pointer
from netc.compiler.targets.cuda_tensor import wide_load
from netc.compiler.targets.cuda_wgmma import COPY_THREADS, OperandCopy, WarpgroupTile
from netc.compiler.targets.dialect import Speller
from netc.compiler.targets.function import fits_int
from netc.compiler.targets.text import Parameter

MOST_INT = 2**31 - 2**16


@dataclass(frozen=True)
class CudaCopy:
    """The kernel that copies one operand: `element` is what is at (b, `variable`, k).

    Where `is_wide`, it is the first of four that lie side by side.
    """

    name: str
    header: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    place: OperandCopy
    variable: str
    element: str
    is_wide: bool
    precision: str
    batch: int
    depth: int
    index: str
    threads: int = COPY_THREADS


def operand_copies(
    kernel: Kernel, tile: WarpgroupTile, given: tuple[Parameter, ...], speller: Speller
) -> tuple[CudaCopy, CudaCopy]:
    """The kernels that run before the product; `given` are the pointers of all three."""
    plan = kernel.plan
    assert isinstance(plan, MatmulPlan)

    def copy(place: OperandCopy, expression: Expression, variable: str) -> CudaCopy:
        return CudaCopy(
            name=f"{kernel.name}_{place.side}",
            header=copy_header(kernel.name, plan, place),
            parameters=read_by((expression,), given, speller),
            place=place,
            variable=variable,
            element=speller.spell(expression),
            is_wide=isinstance(expression, Load) and wide_load(expression, plan.depth) is not None,
            precision=plan.precision,
            batch=plan.batch.extent,
            depth=plan.depth.extent,
            index="int" if fits_int(kernel) and place.elements < MOST_INT else "long long",
        )

    return copy(tile.left, plan.left, "m"), copy(tile.right, plan.right, "n")


def copy_header(name: str, plan: MatmulPlan, place: OperandCopy) -> tuple[str, ...]:
    return (
        f"{name}_{place.side}: the {place.side} of {name}, rounded to {plan.precision}: "
        f"{place.lines:,} lines of {place.row_bytes:,} bytes, as TMA wants them",
        f"grid of {place.grid:,}, blocks of {COPY_THREADS} threads, 16 bytes a thread",
    )


def read_by(
    expressions: tuple[Expression, ...], given: tuple[Parameter, ...], speller: Speller
) -> tuple[Parameter, ...]:
    """The pointers that these expressions load from."""
    loads = (load for expression in expressions for load in find_loads(expression))
    names = {speller.parameters[load.value.name] for load in loads}
    return tuple(parameter for parameter in given if parameter.name in names)


def product_parameters(
    after: Body, given: tuple[Parameter, ...], speller: Speller
) -> tuple[Parameter, ...]:
    """The pointers that are left for the product itself."""
    expressions = tuple(part.expression for part in (*after.assigns, *after.stores))
    read = read_by(expressions, given, speller)
    return tuple(parameter for parameter in given if parameter.is_written or parameter in read)


def result_of_copy(place: OperandCopy) -> Pointer:
    return Pointer("workspace", place.offset, place.bytes, "copied", is_result=True)


def matrices(tile: WarpgroupTile) -> tuple[Pointer, Pointer]:
    """Both copies as the product is given them."""
    left, right, form = tile.left, tile.right, tile.format

    def matrix(place: OperandCopy, box_lines: int) -> Pointer:
        line = place.pieces * place.piece
        facts = Matrix(form.name, place.lines, line, place.row_bytes, box_lines, form.depth)
        return Pointer("workspace", place.offset, place.bytes, place.side, matrix=facts)

    return matrix(left, tile.shape.rows), matrix(right, tile.shape.columns)
