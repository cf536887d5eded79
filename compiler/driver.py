"""The whole road: a `.net` file in, a build folder and its Program out.

source -> syntax tree -> traced graphs -> passes -> kernels -> memory -> sources -> program.json
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from netc.compiler.build.cc import NATIVE, environment_error
from netc.compiler.collector import without_collector
from netc.compiler.describe import describe
from netc.compiler.diagnostics import Diagnostic, Source
from netc.compiler.functions import ARCH, Given, Watch, laid_out, trace, trace_for
from netc.compiler.language.model import Model, load_model
from netc.compiler.program import TARGETS, Program, to_json
from netc.compiler.targets import cpu, cuda
from netc.compiler.targets.cpu_tiles import CpuMachine
from netc.compiler.targets.function import Function
from netc.compiler.targets.machine import machine_of
from netc.compiler.targets.tuned import with_tuned_shapes


def compile_file(
    path: Path | str | Source,
    *,
    defines: Mapping[str, float] | None = None,
    train: str | None = None,
    out: Path | None = None,
    machine: CpuMachine | None = None,
    watch: Watch = lambda function, stage, graph: None,
    given: Given | None = None,
    warn: Callable[[Diagnostic], None] = lambda warning: None,
    ready: Callable[[Path], None] | None = None,
    march: str = NATIVE,
) -> tuple[Program, Path]:
    """Compile a `.net` file into its build folder, `build/NAME` where `out` names no other.

    Writes the program, its IR and its sources; builds nothing. `watch` sees each function's graph
    after each pass, `ready` each C source as soon as it can be built, while the rest is compiled.
    `march` is the processor that C is for, by the C compiler's name. With `given` there is only
    what runs on inputs of those sizes. Returns the program and its folder; raises NetError.
    """
    with without_collector():
        model = load_model(path, defines or {}, train)
        for warning in model.warnings:
            warn(warning)
        folder = out or Path("build") / model.name
        machine = machine or with_tuned_shapes(machine_of(march), Path(model.source.path))
        graphs = trace_for(model, given) if given else trace(model)
        functions: dict[str, list[Function]] = {target: [] for target in TARGETS}
        with writing(folder):
            write_all(folder, shared_texts(model))
            for target, function in laid_out(graphs, watch, model.settings):
                functions[target].append(function)
                write_all(folder, texts(target, function, model, machine))
                if ready and target == "cpu":
                    ready(folder / source_of(function))
            program = describe(model, functions, graphs, defines or {}, machine)
            write_text(folder / "program.json", to_json(program))
            last = {"folder": str(folder.resolve())}
            write_text(folder.parent / "last.json", json.dumps(last) + "\n")
    return program, folder


def shared_texts(model: Model) -> Iterator[tuple[str, str]]:
    """The files that are there once, by their places in the build folder."""
    yield f"{model.name}.net", model.source.text
    for header in cpu.HEADERS:
        yield f"c/{Path(header).name}", (files("netc.templates") / header).read_text()


def texts(
    target: str, function: Function, model: Model, machine: CpuMachine
) -> Iterator[tuple[str, str]]:
    """The files of a target's function by their places in the build folder."""
    lines = tuple(model.source.text.splitlines())
    if target == "cpu":
        yield source_of(function), cpu.render_function(function, machine, lines)
    else:
        for place, arch in cuda_forms(model.settings.precision).items():
            made = cuda.build_files(function, arch, function.name, lines, place)
            yield from made.items()
    stem = f"{TARGETS[target]}/{function.name}"
    yield f"{stem}.ir", function.text
    yield f"{stem}.memory", f"{function.memory}\n"


def source_of(function: Function) -> str:
    return f"c/{function.name}.c"


def cuda_forms(precision: str) -> dict[str, str]:
    """The architectures that CUDA C is written for, by the folders that it goes to: more than one
    where it uses tensor cores, which are not those of every GPU."""
    others = () if precision == "f32" else ("sm_75", "sm_90a")
    return {"cuda": ARCH} | {f"cuda/{arch}": arch for arch in others}


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """A build folder that cannot be written is an error of the machine, exit 4."""
    try:
        yield
    except OSError as error:
        raise environment_error(
            "E0713",
            f"cannot write {error.filename or folder}: {error.strerror}",
            "choose another folder with --out",
        ) from None


def write_all(folder: Path, named: Iterator[tuple[str, str]]) -> None:
    for name, text in named:
        write_text(folder / name, text)


def write_text(path: Path, text: str) -> None:
    """Write a file whole, and only where its text changes: what was built from it stays new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file() and path.read_text(errors="replace") == text:
        return
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.write_text(text)
    os.replace(fresh, path)
