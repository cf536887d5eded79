"""Target `cpu`: a function in, one C source out, for a machine whose facts are given."""

from dataclasses import dataclass

from netc.compiler.ir.graph import Role, Value
from netc.compiler.ir.tensor import SIZES
from netc.compiler.kernels.memory import Buffer
from netc.compiler.kernels.plan import ColumnPlan, Kernel, MapPlan, MatmulPlan, RowPlan
from netc.compiler.scalar.index import render_index
from netc.compiler.targets.cpu_operand import Operand
from netc.compiler.targets.cpu_tiles import (
    ColumnTile,
    CpuMachine,
    MapTile,
    MatmulTile,
    RowTile,
    column_tile,
    map_tile,
    matmul_tile,
    row_tile,
)
from netc.compiler.targets.dialect import COMMON_FUNCTIONS, FOLDS, Dialect, Speller, spell_condition
from netc.compiler.targets.function import Function, fits_int
from netc.compiler.targets.header import kernel_header, safe
from netc.compiler.targets.templates import render
from netc.compiler.targets.text import PlanText, parameter_names, parameters, plan_text

CPU = Dialect(
    name="c",
    types={"f32": "float", "i32": "int32_t", "u8": "uint8_t", "bool": "uint8_t"},
    functions=dict(COMMON_FUNCTIONS)
    | {
        "exp": "netc_exp({0})",
        "log": "netc_log({0})",
        "log1p": "log1pf({0})",
        "tanh": "netc_tanh({0})",
        "sigmoid": "netc_sigmoid({0})",
        "erf": "erff({0})",
        "sin": "sinf({0})",
        "cos": "cosf({0})",
        "power": "powf({0}, {1})",
        "add:i32": "netc_add({0}, {1})",
        "subtract:i32": "netc_subtract({0}, {1})",
        "multiply:i32": "netc_multiply({0}, {1})",
        "negate:i32": "netc_subtract(0, {0})",
        "absolute:i32": "netc_absolute({0})",
    },
    folds=dict(FOLDS)
    | {"sum:i32": ("0", "netc_add({0}, {1})"), "product:i32": ("1", "netc_multiply({0}, {1})")},
)
HEADERS = ("cpu/netc_math.h", "cpu/netc_random.h", "cpu/netc_threads.h")


@dataclass(frozen=True)
class CpuParameter:
    """A pointer that a kernel is given: into the arena, at `offset` bytes."""

    type: str
    name: str
    is_written: bool
    offset: int


@dataclass(frozen=True)
class OperandText:
    """One side of a product: `first` is the address of a direct tile or of a run, `condition` what
    must hold for the run, `element` the expression of one element."""

    way: str
    first: str
    condition: str
    element: str
    run: int
    along_depth: bool


@dataclass(frozen=True)
class CpuKernel:
    """A kernel as its template wants it. `tasks` are independent; threads share them out."""

    name: str
    header: tuple[str, ...]
    parameters: tuple[CpuParameter, ...]
    plan: PlanText
    tile: MapTile | RowTile | ColumnTile | MatmulTile
    index: str
    tasks: int
    left: OperandText | None = None
    right: OperandText | None = None


@dataclass(frozen=True)
class CpuKernelSource:
    """A rendered kernel and what the function that calls it needs. `waits` says whether all threads
    meet before it runs."""

    name: str
    parameters: tuple[CpuParameter, ...]
    tasks: int
    source: str
    waits: bool


@dataclass(frozen=True)
class Place:
    """Something in the arena that the function fills or reports."""

    name: str
    type: str
    offset: int
    row_bytes: int = 0


@dataclass(frozen=True)
class CpuFunction:
    """A function as its template wants it."""

    name: str
    header: tuple[str, ...]
    batch: int
    vector_bytes: int
    products: tuple[str, ...]
    kernels: tuple[CpuKernelSource, ...]
    fields: tuple[Place, ...]
    outputs: tuple[Place, ...]
    copies: tuple


def cpu_kernel(kernel: Kernel, function: Function, machine: CpuMachine, source) -> CpuKernel:
    """Tile, spell and describe one kernel."""
    given = parameters(kernel, function.memory, CPU)
    names = parameter_names(kernel, function.memory, given)
    tile = choose_tile(kernel, machine)
    text = plan_text(kernel, Speller(CPU, names))
    header = kernel_header(kernel, names, source, f"{tile.tasks} tasks{tile.description}")
    return CpuKernel(
        name=kernel.name,
        header=header,
        parameters=tuple(
            CpuParameter(p.type, p.name, p.is_written, function.memory.buffer(p.value.name).offset)
            for p in given
        ),
        plan=text,
        tile=tile,
        index="int" if fits_int(kernel) else "int64_t",
        tasks=tile.tasks,
        left=operand_text(tile.left, text.left, names) if isinstance(tile, MatmulTile) else None,
        right=operand_text(tile.right, text.right, names) if isinstance(tile, MatmulTile) else None,
    )


def operand_text(operand: Operand, element: str, names: dict[str, str]) -> OperandText:
    first = ""
    if operand.load is not None:
        first = f"{names[operand.load.value.name]} + {render_index(operand.load.position)}"
    condition = " && ".join(spell_condition(one) for one in operand.conditions)
    return OperandText(
        operand.way.value, first, condition, element, operand.run, operand.along_depth
    )


def choose_tile(kernel: Kernel, machine: CpuMachine):
    plan = kernel.plan
    if isinstance(plan, MapPlan):
        return map_tile(plan)
    if isinstance(plan, RowPlan):
        return row_tile(plan)
    if isinstance(plan, ColumnPlan):
        return column_tile(plan, machine)
    assert isinstance(plan, MatmulPlan)
    return matmul_tile(plan, machine)


TEMPLATES = {MapTile: "map", RowTile: "row", ColumnTile: "column", MatmulTile: "matmul"}


def render_function(function: Function, machine: CpuMachine, source: tuple[str, ...]) -> str:
    """The C source of a function; `source` are the lines of the user's file, for the comments."""
    kernels = [cpu_kernel(kernel, function, machine, source) for kernel in function.kernels]
    tiles = {k.tile.product: k.tile for k in kernels if isinstance(k.tile, MatmulTile)}
    return render(
        "cpu/function.c.j2",
        function=CpuFunction(
            name=function.name,
            header=function_header(function),
            batch=function.batch,
            vector_bytes=machine.vector_bytes,
            products=tuple(render("cpu/product.c.j2", tile=tile) for tile in tiles.values()),
            kernels=tuple(
                render_kernel(kernel, waits)
                for kernel, waits in zip(kernels, waiting(function, kernels), strict=True)
            ),
            fields=fields(function),
            outputs=outputs(function),
            copies=function.memory.copies,
        ),
    )


def render_kernel(kernel: CpuKernel, waits: bool) -> CpuKernelSource:
    text = render(f"cpu/{TEMPLATES[type(kernel.tile)]}.c.j2", kernel=kernel)
    return CpuKernelSource(kernel.name, kernel.parameters, kernel.tasks, text, waits)


def waiting(function: Function, kernels: list[CpuKernel]) -> tuple[bool, ...]:
    """For each kernel whether the threads must meet before it: it touches what a kernel since their
    last meeting wrote, or writes what such a kernel reads. Kernels of one task run on one thread."""
    waits, since = [], []
    for kernel, tiled in zip(function.kernels, kernels, strict=True):
        reads, writes = touched(function, kernel.reads), touched(function, kernel.writes)
        conflict = any(
            (overlap(writes, others_reads + others_writes) or overlap(reads, others_writes))
            and not (single and tiled.tasks == 1)
            for others_reads, others_writes, single in since
        )
        if conflict:
            since = []
        waits.append(conflict)
        since.append((reads, writes, tiled.tasks == 1))
    return tuple(waits)


def touched(function: Function, values: tuple[Value, ...]) -> list[Buffer]:
    return [function.memory.buffer(value.name) for value in values]


def overlap(some: list[Buffer], others: list[Buffer]) -> bool:
    return any(
        a.offset < b.offset + b.bytes and b.offset < a.offset + a.bytes
        for a in some
        for b in others
    )


def function_header(function: Function) -> tuple[str, ...]:
    return (
        f"{function.name}: {len(function.kernels)} kernels for a batch of {function.batch}, "
        f"in an arena of {function.memory.arena_bytes:,} bytes.",
        "Written by netc. Every kernel is preceded by what it computes; the loop at the end runs them.",
    )


def fields(function: Function) -> tuple[Place, ...]:
    """The inputs that change with every batch, in the order in which the caller gives them."""
    return tuple(
        Place(
            safe(entry.value.name),
            CPU.types[entry.value.type.dtype],
            function.memory.buffer(entry.value.name).offset,
            entry.value.type.bytes // function.batch,
        )
        for entry in function.graph.inputs
        if entry.role is Role.FIELD
    )


def outputs(function: Function) -> tuple[Place, ...]:
    """The outputs of one number, which the log holds for each step."""
    return tuple(
        Place(
            safe(output.name),
            CPU.types[value.type.dtype],
            function.memory.buffer(value.name).offset,
        )
        for output in function.graph.outputs
        if is_number(value := output.value)
    )


def is_number(value: Value) -> bool:
    return value.type.count == 1 and SIZES[value.type.dtype] > 0
