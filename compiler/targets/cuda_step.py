"""A function in, how its step is launched on a GPU out: kernels in order, with their pointers."""

from dataclasses import dataclass, replace

from netc.compiler.ir.graph import Role, Value
from netc.compiler.kernels.lower import identifier
from netc.compiler.kernels.memory import Buffer
from netc.compiler.kernels.plan import Kernel
from netc.compiler.scalar.rounding import ceil
from netc.compiler.targets.cuda_copies import (
    matrices,
    operand_copies,
    product_parameters,
    result_of_copy,
)
from netc.compiler.targets.cuda_dialect import CUDA
from netc.compiler.targets.cuda_kernel import cuda_parameters
from netc.compiler.targets.cuda_launches import CudaLaunch, CudaStep, Pointer
from netc.compiler.targets.cuda_tiles import ARCHITECTURES, THREADS, CudaArchitecture, choose_tile
from netc.compiler.targets.cuda_wgmma import WarpgroupTile
from netc.compiler.targets.dialect import Speller
from netc.compiler.targets.function import Function
from netc.compiler.targets.text import Parameter, parameter_names

UNITS = {16: "uint4", 8: "uint2", 4: "unsigned int", 2: "unsigned short", 1: "unsigned char"}


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


def launches(function: Function, arch: str, symbol: str) -> CudaStep:
    """How a step of the function is launched, in the words of the rendered source."""
    facts, taken, logged = ARCHITECTURES[arch], fields(function), outputs(function)
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
