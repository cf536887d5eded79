"""Target `cpu`: a function in, one C source out, for a machine whose facts are given."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from netc.compiler.ir.graph import Role, Value
from netc.compiler.kernels.memory import Buffer
from netc.compiler.kernels.plan import (
    AttendPlan,
    ColumnPlan,
    Kernel,
    MapPlan,
    MatmulPlan,
    Plan,
    RowPlan,
    ScatterPlan,
    SquaresPlan,
    runs,
)
from netc.compiler.targets.cpu_attend import AttendTile, attend_tile
from netc.compiler.targets.cpu_flat import flat_text
from netc.compiler.targets.cpu_operand import Way
from netc.compiler.targets.cpu_phases import (
    CpuKernelSource,
    CpuParameter,
    Turn,
    turns,
    worth_a_claim,
)
from netc.compiler.targets.cpu_places import PlacesTile
from netc.compiler.targets.cpu_rows import RowText, read_rows
from netc.compiler.targets.cpu_shares import Shares, row_loop, share_rows
from netc.compiler.targets.cpu_sides import (
    OperandText,
    WindowText,
    ahead_text,
    operand_text,
    window_text,
)
from netc.compiler.targets.cpu_squares import (
    CombineText,
    SideText,
    SquaresTile,
    left_text,
    right_text,
    squares_tile,
)
from netc.compiler.targets.cpu_tiles import (
    ColumnTile,
    CpuMachine,
    MapTile,
    MatmulTile,
    MoveTile,
    RowTile,
    ScatterTile,
    column_tile,
    map_tile,
    matmul_tile,
    row_tile,
    scatter_tile,
)
from netc.compiler.targets.cpu_time import busy_seconds, guessed_peaks
from netc.compiler.targets.cpu_turn import swaps
from netc.compiler.targets.cpu_window import window_tile
from netc.compiler.targets.cpu_window_tile import WindowTile
from netc.compiler.targets.dialect import COMMON_FUNCTIONS, FOLDS, Dialect, Speller
from netc.compiler.targets.function import Function, fits_int
from netc.compiler.targets.header import kernel_header, safe
from netc.compiler.targets.machine import USUAL_HERTZ
from netc.compiler.targets.templates import render
from netc.compiler.targets.text import (
    PlanText,
    parameter_names,
    parameters,
    plan_text,
)

CPU = Dialect(
    name="c",
    types={"f32": "float", "i32": "int32_t", "u8": "uint8_t", "bool": "uint8_t"},
    functions=dict(COMMON_FUNCTIONS)
    | {
        "where:f32": "netc_where({0}, {1}, {2})",
        "exp": "netc_exp({0})",
        "log": "netc_log({0})",
        "log1p": "log1pf({0})",
        "tanh": "netc_tanh({0})",
        "sigmoid": "netc_sigmoid({0})",
        "erf": "netc_erf({0})",
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
COPIED = 5e10  # bytes of rows in a second
HEADERS = ("cpu/netc_math.h", "cpu/netc_profile.h", "cpu/netc_random.h", "cpu/netc_threads.h")


Tile = (
    MapTile
    | RowTile
    | ColumnTile
    | MatmulTile
    | SquaresTile
    | WindowTile
    | PlacesTile
    | ScatterTile
    | AttendTile
)


@dataclass(frozen=True)
class CpuKernel:
    """A kernel as its template wants it. `tasks` are independent; threads share them out. Of
    attention, keys are the right side; where rows of them and of values can be turned in squares,
    it is said how."""

    name: str
    header: tuple[str, ...]
    parameters: tuple[CpuParameter, ...]
    plan: PlanText
    tile: Tile
    index: str
    tasks: int
    seconds: float
    share_tasks: int = 0
    left: OperandText | None = None
    right: OperandText | None = None
    value: OperandText | None = None
    window: WindowText | None = None
    rows: tuple[RowText, ...] = ()
    sides: tuple[SideText, ...] = ()


@dataclass(frozen=True)
class Place:
    """Something in the arena that the function fills or reports."""

    name: str
    type: str
    offset: int
    row_bytes: int = 0


@dataclass(frozen=True)
class CpuFunction:
    """A function as its template wants it; `rows_worth` rows of the batch are worth a claim."""

    name: str
    header: tuple[str, ...]
    batch: int
    rows_worth: int
    vector_bytes: int
    products: tuple[str, ...]
    kernels: tuple[CpuKernelSource, ...]
    turns: tuple[Turn, ...]
    has_scan: bool
    fields: tuple[Place, ...]
    outputs: tuple[Place, ...]
    copies: tuple


def cpu_kernel(
    kernel: Kernel, function: Function, machine: CpuMachine, source, shares: Shares | None = None
) -> CpuKernel:
    """Tile, spell and describe one kernel, of a scan whose rows are shared out where it says so."""
    given = parameters(kernel, function.memory, CPU)
    names = parameter_names(kernel, function.memory, given)
    tile = choose_tile(kernel, machine, shares)
    speller = Speller(CPU, names)
    slides = isinstance(tile, WindowTile | PlacesTile)
    plan = tile.plan if slides else kernel.plan
    rows, read = read_rows(plan, speller) if isinstance(plan, MapPlan) else ((), plan)
    text = plan_text(read, speller)
    header = kernel_header(kernel, names, source, f"{tile.tasks} tasks{tile.description}")
    sides = {}
    if isinstance(tile, MatmulTile):
        sides["left"] = operand_text(tile.left, text.left, names, text.precision)
    if slides or isinstance(tile, MatmulTile):
        sides["right"] = operand_text(tile.right, text.right, names, text.precision)
    if isinstance(tile, SquaresTile):
        sides["sides"] = left_text(plan, tile, speller), right_text(plan, tile, speller)
    if isinstance(tile, AttendTile):
        sides["right"], sides["value"] = (
            operand_text(side, text.operands[name], names, "f32") if side else None
            for name, side in (("key", tile.key), ("value", tile.value))
        )
    if slides:
        line = operand_text(tile.source, speller.spell(plan.sliding.pixel), names, text.precision)
        flat = flat_text(kernel.plan, speller) if tile.is_flat else None
        loads = tile.ahead if isinstance(tile, WindowTile) else ()
        ahead = tuple(ahead_text(load, names) for load in loads)
        sides["window"] = window_text(plan.sliding, tile.line, line, flat, ahead)
    return CpuKernel(
        name=kernel.name,
        header=header,
        parameters=tuple(
            CpuParameter(p.type, p.name, p.is_written, place(function.memory.buffer(p.value.name)))
            for p in given
        ),
        plan=text,
        tile=tile,
        index="int" if fits_int(kernel) else "int64_t",
        tasks=tile.tasks,
        seconds=busy_seconds(kernel, tile, guessed_peaks(machine, USUAL_HERTZ), machine),
        share_tasks=share_tasks(kernel.plan, tile, shares) if shares else 0,
        rows=rows,
        **sides,
    )


def choose_tile(kernel: Kernel, machine: CpuMachine, shares: Shares | None = None):
    """The tile of a kernel; one task has a part of its share of the rows, where it is in shares."""
    plan = kernel.plan
    share = shares.part(row_loop(plan).extent) if shares else None
    if isinstance(plan, MapPlan):
        return map_tile(plan, share)
    if isinstance(plan, RowPlan):
        return row_tile(plan)
    if isinstance(plan, ColumnPlan):
        return column_tile(plan, machine)
    if isinstance(plan, ScatterPlan):
        return scatter_tile(plan, machine)
    if isinstance(plan, AttendPlan):
        return attend_tile(plan, machine)
    if isinstance(plan, SquaresPlan):
        return squares_tile(plan, machine)
    assert isinstance(plan, MatmulPlan)
    window = None if share else window_tile(plan, machine)
    return window or matmul_tile(plan, machine, share)


def share_tasks(plan: Plan, tile, shares: Shares) -> int:
    """How many tasks of a kernel a share of the rows has."""
    if isinstance(plan, MatmulPlan):
        return tile.column_blocks
    if isinstance(plan, MapPlan) and plan.outer.extent == 1:
        return 1
    blocks = tile.blocks if isinstance(plan, ColumnPlan) else 1
    return shares.part(row_loop(plan).extent) * blocks


TEMPLATES = {
    MapTile: "map",
    RowTile: "row",
    ColumnTile: "column",
    MatmulTile: "matmul",
    SquaresTile: "squares",
    WindowTile: "window",
    PlacesTile: "places",
    ScatterTile: "scatter",
    MoveTile: "move",
    AttendTile: "attention",
}


def render_function(function: Function, machine: CpuMachine, source: tuple[str, ...]) -> str:
    """The C source of a function; `source` are the lines of the user's file, for the comments."""
    shares = function_shares(function, machine)
    kernels = numbered_combines(
        cpu_kernel(kernel, function, machine, source, shares.get(scan_name(kernel)))
        for kernel in function.kernels
    )
    sources = tuple(render_kernel(kernel, number) for number, kernel in enumerate(kernels))
    tiles = {k.tile.product: k.tile for k in kernels if hasattr(k.tile, "product")}
    field_bytes = function.batch * sum(field.row_bytes for field in fields(function))
    return render(
        "cpu/function.c.j2",
        function=CpuFunction(
            name=function.name,
            header=function_header(function),
            batch=function.batch,
            rows_worth=worth_a_claim(function.batch, field_bytes / COPIED),
            vector_bytes=machine.vector_bytes,
            products=(
                *(render("cpu/product.c.j2", tile=tile) for tile in tiles.values()),
                *render_turn(kernels, machine.lanes),
                *render_combines(kernels),
            ),
            kernels=sources,
            turns=turns(function, sources, shares),
            has_scan=any(kernel.scan for kernel in function.kernels),
            fields=fields(function),
            outputs=outputs(function),
            copies=function.memory.copies,
        ),
    )


def function_shares(function: Function, machine: CpuMachine) -> dict[str | None, Shares]:
    """How the rows of each scan are shared out, by its name, where they are."""
    found = (
        (node.output.name, share_rows(node, kernels, function.memory, machine))
        for node, kernels in runs(function.kernels)
        if node
    )
    return {name: shares for name, shares in found if shares}


def scan_name(kernel: Kernel) -> str | None:
    return kernel.scan.output.name if kernel.scan else None


def render_turn(kernels: list[CpuKernel], lanes: int) -> tuple[str, ...]:
    """The function that turns rows into columns, where a kernel calls it."""
    is_called = any(
        isinstance(kernel.tile, AttendTile)
        or (kernel.right and kernel.right.way == Way.TURNED.value)
        or (isinstance(kernel.tile, SquaresTile) and kernel.tile.right_way is Way.TURNED)
        for kernel in kernels
    )
    return (render("cpu/turn.c.j2", lanes=lanes, swaps=swaps(lanes)),) if is_called else ()


def numbered_combines(kernels: Iterable[CpuKernel]) -> list[CpuKernel]:
    """The kernels, with numbers for the functions that combine rows for them."""
    numbers: dict[CombineText, int] = {}

    def number(side: SideText) -> SideText:
        if side.combine is None:
            return side
        own = numbers.setdefault(side.combine, len(numbers) + 1)
        return replace(side, combine=replace(side.combine, number=own))

    return [replace(kernel, sides=tuple(map(number, kernel.sides))) for kernel in kernels]


def render_combines(kernels: list[CpuKernel]) -> Iterator[str]:
    """The functions that combine rows, each once."""
    found = dict.fromkeys(side.combine for kernel in kernels for side in kernel.sides)
    return (render("cpu/combine.c.j2", combine=combine) for combine in found if combine)


def render_kernel(kernel: CpuKernel, number: int) -> CpuKernelSource:
    text = render(f"cpu/{TEMPLATES[type(kernel.tile)]}.c.j2", kernel=kernel)
    return CpuKernelSource(
        kernel.name, number, kernel.parameters, kernel.tasks, text, kernel.seconds,
        kernel.share_tasks,
    )


def place(buffer: Buffer) -> str:
    """Where a buffer lies, as an expression of the step `t`."""
    if not buffer.move:
        return str(buffer.offset)
    moving = f"{buffer.offset} + t * {buffer.move}"
    if buffer.start is None:
        return moving
    return f"(t == {buffer.exception} ? {buffer.start} : {moving})"


def function_header(function: Function) -> tuple[str, ...]:
    return (
        f"{function.name}: {len(function.kernels)} kernels for a batch of {function.batch}, "
        f"in an arena of {function.memory.arena_bytes:,} bytes.",
        "Written by netc. Above each kernel stands what it computes; the loop at the end runs all.",
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
    return value.type.count == 1
