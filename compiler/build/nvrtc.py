"""CUDA C source in, cubin out, by NVRTC: no GPU, driver or toolkit is needed.

A cubin runs on exactly one architecture, which is why no PTX is kept: a driver older than the
compiler would refuse it.
"""

import ctypes
import importlib
import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from netc.compiler.cache import folder, keep, key_of, look_up
from netc.compiler.diagnostics import Diagnostic, NetError
from netc.compiler.ir.verify import InternalError

OPTIONS = ("-std=c++17", "--ptxas-options=-v", "-default-device", "--fmad=true")
INSTALL = 'pip install "netc[cuda]"'


@dataclass(frozen=True)
class Resources:
    """What one kernel takes of a multiprocessor; spilled bytes go to memory and back."""

    registers: int
    shared_bytes: int
    stack_bytes: int
    spill_stores: int
    spill_loads: int


@dataclass(frozen=True)
class Cubin:
    """A compiled module: its bytes, the resources of each kernel, and the compiler's log."""

    image: bytes
    resources: tuple[tuple[str, Resources], ...]
    log: str

    def kernel(self, name: str) -> Resources:
        return dict(self.resources)[name]


def compile_cubin(source: str, arch: str) -> Cubin:
    """The cubin of a source for an architecture such as `sm_90a`, from the cache where it is there.

    Raises NetError (exit code 4) where NVRTC is missing. A source that NVRTC rejects is our fault,
    never the user's: InternalError, and the source is kept beside the cache.
    """
    nvrtc, options, key = load_nvrtc(), options_for(arch), key_for(source, arch)
    kept = look_up(key)
    if kept is None:
        kept = run_nvrtc(nvrtc, source, options, key)
        keep(key, kept)
    head, _, image = kept.partition(b"\n")
    log = json.loads(head)
    return Cubin(image, parse_log(log), log)


def is_kept(source: str, arch: str) -> bool:
    """Whether the cubin is in the cache."""
    return look_up(key_for(source, arch)) is not None


def key_for(source: str, arch: str) -> str:
    return key_of("cubin", ".".join(map(str, version(load_nvrtc()))), *options_for(arch), source)


def options_for(arch: str) -> tuple[str, ...]:
    return (*OPTIONS, f"--gpu-architecture={arch}")


def parse_log(log: str) -> tuple[tuple[str, Resources], ...]:
    """The resources of each kernel from what ptxas says, which it does in no useful order."""
    found = []
    for part in log.split("Compiling entry function '")[1:]:
        name = part.partition("'")[0]
        used = re.search(r"Used (\d+) registers", part)
        memory = re.search(
            r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", part
        )
        if used is None or memory is None:
            raise InternalError(f"ptxas says nothing of the registers of {name}:\n{part[:500]}")
        shared = re.search(r"(\d+) bytes smem", part)
        numbers = (int(number) for number in memory.groups())
        resources = Resources(int(used[1]), int(shared[1]) if shared else 0, *numbers)
        found.append((name, resources))
    return tuple(sorted(found))


def run_nvrtc(nvrtc: ModuleType, source: str, options: tuple[str, ...], key: str) -> bytes:
    """The log as one line of JSON, and the cubin after it."""
    name = b"netc.cu"
    program = checked(nvrtc, nvrtc.nvrtcCreateProgram(source.encode(), name, 0, [], []))
    try:
        flags = [option.encode() for option in options]
        (result,) = nvrtc.nvrtcCompileProgram(program, len(flags), flags)
        log = bytearray(checked(nvrtc, nvrtc.nvrtcGetProgramLogSize(program)))
        checked(nvrtc, nvrtc.nvrtcGetProgramLog(program, log))
        text = without_times(log.rstrip(b"\0").decode(errors="replace"))
        if result != nvrtc.nvrtcResult.NVRTC_SUCCESS:
            raise InternalError(f"NVRTC rejects {keep_source(source, key)}:\n{text[:4000]}")
        image = bytearray(checked(nvrtc, nvrtc.nvrtcGetCUBINSize(program)))
        checked(nvrtc, nvrtc.nvrtcGetCUBIN(program, image))
        return json.dumps(text).encode() + b"\n" + bytes(image)
    finally:
        nvrtc.nvrtcDestroyProgram(program)


def without_times(log: str) -> str:
    """The log of a source is the same whenever it is compiled."""
    return "\n".join(line for line in log.splitlines() if "Compile time" not in line)


def keep_source(source: str, key: str) -> Path:
    """Where a source that was rejected can be read."""
    path = folder() / f"rejected-{key[:16]}.cu"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    except OSError:
        return Path("a source that could not be kept")
    return path


def checked(nvrtc: ModuleType, results: tuple):
    """What a call of NVRTC returns, without its status, which must be success."""
    status, *values = results
    if status != nvrtc.nvrtcResult.NVRTC_SUCCESS:
        raise InternalError(f"NVRTC fails: {status}")
    return values[0] if len(values) == 1 else tuple(values)


def version(nvrtc: ModuleType) -> tuple[int, int]:
    return checked(nvrtc, nvrtc.nvrtcVersion())


@cache
def load_nvrtc() -> ModuleType:
    """The bindings with the library behind them; NetError, with what to install, if missing."""
    if find_spec("cuda") is None or find_spec("cuda.bindings") is None:
        raise missing("cuda-python is not installed")
    preload()
    nvrtc = importlib.import_module("cuda.bindings.nvrtc")
    try:
        nvrtc.nvrtcVersion()
    except RuntimeError as error:
        raise missing(str(error).partition("\n")[0]) from None
    return nvrtc


def preload() -> None:
    """Load the library from the wheel, wherever on the import path that lies; the bindings search
    fewer places, but use what is loaded already. The built-ins first: the library needs them."""
    for place in wheel_folders():
        for library in sorted(Path(place).glob("libnvrtc*.so*")):
            if ".alt." not in library.name:
                ctypes.CDLL(str(library), ctypes.RTLD_GLOBAL)


def wheel_folders() -> tuple[str, ...]:
    try:
        spec = find_spec("nvidia.cu13.lib")
    except ModuleNotFoundError:
        return ()
    return tuple(spec.submodule_search_locations or ()) if spec else ()


def missing(reason: str) -> NetError:
    notes = (reason,)
    return NetError(
        Diagnostic("E0721", "there is no CUDA compiler here", notes=notes, helps=(INSTALL,)),
        exit_code=4,
    )
