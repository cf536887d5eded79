"""CUDA source in, a module out: its kernels compiled for this CPU, their parameters and arrays.

The source is compiled by g++, unchanged, behind `cuda/netc_emulate.h`. The machine that runs it is
compiled once; both are kept in netc's cache of modules.
"""

import ctypes
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from netc.compiler.build.cc import environment_error
from netc.compiler.build.processor import processor
from netc.compiler.cache import keep, key_of, look_up
from netc.compiler.ir.verify import InternalError

COMMON = (
    "-std=c++17", "-fPIC", "-shared", "-fno-exceptions", "-fno-rtti", "-fno-strict-aliasing", "-w",
)  # fmt: skip
MACHINE = ("-O2",)
# A local that nobody set gets a pattern: no result comes out right by luck.
MODULE = (
    "-O1", "-march=native", "-ffp-contract=fast", "-ftrivial-auto-var-init=pattern",
    "-Wl,--build-id=none", "-lm",
)  # fmt: skip
# What the sanitizers call is the machine's own: nothing of theirs is linked.
CHECKED = (
    "-g1", "-fsanitize=thread", "--param=tsan-instrument-func-entry-exit=0",
    "-fsanitize=bounds,alignment,integer-divide-by-zero", "-nodefaultlibs",
)  # fmt: skip
KERNEL = re.compile(r"__global__[^;{]*?\bvoid\s+(?:__launch_bounds__\s*\([^)]*\)\s*)?(\w+)\s*\(")
SHARED = re.compile(r"^([0-9a-f]+) .* netc_shared\s+([0-9a-f]+)\s+_ZZ(\d+)(\w+)$", re.MULTILINE)
MOST_PARAMETERS = 1024


@dataclass(frozen=True)
class Parameter:
    """`kind` is p (pointer), r (pointer to const), f (float) or v; `unit` the size pointed at."""

    size: int
    kind: str
    unit: int


@dataclass(frozen=True)
class SharedArray:
    """An array in static shared memory: where it lies in this process."""

    name: str
    address: int
    bytes: int


@dataclass(frozen=True)
class EmulatedKernel:
    name: str
    entry: int
    parameters: tuple[Parameter, ...]
    shared: tuple[SharedArray, ...]


@dataclass(frozen=True)
class Module:
    """Compiled CUDA source. `checked` modules look at every access; `file` is the library's.

    `static_shared` is where the shared arrays of all kernels begin and end.
    """

    name: str
    source: str
    checked: bool
    kernels: tuple[EmulatedKernel, ...]
    static_shared: tuple[int, int]
    file: Path
    folder: tempfile.TemporaryDirectory

    def kernel(self, name: str) -> EmulatedKernel:
        return next(kernel for kernel in self.kernels if kernel.name == name)


def build_module(source: str, name: str = "kernels.cu", checked: bool = False) -> Module:
    """Compile CUDA C and load it. `name` is the file that findings point into.

    Raises NetError (E0711) where there is no g++; a source that it rejects is our fault.
    """
    load_machine()
    names = tuple(KERNEL.findall(source))
    entries = "".join(f"NETC_KERNEL({kernel})\n" for kernel in names)
    flags = (*MODULE, *(CHECKED if checked else ()), "-include", "netc_emulate.h")
    text = f'#line 1 "{name}"\n{source}\n{entries}'
    folder = tempfile.TemporaryDirectory(prefix="netc-emulate-")
    file = Path(folder.name) / "module.so"
    file.write_bytes(built(flags, {"module.cpp": text}, sources_of("cuda"), "module.so"))
    library = ctypes.CDLL(str(file), mode=os.RTLD_NOW | os.RTLD_LOCAL)
    shared = shared_arrays(file, library, names)
    kernels = tuple(describe_kernel(library, kernel, shared[kernel]) for kernel in names)
    arrays = [array for owned in shared.values() for array in owned]
    begin = min((array.address for array in arrays), default=0)
    end = max((array.address + array.bytes for array in arrays), default=0)
    return Module(name, source, checked, kernels, (begin, end), file, folder)


@cache
def load_machine() -> ctypes.CDLL:
    """The machine, once in a process, its functions there for every module to call."""
    sources = sources_of("machine")
    with tempfile.TemporaryDirectory(prefix="netc-emulate-") as folder:
        file = Path(folder) / "machine.so"
        file.write_bytes(built(MACHINE, sources, {}, "machine.so"))
        return ctypes.CDLL(str(file), mode=os.RTLD_NOW | os.RTLD_GLOBAL)


def sources_of(folder: str) -> dict[str, str]:
    """The C++ files of a folder of this package, by name."""
    found = (files("netc.emulator") / folder).iterdir()
    return {entry.name: entry.read_text(encoding="utf-8") for entry in found if entry.is_file()}


def built(
    flags: tuple[str, ...], sources: dict[str, str], headers: dict[str, str], name: str
) -> bytes:
    """A shared library of these sources, from the cache where it was built before."""
    compiler, version = find_compiler()
    texts = sorted((sources | headers).items())
    key = key_of(version, processor(), *COMMON, *flags, *(part for pair in texts for part in pair))
    library = look_up(key)
    if library is None:
        library = compile_library(compiler, flags, texts, name)
        keep(key, library)
    return library


def compile_library(
    compiler: str, flags: tuple[str, ...], texts: list[tuple[str, str]], name: str
) -> bytes:
    with tempfile.TemporaryDirectory(prefix="netc-emulate-") as folder:
        for file, text in texts:
            (Path(folder) / file).write_text(text, encoding="utf-8")
        units = [file for file, _ in texts if file.endswith(".cpp")]
        command = (compiler, *COMMON, "-I.", *flags, *units, "-o", name)
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if result.returncode:
            raise InternalError(f"g++ rejects the source:\n{result.stderr[:4000]}")
        return (Path(folder) / name).read_bytes()


@cache
def find_compiler() -> tuple[str, str]:
    """g++ and what it calls itself."""
    compiler = shutil.which("g++")
    if compiler is None:
        raise environment_error(
            "E0711",
            "the emulator needs g++, which is not here",
            "install g++; the CUDA source in the build folder is complete without it",
        )
    result = subprocess.run((compiler, "--version"), capture_output=True, text=True)
    return compiler, result.stdout.partition("\n")[0]


def shared_arrays(
    file: Path, library: ctypes.CDLL, kernels: tuple[str, ...]
) -> dict[str, tuple[SharedArray, ...]]:
    """The static shared arrays of each kernel, from the symbols of the library.

    A static variable of a function `k` is called `_ZZ1kE4name`: lengths stand before names.
    """
    table = subprocess.run(("objdump", "-t", str(file)), capture_output=True, text=True).stdout
    found: dict[str, tuple[SharedArray, ...]] = {kernel: () for kernel in kernels}
    if not kernels:
        return found
    entry = f"netc_call_{kernels[0]}"
    place = re.search(rf"^([0-9a-f]+) .* {entry}$", table, re.MULTILINE)
    base = address_of(library, entry) - int(place[1], 16)
    for offset, size, length, rest in SHARED.findall(table):
        kernel, name = rest[: int(length)], rest[int(length) :].lstrip("E").lstrip("0123456789")
        array = SharedArray(name.partition("_0")[0], base + int(offset, 16), int(size, 16))
        owners = (kernel,) if kernel in found else kernels
        for owner in owners:
            found[owner] += (array,)
    return found


def describe_kernel(
    library: ctypes.CDLL, name: str, shared: tuple[SharedArray, ...]
) -> EmulatedKernel:
    numbers = (ctypes.c_int * (3 * MOST_PARAMETERS))()
    count = getattr(library, f"netc_describe_{name}")(numbers)
    parameters = tuple(
        Parameter(numbers[3 * i], chr(numbers[3 * i + 1]), numbers[3 * i + 2]) for i in range(count)
    )
    return EmulatedKernel(name, address_of(library, f"netc_call_{name}"), parameters, shared)


def address_of(library: ctypes.CDLL, name: str) -> int:
    return ctypes.cast(getattr(library, name), ctypes.c_void_p).value
