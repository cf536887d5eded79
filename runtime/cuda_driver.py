"""The NVIDIA driver: finding it, calling it, and what it says of the devices that are here."""

import ctypes
import importlib
from dataclasses import dataclass
from importlib.util import find_spec
from types import ModuleType

from netc.compiler.diagnostics import NetError
from netc.runtime.errors import ENVIRONMENT, fail

LIBRARY = "libcuda.so.1"
OLDEST = (7, 5)
NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE
HELP = "`--device cpu` trains without a GPU"


class DriverError(Exception):
    """A call of the driver failed: a fault of netc or of the machine, not of the program."""


@dataclass(frozen=True)
class CudaDevice:
    """A GPU: its number and name, what its code is compiled for, its memory in bytes."""

    number: int
    name: str
    architecture: str
    multiprocessors: int
    memory: int
    driver: str

    def __str__(self) -> str:
        return (
            f"cuda:{self.number}  {self.name}, {self.architecture}, {self.multiprocessors} "
            f"multiprocessors, {self.memory / 2**30:.0f} GiB, driver for CUDA {self.driver}"
        )


def why_no_cuda() -> str | None:
    """What is missing for CUDA here, in a user's words; None where a device can be used."""
    try:
        driver = load_driver()
        if not device_count(driver):
            return "the driver finds no GPU"
        describe(driver, 0)  # one that is too old is none
        return None
    except NetError as error:
        return error.diagnostics[0].message


def describe_devices(driver: ModuleType | None = None) -> tuple[CudaDevice, ...]:
    """Every GPU that the driver finds; none where there is no driver."""
    if driver is None and why_no_cuda() is not None:
        return ()
    driver = driver or load_driver()
    return tuple(describe(driver, number) for number in range(device_count(driver)))


def load_driver() -> ModuleType:
    """The bindings of the driver. Raises NetError where the driver or the bindings are missing.

    The library is looked for first: without it the bindings fail late, and not cleanly.
    """
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        raise fail(
            "E0722", "there is no NVIDIA driver here", help=HELP, exit_code=ENVIRONMENT
        ) from None
    if find_spec("cuda") is None or find_spec("cuda.bindings") is None:
        raise fail(
            "E0721",
            "cuda-python is not installed",
            help='pip install "netc[cuda]"',
            exit_code=ENVIRONMENT,
        )
    return importlib.import_module("cuda.bindings.driver")


def call(driver: ModuleType, name: str, *arguments):
    """What the driver's function returns behind its status; DriverError unless that is success."""
    status, *values = getattr(driver, name)(*arguments)
    if int(status) != 0:
        raise DriverError(f"{name} fails: {getattr(status, 'name', status)}")
    return values[0] if len(values) == 1 else tuple(values)


def device_count(driver: ModuleType) -> int:
    """How many GPUs there are. Raises NetError where the driver does not start."""
    (status,) = driver.cuInit(0)
    if int(status) == NO_DEVICE:
        return 0
    try:
        call(driver, "cuInit", 0)
    except DriverError as error:
        message = f"the NVIDIA driver does not start: {error}"
        raise fail("E0722", message, help=HELP, exit_code=ENVIRONMENT) from None
    return call(driver, "cuDeviceGetCount")


def describe(driver: ModuleType, number: int) -> CudaDevice:
    """The facts of one device; nothing is allocated on it."""
    device = call(driver, "cuDeviceGet", number)
    name = call(driver, "cuDeviceGetName", 128, device)
    version = call(driver, "cuDriverGetVersion")
    return CudaDevice(
        number=number,
        name=bytes(name).partition(b"\0")[0].decode(errors="replace"),
        architecture=architecture_of(*capability(driver, device)),
        multiprocessors=attribute(driver, device, "MULTIPROCESSOR_COUNT"),
        memory=call(driver, "cuDeviceTotalMem", device),
        driver=f"{version // 1000}.{version % 1000 // 10}",
    )


def capability(driver: ModuleType, device) -> tuple[int, int]:
    major = attribute(driver, device, "COMPUTE_CAPABILITY_MAJOR")
    return major, attribute(driver, device, "COMPUTE_CAPABILITY_MINOR")


def attribute(driver: ModuleType, device, name: str) -> int:
    key = getattr(driver.CUdevice_attribute, f"CU_DEVICE_ATTRIBUTE_{name}")
    return call(driver, "cuDeviceGetAttribute", key, device)


def architecture_of(major: int, minor: int) -> str:
    """What NVRTC calls it: from 9.0 on, with all that is particular to this very chip."""
    if (major, minor) < OLDEST:
        raise fail(
            "E0723",
            f"this GPU has compute capability {major}.{minor}, netc needs 7.5 or more",
            help=HELP,
            exit_code=ENVIRONMENT,
        )
    return f"sm_{major}{minor}{'a' if major >= 9 else ''}"
