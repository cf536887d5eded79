"""The device `cuda`: a program's CUDA C on a GPU, a whole step as one CUDA graph.

One allocation holds the arena, with the cursor behind it. Data sets stay on the device. A run is
one graph launch for each step, without Python or copies between them, and one copy of the log.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from time import perf_counter as clock
from types import ModuleType

import numpy as np

from netc.compiler.build.cuda_modules import CudaModule, compile_modules
from netc.compiler.program import FunctionFacts, Program, Tensor
from netc.compiler.targets.cuda_launches import CudaLaunch, CudaStep, Pointer, from_json, in_order
from netc.runtime.cuda_driver import HELP, call, describe, device_count, load_driver
from netc.runtime.cuda_tensor_map import Encode, encode_by_driver
from netc.runtime.errors import ENVIRONMENT, fail

ALIGNMENT = 256
DTYPES = {"f32": np.float32, "i32": np.int32, "u8": np.uint8, "bool": np.bool_}
SHARED_WITHOUT_ASKING = 48 * 1024
OWN_FORMS = ("sm_75", "sm_90a")
REPEATS = 50  # of a kernel in the graph that times it: what a launch costs is shared by so many
MOST_RESIDENT = 16  # arrays of data sets that are kept on the device
Compile = Callable[[str, str], tuple[CudaModule, ...]]  # (source, architecture) -> modules


@dataclass(frozen=True)
class Loaded:
    """A function on the device: how it is launched, its modules and its kernels by name."""

    step: CudaStep
    modules: tuple[object, ...]
    kernels: dict[str, object]


@dataclass
class Room:
    """Device memory that grows when more is asked for, and then lies elsewhere."""

    address: int = 0
    bytes: int = 0


class Cuda:
    """A program in the memory of a GPU."""

    name = target = "cuda"
    threads = 1

    def __init__(
        self,
        driver: ModuleType,
        program: Program,
        folder: Path,
        compile: Compile,
        number: int = 0,
        encode: Encode = encode_by_driver,
    ) -> None:
        self.driver, self.folder, self.compile, self.encode = driver, folder, compile, encode
        if number >= device_count(driver):
            raise fail("E0722", "there is no NVIDIA GPU here", help=HELP, exit_code=ENVIRONMENT)
        self.facts = describe(driver, number)
        self.about = str(self.facts)
        self.device = self.call("cuDeviceGet", number)
        self.context = self.call("cuDevicePrimaryCtxRetain", self.device)
        self.enter()
        self.stream = self.call("cuStreamCreate", 1)  # CU_STREAM_NON_BLOCKING
        self.cursor_offset = aligned(program.on(self.target).arena_bytes)
        self.arena = self.allocate(self.cursor_offset + ALIGNMENT)
        self.call("cuMemsetD8Async", self.arena, 0, self.cursor_offset + ALIGNMENT, self.stream)
        self.loaded: dict[str, Loaded] = {}
        self.graphs: dict[tuple, object] = {}
        self.resident: list[tuple[np.ndarray, int]] = []
        self.rooms: dict[tuple, Room] = {}

    # --- memory -----------------------------------------------------------------------------

    def read(self, tensor: Tensor) -> np.ndarray:
        self.enter()
        array = np.empty(tensor.shape, DTYPES[tensor.dtype])
        self.download(array, self.arena + tensor.offset)
        return array

    def write(self, tensor: Tensor, array: np.ndarray) -> None:
        self.enter()
        kept = np.array(array, DTYPES[tensor.dtype], order="C")
        assert kept.size == prod(tensor.shape), f"{tensor} does not take {kept.shape}"
        self.upload(self.arena + tensor.offset, kept)

    def upload(self, address: int, array: np.ndarray) -> None:
        """Copy in the order of the stream, and wait: the array may go when this returns."""
        self.call("cuMemcpyHtoDAsync", address, array.ctypes.data, array.nbytes, self.stream)
        self.call("cuStreamSynchronize", self.stream)

    def download(self, array: np.ndarray, address: int) -> None:
        self.call("cuMemcpyDtoHAsync", array.ctypes.data, address, array.nbytes, self.stream)
        self.call("cuStreamSynchronize", self.stream)

    def allocate(self, size: int) -> int:
        """Device memory; NetError where it does not fit into what is free."""
        free, total = self.call("cuMemGetInfo")
        if size > free:
            raise fail(
                "E0710",
                f"the program needs {size:,} bytes on the GPU, {free:,} of {total:,} are free",
                help="a smaller batch needs less",
                exit_code=ENVIRONMENT,
            )
        return int(self.call("cuMemAlloc", max(size, ALIGNMENT)))

    def room(self, key: tuple, size: int) -> int:
        """Where `size` bytes for this purpose lie; the graphs that know an older place are gone."""
        room = self.rooms.setdefault(key, Room())
        if size > room.bytes:
            if room.bytes:
                self.forget_graphs()
                self.call("cuMemFree", room.address)
            self.rooms[key] = room = Room(self.allocate(size), size)
        return room.address

    def fits(self, fields: tuple[np.ndarray, ...]) -> bool:
        """Whether a data set lies on the device, or may: half of what is free is left to others."""
        known = {id(array) for array, _ in self.resident}
        wanted = sum(array.nbytes for array in fields if id(array) not in known)
        free, _ = self.call("cuMemGetInfo") if wanted else (0, 0)
        return wanted <= free // 2

    def on_device(self, array: np.ndarray) -> int:
        """Where a data set's array lies on the device: it is copied there once."""
        for known, address in self.resident:
            if known is array:
                return address
        if len(self.resident) == MOST_RESIDENT:
            self.forget_graphs()
            self.call("cuMemFree", self.resident.pop(0)[1])
        address = self.allocate(array.nbytes)
        self.upload(address, array)
        self.resident.append((array, address))
        return address

    # --- running ----------------------------------------------------------------------------

    def prepare(self, function: FunctionFacts) -> None:
        self.enter()
        self.load(function.symbol)

    def run(
        self,
        function: FunctionFacts,
        fields: tuple[np.ndarray, ...],
        order: np.ndarray | None,
        steps: int,
    ) -> np.ndarray:
        """Run so many steps and return float32[steps, outputs of one number]."""
        self.enter()
        step = self.load(function.symbol).step
        log = np.zeros((steps, step.outputs), np.float32)
        if order is not None and not self.fits(fields):
            chosen = order[: steps * step.batch]
            fields, order = tuple(array[chosen] for array in fields), None
        places = self.place_fields(step, fields, order is not None)
        rows = np.arange(steps * step.batch) if order is None else order
        rows = np.ascontiguousarray(rows, np.int64)
        assert rows.size >= steps * step.batch, "the order is shorter than the steps"
        spaces = {
            "order": self.room(("order",), rows.nbytes),
            "log": self.room(("log",), log.nbytes),
            "cursor": self.arena + self.cursor_offset,
            **self.workspace(step),
        }
        self.upload(spaces["order"], rows)
        graph = self.graph(function.symbol, places, spaces)
        self.call("cuMemsetD32Async", spaces["cursor"], 0, 1, self.stream)
        for _ in range(steps):
            self.call("cuGraphLaunch", graph, self.stream)
        self.download(log, spaces["log"])
        return log

    def run_kernel(self, function: FunctionFacts, number: int) -> None:
        """One kernel, with those that serve it, as a graph of its own."""
        self.enter()
        loaded, name = self.load(function.symbol), function.kernels[number].name
        graph = self.capture(lambda: self.record_kernel(loaded, name))
        self.call("cuGraphLaunch", graph, self.stream)
        self.call("cuStreamSynchronize", self.stream)
        self.call("cuGraphExecDestroy", graph)

    def profile(
        self,
        function: FunctionFacts,
        fields: tuple[np.ndarray, ...],
        order: np.ndarray | None,
        steps: int,
    ) -> np.ndarray:
        """The seconds of each kernel in one step: one kernel after the other runs as often as that,
        or more, on what a whole step has left."""
        self.run(function, fields, order, 1)
        loaded = self.load(function.symbol)
        return np.array([self.time(loaded, kernel.name, steps) for kernel in function.kernels])

    def time(self, loaded: Loaded, name: str, steps: int) -> float:
        def record() -> None:
            for _ in range(REPEATS):
                self.record_kernel(loaded, name)

        graph, launches = self.capture(record), max(1, steps // REPEATS)
        for count in (1, launches):  # the first time it is sent to the device
            start = clock()
            for _ in range(count):
                self.call("cuGraphLaunch", graph, self.stream)
            self.call("cuStreamSynchronize", self.stream)
        seconds = clock() - start
        self.call("cuGraphExecDestroy", graph)
        return seconds / launches / REPEATS

    def workspace(self, step: CudaStep) -> dict[str, int]:
        """Where the step's workspace lies, which all functions share; nothing if it has none."""
        size = step.workspace_bytes
        return {"workspace": self.room(("workspace",), size)} if size else {}

    def place_fields(
        self, step: CudaStep, fields: tuple[np.ndarray, ...], is_data_set: bool
    ) -> tuple[int, ...]:
        """Where the fields lie on the device. Rows with an order belong to a data set, which does
        not change and stays; others are copied to the same room each time."""
        for array, row_bytes in zip(fields, step.row_bytes, strict=True):
            assert array.flags.c_contiguous and array.nbytes == len(array) * row_bytes
        if is_data_set:
            return tuple(self.on_device(array) for array in fields)
        places = []
        for number, array in enumerate(fields):
            places.append(self.room((step.symbol, number), array.nbytes))
            self.upload(places[-1], array)
        return tuple(places)

    def graph(self, symbol: str, places: tuple[int, ...], spaces: dict[str, int]):
        """The step as a graph that can be launched, for data at these places."""
        key = (symbol, places, *spaces.values())
        if key not in self.graphs:
            loaded = self.loaded[symbol]
            self.graphs[key] = self.capture(lambda: self.record_step(loaded, places, spaces))
        return self.graphs[key]

    def capture(self, record: Callable[[], None]):
        """What `record` puts onto the stream, made a graph that can be launched."""
        mode = self.driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
        self.call("cuStreamBeginCapture", self.stream, mode)
        try:
            record()
        finally:
            graph = self.call("cuStreamEndCapture", self.stream)
        ready = self.call("cuGraphInstantiate", graph, 0)
        self.call("cuGraphDestroy", graph)
        return ready

    def record_step(
        self, loaded: Loaded, places: tuple[int, ...], spaces: dict[str, int]
    ) -> None:
        """A step's launches and copies onto the stream."""
        self.record(loaded, loaded.step.launches, places, spaces)
        for source, target, size in loaded.step.copies:
            whence, where = self.arena + source, self.arena + target
            self.call("cuMemcpyDtoDAsync", where, whence, size, self.stream)
        self.record(loaded, (loaded.step.last,), places, spaces)

    def record_kernel(self, loaded: Loaded, name: str) -> None:
        """One kernel and those that serve it onto the stream."""
        self.record(loaded, loaded.step.of_kernel(name), (), self.workspace(loaded.step))

    def record(
        self,
        loaded: Loaded,
        launches: tuple[CudaLaunch, ...],
        places: tuple[int, ...],
        spaces: dict[str, int],
    ) -> None:
        for launch in in_order(launches):
            self.launch(loaded, launch, places, spaces)

    def launch(
        self, loaded: Loaded, launch: CudaLaunch, places: tuple[int, ...], spaces: dict[str, int]
    ) -> None:
        """One kernel onto the stream. The driver copies the arguments before it returns."""
        arguments = [self.argument(p, places, spaces) for p in launch.parameters]
        slots = np.array([argument.ctypes.data for argument in arguments], np.uint64)
        self.call(
            "cuLaunchKernel",
            loaded.kernels[launch.kernel],
            *launch.grid,
            *launch.block,
            launch.shared_bytes,
            self.stream,
            slots.ctypes.data,
            0,
        )

    def argument(
        self, pointer: Pointer, places: tuple[int, ...], spaces: dict[str, int]
    ) -> np.ndarray:
        """The bytes of a kernel's parameter: an address, or a tensor map of what lies there."""
        address = self.address(pointer, places, spaces)
        if pointer.matrix:
            return np.frombuffer(self.encode(address, pointer.matrix), np.uint8)
        return np.array([address], np.uint64)

    def address(self, pointer: Pointer, places: tuple[int, ...], spaces: dict[str, int]) -> int:
        if pointer.space == "arena":
            return self.arena + pointer.offset
        if pointer.space == "workspace":
            return spaces["workspace"] + pointer.offset
        return places[pointer.offset] if pointer.space == "field" else spaces[pointer.space]

    # --- loading ----------------------------------------------------------------------------

    def load(self, symbol: str) -> Loaded:
        """The function, compiled for this very device and loaded; at its first use only."""
        if symbol not in self.loaded:
            form = self.form(symbol)
            step = from_json(self.text(f"{form}{symbol}.json"))
            parts = self.compile(self.text(f"{form}{symbol}.cu"), self.facts.architecture)
            modules = tuple(self.call("cuModuleLoadData", part.image) for part in parts)
            kernels = {
                name: self.call("cuModuleGetFunction", module, name.encode())
                for part, module in zip(parts, modules, strict=True)
                for name in part.kernels
            }
            for kernel in kernels.values():
                self.call("cuFuncLoad", kernel)  # a capture is no time to load it
            self.ask_for_shared_memory(step, kernels)
            self.workspace(step)  # nor to make room
            self.loaded[symbol] = Loaded(step, modules, kernels)
        return self.loaded[symbol]

    def form(self, symbol: str) -> str:
        """The folder of the source for this device, where tensor cores are used: those of sm_75
        cannot do what is usual, those of sm_90a can do more."""
        has_own = self.facts.architecture in OWN_FORMS and "netc_mma_" in self.text(f"{symbol}.cu")
        return f"{self.facts.architecture}/" if has_own else ""

    def ask_for_shared_memory(self, step: CudaStep, kernels: dict[str, object]) -> None:
        """Blocks have more than the usual only where the driver was told of it."""
        name = "CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES"
        for launch in step.launches:
            if launch.shared_bytes > SHARED_WITHOUT_ASKING:
                attribute = getattr(self.driver.CUfunction_attribute, name)
                kernel = kernels[launch.kernel]
                self.call("cuFuncSetAttribute", kernel, attribute, launch.shared_bytes)

    def text(self, name: str) -> str:
        path = self.folder / "cuda" / name
        try:
            return path.read_text(encoding="utf-8")
        except OSError:
            raise fail(
                "E0614",
                f"the build folder lacks `{path}`",
                help="`netc compile FILE --target cuda` writes it",
            ) from None

    def forget_graphs(self) -> None:
        for graph in self.graphs.values():
            self.call("cuGraphExecDestroy", graph)
        self.graphs.clear()

    def close(self) -> None:
        """Give back every byte, module and graph."""
        self.enter()
        self.forget_graphs()
        for loaded in self.loaded.values():
            for module in loaded.modules:
                self.call("cuModuleUnload", module)
        addresses = [address for _, address in self.resident]
        addresses += [room.address for room in self.rooms.values() if room.bytes]
        for address in (*addresses, self.arena):
            self.call("cuMemFree", address)
        self.call("cuStreamDestroy", self.stream)
        self.call("cuDevicePrimaryCtxRelease", self.device)
        self.loaded.clear()
        self.resident.clear()
        self.rooms.clear()

    def enter(self) -> None:
        """Calls of this thread go to this device from here on."""
        self.call("cuCtxSetCurrent", self.context)

    def call(self, name: str, *arguments):
        return call(self.driver, name, *arguments)


def open_cuda(program: Program, folder: Path, threads: int) -> Cuda:
    """The program on the first GPU; `threads` means nothing here. NetError where there is none."""
    return Cuda(load_driver(), program, folder, compile_modules)


def aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
