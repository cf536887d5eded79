"""C source in, shared library out, by the system's C compiler or the one in the `ziglang` wheel."""

import fcntl
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from netc.compiler.build.parts import parts_of
from netc.compiler.build.processor import processor, processor_flags
from netc.compiler.cache import keep, key_of, look_up
from netc.compiler.diagnostics import Diagnostic, NetError
from netc.compiler.ir.verify import InternalError

# -fno-math-errno and -fno-trapping-math change no value: they let sqrtf and conditional expressions
# become vector code. -ffast-math would: NaN must stay NaN, and sums keep their order.
FLAGS = (
    "-std=gnu11",
    "-shared",
    "-fPIC",
    "-fno-fast-math",  # first: it takes back the two that follow
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=fast",
    "-w",
)
# What GCC's -O3 has over its -O2 that makes these kernels quicker: the rest takes a fifth to a half
# of the time to compile and gives none back. Straight lines stay as they are: GCC 12 makes of a sum
# into two neighbours, as rows of two numbers are added up, one that is lost. Nor are comparisons
# kept from one choice to the next (PRE): a chain of maxima could then not become vector code. Every
# loop is given registers by itself: else what stands after a register tile may take them from it.
GCC_LEVEL = (
    "-O2", "-ftree-vectorize", "-fno-tree-slp-vectorize", "-fvect-cost-model=dynamic",
    "-fsplit-loops", "-fpeel-loops", "-fno-tree-pre", "-fira-region=all",
)  # fmt: skip
OTHER_LEVEL = ("-O3",)
NATIVE = "native"  # this very processor
# The macros by which a compiler tells what vectors a processor has, and Linux' names for them.
VECTOR_SETS = MappingProxyType(
    {
        "__AVX__": "avx",
        "__AVX2__": "avx2",
        "__FMA__": "fma",
        "__AVX512F__": "avx512f",
        "__AVX512BW__": "avx512bw",
        "__AVX512DQ__": "avx512dq",
        "__AVX512VL__": "avx512vl",
        "__ARM_NEON": "asimd",
        "__ARM_FEATURE_SVE": "sve",
    }
)
TIME_LIMIT = 600  # seconds
NAME_LENGTH = 16  # letters of the key that a library is named with


@dataclass(frozen=True)
class Compiler:
    """A C compiler: how to call it, what it calls itself, and its level of optimization."""

    command: tuple[str, ...]
    version: str
    level: tuple[str, ...]


@dataclass(frozen=True)
class Job:
    """A library to build: its source, how to call the compiler, and the library's name in the
    cache."""

    source: Path
    text: str
    command: tuple[str, ...]
    key: str

    @classmethod
    def of(cls, source: Path, defines: tuple[str, ...] = (), march: str = NATIVE) -> "Job":
        compiler = find_compiler()
        text, headers = source.read_text(), sorted(source.parent.glob("*.h"))
        macros = tuple(f"-D{name}" for name in defines)
        flags = (*compiler.level, *march_flags(march), *FLAGS, *macros)
        key = key_of(compiler.version, *flags, processor(), text, *(h.read_text() for h in headers))
        return cls(source, text, (*compiler.command, *flags, "-I", str(source.parent)), key)


def build_library(source: Path, *defines: str, march: str = NATIVE) -> Path:
    """The shared library of a C file, beside it; the file's headers lie beside it too.

    `defines` are macros that make another library of the same text, and `march` is the processor
    that it is for, as the compiler names it. Its name ends in what it was made from: a process that
    has loaded the library of an older text would be given that one again for the same name. It is
    taken from the cache where the same text was built before by the same compiler for the same
    processor. Raises NetError where there is no compiler, or the folder cannot be written.
    """
    job = Job.of(source, defines, march)
    stem = ".".join((source.stem, *map(str.lower, defines)))
    library = source.with_name(f"{stem}.{job.key[:NAME_LENGTH]}.so")
    if library.is_file():
        return library
    module = build(job)
    fresh = library.with_suffix(f".{os.getpid()}.new")
    try:
        fresh.write_bytes(module)
        os.replace(fresh, library)
        for older in set(source.parent.glob(f"{stem}.{'?' * NAME_LENGTH}.so")) - {library}:
            older.unlink(missing_ok=True)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise environment_error(
            "E0713", f"cannot write {library}: {error.strerror}", "choose a folder with --out"
        ) from None
    return library


def build_ahead(source: Path, march: str = NATIVE) -> None:
    """Begin to build, for the cache, what will be asked for soon. Why it cannot be built is told
    then."""
    ignored = suppress(NetError, InternalError, OSError)

    def try_to_build(job: Job) -> None:
        with ignored:
            build(job)

    with ignored:  # the job is found here: a thread hardly gets a turn beside one that computes
        job = Job.of(source, march=march)
        threading.Thread(target=try_to_build, args=(job,), daemon=True).start()


def build_step_ahead(source: Path, march: str = NATIVE) -> None:
    """Of a program's sources the training step, which is asked for first and takes longest."""
    if source.stem == "train":
        build_ahead(source, march)


def build(job: Job) -> bytes:
    """The bytes of the library. Who asks while another one builds it waits, and takes that one."""
    with job.source.open() as file:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX)
        module = look_up(job.key)
        if module is None:
            module = run_compiler(job)
            keep(job.key, module)
    return module


def run_compiler(job: Job) -> bytes:
    """The bytes of the library; a long source is compiled in parts, on as many processors."""
    with tempfile.TemporaryDirectory(prefix="netc-") as name:
        folder = Path(name)
        library = ("-o", str(folder / "library.so"), "-lm", "-lpthread")
        parts = parts_of(job.text, os.cpu_count() or 1)
        paths = [str(folder / f"{number}.c") for number in range(len(parts))]
        for path, text in zip(paths, parts, strict=True):
            Path(path).write_text(text)
        if len(parts) == 1:
            run_all([(*job.command, *paths, *library)], job.source)
        else:
            run_all([(*job.command, "-c", path, "-o", f"{path}.o") for path in paths], job.source)
            run_all([(*job.command, *(f"{path}.o" for path in paths), *library)], job.source)
        return (folder / "library.so").read_bytes()


def run_all(commands: list[tuple[str, ...]], source: Path) -> None:
    """Run these at once; a source that does not compile is our fault, never the user's."""
    running = [
        subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for netc, which may want to finish and save
        )
        for command in commands
    ]
    try:
        for process in running:
            _, errors = process.communicate(timeout=TIME_LIMIT)
            if process.returncode:
                raise InternalError(f"the C compiler rejects {source}:\n{errors[:4000]}")
    except subprocess.TimeoutExpired:
        message = f"{commands[0][0]} took longer than {TIME_LIMIT} s"
        raise environment_error("E0712", message, "try again") from None
    finally:
        for process in running:
            process.kill()
            process.wait()


@cache
def find_compiler() -> Compiler:
    """CC, else cc, gcc or clang, else zig's; raises NetError where there is none."""
    for name in (os.environ.get("CC"), "cc", "gcc", "clang"):
        path = shutil.which(name) if name else None
        if path:
            return described((path,))
    if find_spec("ziglang"):
        return described((sys.executable, "-m", "ziglang", "cc"))
    raise environment_error(
        "E0711",
        "there is no C compiler here",
        "install gcc or clang, or `pip install ziglang`: the sources that are built are complete",
    )


def described(command: tuple[str, ...]) -> Compiler:
    result = subprocess.run((*command, "--version"), capture_output=True, text=True)
    version = result.stdout.partition("\n")[0]
    return Compiler(command, version, OTHER_LEVEL if "clang" in version else GCC_LEVEL)


def march_flags(march: str) -> tuple[str, ...]:
    """The flags for this processor, or for another one by the compiler's name for it."""
    is_arm = platform.machine() in ("aarch64", "arm64")
    option = "-mcpu" if march == NATIVE and is_arm else "-march"
    wide = "avx512f" in instruction_sets(march)
    return (f"{option}={march}", *(("-mprefer-vector-width=512",) if wide else ()))


@cache
def instruction_sets(march: str) -> frozenset[str]:
    """What a processor can do, in the words of Linux: of this one all that it can, of another one
    what vectors it has. Raises NetError E0716 for a name that the compiler does not know."""
    if march == NATIVE:
        return processor_flags()
    command = (*find_compiler().command, f"-march={march}", "-dM", "-E", "-x", "c", os.devnull)
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        known = f"`{' '.join(find_compiler().command)} --help=target` lists those it knows"
        message = f"the C compiler knows no processor `{march}`"
        raise NetError(Diagnostic("E0716", message, helps=(known,)), exit_code=2)
    macros = {line.split()[1] for line in result.stdout.splitlines()}
    return frozenset(name for macro, name in VECTOR_SETS.items() if macro in macros)


def environment_error(code: str, message: str, help_text: str) -> NetError:
    return NetError(Diagnostic(code, message, helps=(help_text,)), exit_code=4)
