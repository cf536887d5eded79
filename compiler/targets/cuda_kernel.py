"""A kernel in, its CUDA C out: a tile is chosen, expressions are spelled, a template shows them."""

from dataclasses import dataclass, replace
from math import prod

from netc.compiler.kernels.memory import MemoryPlan
from netc.compiler.kernels.plan import Kernel, MatmulPlan, Plan
from netc.compiler.targets.cuda_copies import CudaCopy, operand_copies, product_parameters
from netc.compiler.targets.cuda_dialect import CUDA, RESERVED
from netc.compiler.targets.cuda_matmul import MatmulSide, MatmulTile
from netc.compiler.targets.cuda_quads import QuadWalkText, counted_by_quads, quad_texts
from netc.compiler.targets.cuda_tensor import TensorSide, TensorTile
from netc.compiler.targets.cuda_tiles import (
    AttendTile,
    ColumnTile,
    CudaArchitecture,
    CudaTile,
    MapTile,
    MoveTile,
    RowTile,
    ScatterTile,
    choose_tile,
    limit,
)
from netc.compiler.targets.cuda_wgmma import WarpgroupTile
from netc.compiler.targets.dialect import Speller, spell_condition
from netc.compiler.targets.function import Function, fits_int
from netc.compiler.targets.header import kernel_header
from netc.compiler.targets.templates import render
from netc.compiler.targets.text import (
    MatmulText,
    Parameter,
    PlanText,
    parameter_names,
    parameters,
    plan_text,
)

TEMPLATES = {
    MapTile: "map",
    RowTile: "row",
    ColumnTile: "column",
    MatmulTile: "matmul",
    TensorTile: "matmul_tensor",
    WarpgroupTile: "matmul_wgmma",
    ScatterTile: "scatter",
    MoveTile: "move",
    AttendTile: "attention",
}
MANY_PARAMETERS = 24  # whose addresses alone fill as many pairs of registers


@dataclass(frozen=True)
class SideText:
    """One side of a product: `element` is read where `condition` holds, else 0."""

    element: str
    condition: str


@dataclass(frozen=True)
class CudaKernel:
    """A kernel as its template wants it; `threads` are those of a block.

    A product has its `left` and `right` on tensor cores, or the `copies` that are made of them. A
    map, or each stage of rows, has its `quads` where it moves four elements at once.
    """

    name: str
    header: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    plan: PlanText
    tile: CudaTile
    index: str
    threads: int
    left: SideText | None = None
    right: SideText | None = None
    copies: tuple[CudaCopy, ...] = ()
    quads: tuple[QuadWalkText, ...] = ()

    @property
    def fewest_blocks(self) -> int:
        """That a multiprocessor must hold, 0 where the compiler may choose: it would rather spill
        some of many tensors than let one block be alone there."""
        return 1 if len(self.parameters) > MANY_PARAMETERS else 0


def cuda_kernel(
    kernel: Kernel, function: Function, arch: CudaArchitecture, source_lines: tuple[str, ...]
) -> CudaKernel:
    """Tile, spell and describe one kernel."""
    given = cuda_parameters(kernel, function.memory)
    names = parameter_names(kernel, function.memory, given)
    tile = choose_tile(kernel, arch)
    shape = f"grid of {tile.grid:,}, blocks of {prod(tile.block)} threads{tile.description}"
    least = limit(kernel, arch)
    best = f"at best {least.seconds * 1e6:.2f} us on {arch.device}: {least.reason}"
    speller = Speller(CUDA, names)
    text, copies, quads = plan_text(kernel.plan, speller), (), ()
    text = rounded(text) if isinstance(tile, MatmulTile) else text
    if isinstance(tile, MapTile | RowTile) and tile.width > 1:
        text, quads = counted_by_quads(text), quad_texts(kernel, speller)
    left, right = side_texts(kernel.plan, text, tile, speller)
    if isinstance(tile, WarpgroupTile):
        copies = operand_copies(kernel, tile, given, speller)
        given = product_parameters(kernel.plan.after, given, speller)
    return CudaKernel(
        name=kernel.name,
        header=(*kernel_header(kernel, names, source_lines, best), shape),
        parameters=given,
        plan=text,
        tile=tile,
        index="int" if fits_int(kernel) else "long long",
        threads=prod(tile.block),
        left=left,
        right=right,
        copies=copies,
        quads=quads,
    )


def rounded(plan: PlanText) -> PlanText:
    """The plan with the operands of a product rounded as they are read."""
    if not isinstance(plan, MatmulText) or plan.precision == "f32":
        return plan
    left, right = (f"netc_to_{plan.precision}({side})" for side in (plan.left, plan.right))
    return replace(plan, left=left, right=right)


def side_texts(
    plan: Plan, text: PlanText, tile: CudaTile, speller: Speller
) -> tuple[SideText | None, ...]:
    """Both sides of a product; nothing for any other kernel."""
    if not isinstance(tile, TensorTile | MatmulTile):
        return None, None
    assert isinstance(plan, MatmulPlan) and isinstance(text, MatmulText)
    deep = (f"k < {plan.depth.extent}",) if tile.depth_is_ragged else ()
    rows = (f"m < {plan.row.extent}",) if tile.rows_are_ragged else ()
    columns = (f"n < {plan.column.extent}",) if tile.columns_are_ragged else ()
    return (
        side_text(tile.left, text.left, speller, rows + deep),
        side_text(tile.right, text.right, speller, columns + deep),
    )


def side_text(
    side: TensorSide | MatmulSide, element: str, speller: Speller, guards: tuple[str, ...]
) -> SideText:
    """`element` where the side is loaded one by one, else the first of a wide load."""
    conditions = (*guards, *(spell_condition(condition) for condition in side.conditions))
    element = speller.spell(side.load) if side.load else element
    return SideText(element, " && ".join(conditions) or "true")


def render_kernel(kernel: CudaKernel) -> str:
    """The kernel's text, without the lines that an empty body leaves behind."""
    text = render(f"cuda/{TEMPLATES[type(kernel.tile)]}.cu.j2", kernel=kernel)
    return "\n".join(line for line in text.split("\n") if line.strip() or not line)


def cuda_parameters(kernel: Kernel, memory: MemoryPlan) -> tuple[Parameter, ...]:
    """The kernel's pointers; what is named like something else in the source is renamed."""
    return tuple(
        replace(p, name=f"{p.name}_in") if p.name in RESERVED else p
        for p in parameters(kernel, memory, CUDA)
    )
