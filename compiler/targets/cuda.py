"""Target `cuda`: a function in, one CUDA C source out, and its launches as data.

The source needs no header and no library: NVRTC turns it into a cubin as it stands.
"""

import re
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from math import prod

from netc.compiler.ir.graph import Role, Value
from netc.compiler.kernels.lower import identifier
from netc.compiler.kernels.memory import Buffer, MemoryPlan
from netc.compiler.kernels.plan import Kernel, MatmulPlan, Plan
from netc.compiler.scalar.rounding import ceil
from netc.compiler.targets.cuda_copies import (
    CudaCopy,
    matrices,
    operand_copies,
    product_parameters,
    result_of_copy,
)
from netc.compiler.targets.cuda_dialect import CUDA, RESERVED
from netc.compiler.targets.cuda_launches import CudaLaunch, CudaStep, Pointer, to_json
from netc.compiler.targets.cuda_matmul import MatmulSide, MatmulTile
from netc.compiler.targets.cuda_quads import QuadWalkText, counted_by_quads, quad_texts
from netc.compiler.targets.cuda_tensor import TensorSide, TensorTile
from netc.compiler.targets.cuda_tiles import (
    ARCHITECTURES,
    THREADS,
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
# Device code beside the templates, and the calls that need it.
PARTS = {
    "math": "",
    "round": r"netc_to_(tf32|bf16|f16)\(|netc_w?g?mma_",
    "ptx": r"netc_w?g?mma_",
    "ptx_sm90": r"netc_wgmma_",
    "pieces": r"netc_piece_",
    "tensor": r"netc_mma_",
    "wide": r"netc_(load|store)[14]\(",
    "random": r"netc_(uniform|normal)\(",
}
MANY_PARAMETERS = 24  # whose addresses alone fill as many pairs of registers
UNITS = {16: "uint4", 8: "uint2", 4: "unsigned int", 2: "unsigned short", 1: "unsigned char"}


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


@dataclass(frozen=True)
class CudaField:
    """A field of the batch: a sample is `units` elements of type `unit`."""

    name: str
    unit: str
    units: int
    row_bytes: int
    offset: int


@dataclass(frozen=True)
class CudaOutput:
    """A number that the log holds for each step."""

    name: str
    type: str
    offset: int
    bytes: int


@dataclass(frozen=True)
class CudaFunction:
    """A function as its template wants it; device code and kernels are finished text."""

    name: str
    header: tuple[str, ...]
    batch: int
    take_threads: int
    device_code: tuple[str, ...]
    fields: tuple[CudaField, ...]
    kernels: tuple[str, ...]
    outputs: tuple[CudaOutput, ...]


def architecture(name: str) -> CudaArchitecture:
    """The facts of an architecture such as `sm_90a`; KeyError for one that is not in the table."""
    return ARCHITECTURES[name]


def render_function(function: Function, arch: str, source_lines: tuple[str, ...]) -> str:
    """The CUDA C of a function; `source_lines` are those of the user's file, for comments."""
    facts = architecture(arch)
    kernels = tuple(
        render_kernel(cuda_kernel(kernel, function, facts, source_lines))
        for kernel in function.kernels
    )
    return render(
        "cuda/function.cu.j2",
        function=CudaFunction(
            name=identifier(function.name),
            header=function_header(function, facts),
            batch=function.batch,
            take_threads=THREADS,
            device_code=tuple(device_code(part) for part in parts_of(kernels)),
            fields=fields(function),
            kernels=kernels,
            outputs=outputs(function),
        ),
    )


def launches(function: Function, arch: str, symbol: str) -> CudaStep:
    """How a step of the function is launched, in the words of the rendered source."""
    facts, taken, logged = architecture(arch), fields(function), outputs(function)
    steps = [take_launch(taken, function.batch)] if taken else []
    for kernel in function.kernels:
        steps += in_scan(kernel, function, kernel_launches(kernel, function, facts))
    return CudaStep(
        symbol=symbol,
        architecture=arch,
        batch=function.batch,
        row_bytes=tuple(field.row_bytes for field in taken),
        outputs=len(logged),
        launches=tuple(steps),
        copies=tuple(
            (copy.source.offset, copy.target.offset, copy.source.bytes)
            for copy in function.memory.copies
        ),
        last=CudaLaunch("netc_log", (1, 1, 1), (1, 1, 1), 0, log_parameters(logged)),
        workspace_bytes=max((workspace(k, facts) for k in function.kernels), default=0),
    )


def build_files(
    function: Function, arch: str, symbol: str, source_lines: tuple[str, ...]
) -> dict[str, str]:
    """What the build folder holds of a function for this target: texts by their paths in it."""
    return {
        f"cuda/{symbol}.cu": render_function(function, arch, source_lines),
        f"cuda/{symbol}.json": to_json(launches(function, arch, symbol)),
    }


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


def in_scan(
    kernel: Kernel, function: Function, launches: tuple[CudaLaunch, ...]
) -> tuple[CudaLaunch, ...]:
    """The launches of a kernel, marked with the scan that it belongs to."""
    if kernel.scan is None:
        return launches
    scans = list(dict.fromkeys(k.scan.output.name for k in function.kernels if k.scan))
    number = 1 + scans.index(kernel.scan.output.name)
    return tuple(replace(entry, scan=number, steps=kernel.times) for entry in launches)


def kernel_launches(
    kernel: Kernel, function: Function, arch: CudaArchitecture
) -> tuple[CudaLaunch, ...]:
    """The kernel's launch, behind those of the kernels that copy its operands."""
    tile, memory = choose_tile(kernel, arch), function.memory
    read = {memory.buffer(value.name) for value in kernel.reads}

    def pointers(parameters: tuple[Parameter, ...]) -> tuple[Pointer, ...]:
        return tuple(arena_pointer(p, memory.buffer(p.value.name), read) for p in parameters)

    given = cuda_parameters(kernel, memory)
    if not isinstance(tile, WarpgroupTile):
        return (CudaLaunch(kernel.name, (tile.grid, 1, 1), (*tile.block, 1), 0, pointers(given)),)
    speller = Speller(CUDA, parameter_names(kernel, memory, given))
    copies = tuple(
        CudaLaunch(
            copy.name,
            (copy.place.grid, 1, 1),
            (copy.threads, 1, 1),
            0,
            (result_of_copy(copy.place), *pointers(copy.parameters)),
            serves=kernel.name,
        )
        for copy in operand_copies(kernel, tile, given, speller)
    )
    left = pointers(product_parameters(kernel.plan.after, given, speller))
    shared, block = tile.shape.shared_bytes, (*tile.block, 1)
    product = (*matrices(tile), *left)
    return (*copies, CudaLaunch(kernel.name, (tile.grid, 1, 1), block, shared, product))


def workspace(kernel: Kernel, arch: CudaArchitecture) -> int:
    """The bytes that the copies of the kernel's operands take."""
    tile = choose_tile(kernel, arch)
    return tile.right.end if isinstance(tile, WarpgroupTile) else 0


def arena_pointer(parameter: Parameter, buffer: Buffer, read: set[Buffer]) -> Pointer:
    is_result = parameter.is_written and buffer not in read
    return Pointer(
        "arena", buffer.offset, buffer.bytes, parameter.name, is_result,
        move=buffer.move, start=buffer.start, exception=buffer.exception,
    )  # fmt: skip


def take_launch(taken: tuple[CudaField, ...], batch: int) -> CudaLaunch:
    blocks = ceil(max(field.units for field in taken) * batch, THREADS)
    pointers: list[Pointer] = []
    for number, field in enumerate(taken):
        bytes = field.row_bytes * batch
        place = Pointer("arena", field.offset, bytes, field.name, is_result=True)
        pointers += [place, Pointer("field", number)]
    pointers += [Pointer("order"), Pointer("cursor")]
    return CudaLaunch("netc_take", (blocks, 1, 1), (THREADS, 1, 1), 0, tuple(pointers))


def log_parameters(logged: tuple[CudaOutput, ...]) -> tuple[Pointer, ...]:
    arena = tuple(Pointer("arena", o.offset, o.bytes, o.name) for o in logged)
    return (*arena, Pointer("log"), Pointer("cursor"))


def parts_of(kernels: tuple[str, ...]) -> tuple[str, ...]:
    """The parts of device code that these kernels need, those first that others call."""
    text = "".join(kernels)
    return tuple(name for name, call in PARTS.items() if re.search(call, text))


@cache
def device_code(name: str) -> str:
    """A part of the source that is the same in every program: `math`, `random` ..."""
    return (files("netc.templates") / "cuda" / f"netc_{name}.cuh").read_text(encoding="utf-8")


def function_header(function: Function, arch: CudaArchitecture) -> tuple[str, ...]:
    return (
        f"{function.name}: {len(function.kernels)} kernels for a batch of {function.batch}, "
        f"in an arena of {function.memory.arena_bytes:,} bytes.",
        f"Written by netc for {arch.name}, for the likes of {arch.device}. "
        "Kernels run in the order of this file.",
    )


def fields(function: Function) -> tuple[CudaField, ...]:
    """The inputs that change with every batch, in the order in which the caller gives them."""
    inputs = function.graph.inputs
    return tuple(field(entry.value, function) for entry in inputs if entry.role is Role.FIELD)


def field(value: Value, function: Function) -> CudaField:
    """A field, cut into the largest units that a sample is a whole number of."""
    row_bytes = value.type.bytes // function.batch
    unit = next(size for size in UNITS if row_bytes % size == 0)
    offset = function.memory.buffer(value.name).offset
    name = identifier(f"{value.name}_batch")
    return CudaField(name, UNITS[unit], row_bytes // unit, row_bytes, offset)


def outputs(function: Function) -> tuple[CudaOutput, ...]:
    """The outputs of one number, in order."""
    return tuple(
        CudaOutput(
            identifier(f"{output.name}_now"),
            CUDA.types[output.value.type.dtype],
            function.memory.buffer(output.value.name).offset,
            output.value.type.bytes,
        )
        for output in function.graph.outputs
        if output.value.type.count == 1
    )
