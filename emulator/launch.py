"""A module, a kernel's name and arguments in; the kernel has run, or EmulatorError says why not."""

import ctypes
import re
import threading
from dataclasses import dataclass

import numpy as np

from netc.emulator.build import EmulatedKernel, Module, load_machine
from netc.emulator.findings import EmulatorError, read_report
from netc.emulator.memory import ALIGNMENT, Buffer, TensorMap

Argument = Buffer | TensorMap | np.generic
GAP = 1 << 20  # bytes between buffers, where an access is out of bounds
REPORT_BYTES = 1 << 14
NARROW = re.compile(r"(__shared__|NETC_DYN_SMEM\()[^;]*\b\w*(char|short|half|bfloat16|int8_t)")
# The machine has one block and one launch at a time.
ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Schedule:
    """In which order threads run: 0 forward, 1 backward, else shuffled with this seed.

    Where `is_late`, asynchronous copies are done as late as they may be, else at once. A checked
    launch looks at shared memory in about `sample` blocks, those at the edges of the grid among
    them, and in all where that is 0; at global memory it looks in every block.
    """

    order: int = 0
    is_late: bool = False
    sample: int = 0


FORWARD = Schedule()
SCHEDULES = (FORWARD, Schedule(1, True), Schedule(7, True))


class CPlace(ctypes.Structure):
    _fields_ = (("x", ctypes.c_uint32), ("y", ctypes.c_uint32), ("z", ctypes.c_uint32))


class CRegion(ctypes.Structure):
    """`Region` of machine.h."""

    _fields_ = (
        ("low", ctypes.c_uint64),
        ("high", ctypes.c_uint64),
        ("name", ctypes.c_char_p),
        ("written", ctypes.c_void_p),
        ("cells", ctypes.c_void_p),
        ("unit", ctypes.c_uint32),
        ("is_writable", ctypes.c_uint32),
        ("is_shared", ctypes.c_uint32),
    )


class CLaunch(ctypes.Structure):
    """`Launch` of machine.h."""

    _fields_ = (
        ("kernel", ctypes.c_void_p),
        ("arguments", ctypes.c_void_p),
        ("grid", CPlace),
        ("block", CPlace),
        ("regions", ctypes.c_void_p),
        ("region_count", ctypes.c_uint32),
        ("shared_bytes", ctypes.c_uint32),
        ("static_begin", ctypes.c_uint64),
        ("static_end", ctypes.c_uint64),
        ("order", ctypes.c_uint32),
        ("is_late", ctypes.c_uint32),
        ("is_checked", ctypes.c_uint32),
        ("sample", ctypes.c_uint32),
        ("milliseconds", ctypes.c_uint32),
        ("report", ctypes.c_void_p),
        ("report_bytes", ctypes.c_uint32),
        ("accesses", ctypes.c_uint64),
    )


@dataclass(frozen=True)
class Given:
    """A buffer as this launch gives it: the bytes that the kernel sees, and their smallest unit."""

    buffer: Buffer
    bytes: np.ndarray
    unit: int
    is_writable: bool


def launch(
    module: Module,
    name: str,
    grid: tuple[int, ...],
    block: tuple[int, ...],
    arguments: tuple[Argument, ...],
    shared_bytes: int = 0,
    schedule: Schedule = FORWARD,
    seconds: float = 60.0,
) -> int:
    """Run a kernel; a checked module's launch returns how many accesses it looked at.

    Raises EmulatorError with all that was found, and where `seconds` of processor time are over;
    ValueError where the arguments do not fit the kernel.
    """
    kernel = module.kernel(name)
    check_arguments(kernel, arguments)
    given = lay_out(kernel, arguments, module.checked)
    values = tuple(value_of(argument, given) for argument in arguments)
    regions = all_regions(module, kernel, given, shared_bytes)
    try:
        return run(module, kernel, grid, block, values, regions, shared_bytes, schedule, seconds)
    finally:
        copy_back(given, module.checked)


def launch_at(
    module: Module,
    name: str,
    grid: tuple[int, ...],
    block: tuple[int, ...],
    values: tuple[np.ndarray, ...],
    shared_bytes: int = 0,
    schedule: Schedule = FORWARD,
) -> None:
    """Run a kernel as a driver does, with the bytes of its parameters and pointers of unknown
    sizes; not for checked modules."""
    assert not module.checked
    kernel = module.kernel(name)
    regions = all_regions(module, kernel, {}, shared_bytes)
    run(module, kernel, grid, block, values, regions, shared_bytes, schedule, 60.0)


def run(
    module: Module,
    kernel: EmulatedKernel,
    grid: tuple[int, ...],
    block: tuple[int, ...],
    values: tuple[np.ndarray, ...],
    regions: ctypes.Array,
    shared_bytes: int,
    schedule: Schedule,
    seconds: float,
) -> int:
    """Hand a launch to the machine; `values` hold the bytes of each parameter."""
    pointers = (ctypes.c_void_p * max(1, len(values)))(*(v.ctypes.data for v in values))
    report = ctypes.create_string_buffer(REPORT_BYTES)
    call = CLaunch(
        kernel=kernel.entry,
        arguments=ctypes.addressof(pointers),
        grid=CPlace(*grid, *(1,) * (3 - len(grid))),
        block=CPlace(*block, *(1,) * (3 - len(block))),
        regions=ctypes.addressof(regions),
        region_count=len(regions),
        shared_bytes=shared_bytes,
        static_begin=module.static_shared[0],
        static_end=module.static_shared[1],
        order=schedule.order,
        is_late=schedule.is_late,
        is_checked=module.checked,
        sample=schedule.sample,
        milliseconds=int(seconds * 1000),
        report=ctypes.addressof(report),
        report_bytes=REPORT_BYTES,
    )
    with ONE_AT_A_TIME:
        found = load_machine().machine_launch(ctypes.byref(call))
    if found:
        raise EmulatorError(*read_report(report.value.decode(), module, kernel.name))
    return call.accesses


def check_arguments(kernel: EmulatedKernel, arguments: tuple[Argument, ...]) -> None:
    """Raise ValueError where number, size or kind of the arguments is not the kernel's."""
    wanted = len(kernel.parameters)
    if len(arguments) != wanted:
        raise ValueError(f"{kernel.name} takes {wanted} arguments, not {len(arguments)}")
    for number, (argument, parameter) in enumerate(
        zip(arguments, kernel.parameters, strict=True), 1
    ):
        is_pointer, is_float = parameter.kind in "pr", parameter.kind == "f"
        if isinstance(argument, Buffer):
            fits = is_pointer
        elif isinstance(argument, TensorMap):
            fits = parameter.size == 128
        else:
            fits = argument.nbytes == parameter.size and not is_pointer
            fits = fits and is_float == (argument.dtype == np.float32)
        if not fits:
            raise ValueError(f"{kernel.name}: argument {number} does not fit its parameter")


def lay_out(
    kernel: EmulatedKernel, arguments: tuple[Argument, ...], checked: bool
) -> dict[int, Given]:
    """What each buffer is for the kernel, by its address; in a checked launch, copies with gaps.

    Buffers often lie side by side: without gaps, running over one would be a valid access of the
    next.
    """
    found: dict[int, Given] = {}
    for argument, parameter in zip(arguments, kernel.parameters, strict=True):
        if not isinstance(argument, Buffer | TensorMap):
            continue
        buffer = argument if isinstance(argument, Buffer) else argument.buffer
        is_writable = parameter.kind == "p"
        unit = min(4, parameter.unit or 2)
        before = found.get(address(buffer.bytes))
        if before:
            unit, is_writable = min(unit, before.unit), is_writable or before.is_writable
        found[address(buffer.bytes)] = Given(buffer, buffer.bytes, unit, is_writable)
    return {place: apart(given) for place, given in found.items()} if checked else found


def apart(given: Given) -> Given:
    """The buffer's bytes copied to a place of their own."""
    room = np.empty(given.bytes.nbytes + 2 * GAP + ALIGNMENT, np.uint8)
    start = GAP + (-address(room) - GAP) % ALIGNMENT
    own = room[start : start + given.bytes.nbytes]
    own[:] = given.bytes
    return Given(given.buffer, own, given.unit, given.is_writable)


def copy_back(given: dict[int, Given], checked: bool) -> None:
    for entry in given.values():
        if checked and entry.is_writable:
            entry.buffer.bytes[:] = entry.bytes


def value_of(argument: Argument, given: dict[int, Given]) -> np.ndarray:
    """What the kernel's parameter holds: a pointer, a tensor map or a number."""
    if isinstance(argument, Buffer):
        return np.array([address(given[address(argument.bytes)].bytes)], np.uint64)
    if isinstance(argument, TensorMap):
        return argument.pack(address(given[address(argument.buffer.bytes)].bytes))
    return np.array([argument])


def all_regions(
    module: Module, kernel: EmulatedKernel, given: dict[int, Given], shared_bytes: int
) -> ctypes.Array:
    """All memory that the kernel may touch: its buffers, its static and dynamic shared memory."""
    regions = [buffer_region(entry) for entry in given.values()]
    unit = 1 if NARROW.search(module.source) else 4
    for array in kernel.shared:
        regions.append(shared_region(array.name, array.address, array.bytes, unit))
    if shared_bytes:
        start = ctypes.addressof(ctypes.c_char.in_dll(load_machine(), "dynamic_shared"))
        regions.append(shared_region("dynamic shared memory", start, shared_bytes, unit))
    return (CRegion * len(regions))(*regions)


def buffer_region(given: Given) -> CRegion:
    start, name = address(given.bytes), given.buffer.name.encode()
    written = address(given.buffer.written)
    writable = given.is_writable
    return CRegion(start, start + given.bytes.nbytes, name, written, None, given.unit, writable, 0)


def shared_region(name: str, start: int, size: int, unit: int) -> CRegion:
    return CRegion(start, start + size, name.encode(), None, None, unit, 1, 1)


def address(array: np.ndarray) -> int:
    return array.ctypes.data
