"""A stand-in for the bindings of the NVIDIA driver, for tests only.

Device memory is this machine's memory, an image is CUDA C, which the emulator runs, and every call
is written down.

What real devices punish is an error here: a launch outside of a capture, a pointer into memory that
was never allocated or is freed, arguments that are gone before the call.
"""

import ctypes
from types import SimpleNamespace

import numpy as np

from netc.compiler.build.cuda_modules import CudaModule, in_parts, kernel_names
from netc.compiler.targets.cuda_launches import Matrix
from netc.emulator.build import build_module
from netc.emulator.launch import launch_at
from netc.emulator.memory import buffer
from netc.emulator.step import tensor_map

CAPABILITY = {"COMPUTE_CAPABILITY_MAJOR": 9, "COMPUTE_CAPABILITY_MINOR": 0}
ATTRIBUTES = CAPABILITY | {"MULTIPROCESSOR_COUNT": 132}


class FakeDriver:
    """The functions of `cuda.bindings.driver` that netc calls: a status, then what they return."""

    CUstreamCaptureMode = SimpleNamespace(CU_STREAM_CAPTURE_MODE_THREAD_LOCAL="thread local")
    CUdevice_attribute = SimpleNamespace(
        **{f"CU_DEVICE_ATTRIBUTE_{name}": name for name in ATTRIBUTES}
    )

    CUfunction_attribute = SimpleNamespace(
        CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES="dynamic shared memory"
    )

    def __init__(self, devices: int = 1, free: int = 1 << 34) -> None:
        self.devices, self.free = devices, free
        self.calls: list[tuple] = []
        self.memory: dict[int, np.ndarray] = {}
        self.captured: list | None = None
        self.fails_at: str | None = None
        self.shared_bytes: dict[tuple, int] = {}  # that a kernel may have, where it was asked for

    def __getattribute__(self, name: str):
        found = object.__getattribute__(self, name)
        if not name.startswith("cu") or name == "cuInit":
            return found

        def written_down(*arguments):
            self.calls.append((name, *arguments))
            return (999,) if name == self.fails_at else (0, *found(*arguments))

        return written_down

    def named(self, name: str) -> list[tuple]:
        """The arguments of every call of one function."""
        return [arguments for called, *arguments in self.calls if called == name]

    # --- devices ----------------------------------------------------------------------------

    def cuInit(self, flags):
        return (0,)

    def cuDeviceGetCount(self):
        return (self.devices,)

    def cuDeviceGet(self, number):
        return (f"device {number}",)

    def cuDeviceGetName(self, length, device):
        return (b"Stand-in".ljust(length, b"\0"),)

    def cuDeviceGetAttribute(self, attribute, device):
        return (ATTRIBUTES[attribute],)

    def cuDeviceTotalMem(self, device):
        return (80 * 2**30,)

    def cuDriverGetVersion(self):
        return (13010,)

    def cuDevicePrimaryCtxRetain(self, device):
        return ("context",)

    def cuDevicePrimaryCtxRelease(self, device):
        return ()

    def cuCtxSetCurrent(self, context):
        return ()

    # --- memory -----------------------------------------------------------------------------

    def cuMemGetInfo(self):
        return self.free, 80 * 2**30

    def cuMemAlloc(self, size):
        assert self.captured is None, "a capture is no time to make room"
        room = np.full(size + 256, 0xFF, np.uint8)
        start = -room.ctypes.data % 256
        room = room[start : start + size]
        self.memory[room.ctypes.data] = room
        return (room.ctypes.data,)

    def cuMemFree(self, address):
        assert self.captured is None, "a capture is no time to give room back"
        del self.memory[address]
        return ()

    def allocated(self, address: int, size: int = 1) -> int:
        """The address, which must be that of `size` bytes of allocated memory."""
        assert any(
            start <= address and address + size <= start + room.size
            for start, room in self.memory.items()
        ), f"{size} bytes at {address:#x} are not allocated"
        return address

    def cuMemsetD8Async(self, address, value, count, stream):
        ctypes.memset(self.allocated(address, count), value, count)
        return ()

    def cuMemsetD32Async(self, address, value, count, stream):
        assert value == 0
        return self.cuMemsetD8Async(address, 0, 4 * count, stream)[1:]

    def cuMemcpyHtoDAsync(self, target, source, size, stream):
        ctypes.memmove(self.allocated(target, size), source, size)
        return ()

    def cuMemcpyDtoHAsync(self, target, source, size, stream):
        ctypes.memmove(target, self.allocated(source, size), size)
        return ()

    def cuMemcpyDtoDAsync(self, target, source, size, stream):
        addresses = self.allocated(target, size), self.allocated(source, size)
        self.captured.append(lambda: ctypes.memmove(*addresses, size))
        return ()

    def encode(self, address: int, matrix: Matrix) -> bytes:
        """A tensor map as the emulator reads it; the real ones are the driver's secret."""
        size = (matrix.lines - 1) * matrix.line_bytes + matrix.line * matrix.element_bytes
        self.allocated(address, size)
        held = buffer("matrix", np.zeros(1, np.uint8))
        return tensor_map(held, matrix).pack(address).tobytes()

    # --- modules and launches ---------------------------------------------------------------

    @staticmethod
    def modules(source: str, architecture: str) -> tuple[CudaModule, ...]:
        """What takes the compiler's place: the same parts, as text."""
        return tuple(CudaModule(kernel_names(text), text.encode()) for text in in_parts(source))

    def cuModuleLoadData(self, image):
        return (build_module(image.decode()),)

    def cuModuleGetFunction(self, module, name):
        return ((module, name.decode()),)

    def cuFuncLoad(self, kernel):
        return ()

    def cuFuncSetAttribute(self, kernel, attribute, value):
        assert attribute == "dynamic shared memory" and value <= 227 * 1024
        self.shared_bytes[kernel] = value
        return ()

    def cuModuleUnload(self, module):
        return ()

    def cuStreamCreate(self, flags):
        return ("stream",)

    def cuStreamSynchronize(self, stream):
        assert self.captured is None, "a capture cannot wait"
        return ()

    def cuStreamDestroy(self, stream):
        return ()

    def cuStreamBeginCapture(self, stream, mode):
        assert self.captured is None
        self.captured = []
        return ()

    def cuLaunchKernel(self, kernel, gx, gy, gz, bx, by, bz, shared, stream, slots, extra):
        module, name = kernel
        parameters = module.kernel(name).parameters
        addresses = (ctypes.c_uint64 * len(parameters)).from_address(slots)
        values = tuple(
            np.frombuffer(ctypes.string_at(address, parameter.size), np.uint64)
            for address, parameter in zip(addresses, parameters, strict=True)
        )
        assert shared <= self.shared_bytes.get(kernel, 48 * 1024), f"{name} has {shared} bytes"

        def run() -> None:
            for value in values:
                self.allocated(int(value[0]))  # a pointer, or the first word of a tensor map
            launch_at(module, name, (gx, gy, gz), (bx, by, bz), values, shared)

        for value in values:
            self.allocated(int(value[0]))
        assert self.captured is not None, f"{name} is launched outside of a capture"
        self.captured.append(run)
        return ()

    def cuStreamEndCapture(self, stream):
        captured, self.captured = self.captured, None
        return (captured,)

    def cuGraphInstantiate(self, graph, flags):
        return (list(graph),)

    def cuGraphDestroy(self, graph):
        return ()

    def cuGraphExecDestroy(self, graph):
        graph.clear()
        return ()

    def cuGraphLaunch(self, graph, stream):
        assert graph, "a graph that was destroyed is launched"
        for operation in graph:
            operation()
        return ()
