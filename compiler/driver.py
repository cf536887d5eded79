"""The whole road: a `.net` file in, a build folder and its Program out.

source -> syntax tree -> traced graphs -> passes -> kernels -> memory -> sources -> program.json
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from netc.compiler.build.cc import environment_error, processor_hertz
from netc.compiler.ir.graph import Graph, Input, Role, Value
from netc.compiler.ir.text import print_graph
from netc.compiler.kernels.memory import plan_persistent
from netc.compiler.kernels.plan import Kernel
from netc.compiler.language.data import DataSpec
from netc.compiler.language.model import Model, load_model
from netc.compiler.language.settings import Settings
from netc.compiler.ops.table import OPS
from netc.compiler.passes.loss_scale import FIRST
from netc.compiler.passes.pipeline import optimize
from netc.compiler.passes.split_reductions import SplitFacts
from netc.compiler.passes.train import add_gradient_outputs, add_training
from netc.compiler.program import (
    DataFacts,
    FunctionFacts,
    Initializer,
    KernelFacts,
    Persistent,
    Program,
    Tensor,
    TrainingFacts,
    to_json,
)
from netc.compiler.targets import cpu, cuda, cuda_launches
from netc.compiler.targets.cpu_tiles import CpuMachine
from netc.compiler.targets.function import Function, make_function
from netc.compiler.targets.machine import (
    USUAL_HERTZ,
    Speed,
    predicted_seconds,
    speed_of,
    this_machine,
)

ARCH = "sm_80"  # whose sizes the CUDA C has in mind; it runs on every GPU
Watch = Callable[[str, str, Graph], None]  # (function, stage, graph)
# What lasts, is no weight and does not start at zero.
STARTS = MappingProxyType({"loss_scale": Initializer("constant", (("value", FIRST),))})
SPLIT = SplitFacts(minimum_tasks=16, minimum_depth=256, tile_rows=32, tile_columns=32)


@dataclass(frozen=True)
class Traced:
    """A graph before the passes, under the name of its function and for its batch."""

    name: str
    batch: int
    graph: Graph


def compile_file(
    path: Path | str,
    *,
    defines: Mapping[str, float] | None = None,
    train: str | None = None,
    out: Path | None = None,
    machine: CpuMachine | None = None,
    watch: Watch = lambda function, stage, graph: None,
) -> tuple[Program, Path]:
    """Compile a `.net` file into its build folder, `build/NAME` where `out` names no other.

    Writes the program, its IR and its sources; builds nothing. `watch` sees each function's graph
    after each pass. Returns the program and its folder; raises NetError.
    """
    model = load_model(path, defines or {}, train)
    graphs = trace(model)
    functions = lay_out(graphs, watch, model.settings.precision)
    folder = out or Path("build") / model.name
    machine = machine or this_machine()
    program = describe(model, functions, graphs, defines or {}, machine)
    write(folder, program, model, functions, machine)
    return program, folder


def trace(model: Model) -> tuple[Traced, ...]:
    """Every function of a program: a training step and its gradients, the evaluation, the nets.

    What is called with any number of samples exists for the batch and for one sample.
    """
    found: list[Traced] = []
    batch = model.settings.batch
    sizes = dict.fromkeys((batch, 1))
    if model.train is not None:
        step = model.trace_step(batch)
        settings = model.settings
        trained = add_training(step.graph, step.objectives, settings.clip, OPS, settings.precision)
        found.append(Traced("train", batch, trained))
        gradients = add_gradient_outputs(step.graph, step.objectives, OPS, settings.precision)
        found.append(Traced("gradients", batch, gradients))
        found += [Traced("evaluate", size, model.trace_evaluation(size)) for size in sizes]
    for net in model.nets:
        found += [Traced(f"run_{net}", size, model.trace_net(net, size)) for size in sizes]
    return tuple(found)


def lay_out(
    graphs: tuple[Traced, ...], watch: Watch, precision: str = "f32"
) -> tuple[Function, ...]:
    """Passes, kernels and memory for each function; what lasts has the same place in all."""
    optimized = []
    for traced in graphs:
        name = symbol(traced)
        graph = optimize(
            traced.graph,
            OPS,
            SPLIT,
            lambda stage, graph, name=name: watch(name, stage, graph),
            precision,
        )
        optimized.append(replace(graph, name=name))
    persistent = plan_persistent(lasting_inputs(graphs))
    return tuple(
        make_function(graph, traced.batch, OPS, persistent)
        for graph, traced in zip(optimized, graphs, strict=True)
    )


def symbol(traced: Traced) -> str:
    """The C function of a traced graph: its name, and its batch where there are several."""
    alone = traced.name in ("train", "gradients")
    return traced.name if alone else f"{traced.name}_{traced.batch}"


def lasting_inputs(graphs: tuple[Traced, ...]) -> tuple[Input, ...]:
    """Every weight, state, moment and counter of the functions, each once, weights first."""
    order = [Role.WEIGHT, Role.STATE, Role.MOMENT, Role.COUNTER]
    found = {
        entry.value.name: entry
        for traced in graphs
        for entry in traced.graph.inputs
        if entry.role is not Role.FIELD
    }
    return tuple(sorted(found.values(), key=lambda entry: order.index(entry.role)))


# --- the program as data ----------------------------------------------------------------------


def describe(
    model: Model,
    functions: tuple[Function, ...],
    graphs: tuple[Traced, ...],
    defines: Mapping[str, float],
    machine: CpuMachine,
) -> Program:
    """What the runtime needs to know of the functions, and what identifies their meaning."""
    speed = speed_of(machine, processor_hertz() or USUAL_HERTZ)
    places = functions[0].memory if functions else None
    lasting = lasting_inputs(graphs)
    buffers = {b.name: b for b in plan_persistent(lasting)}
    starts = {w.name: w for w in model.weights}
    persistent = tuple(
        describe_persistent(entry, buffers[entry.value.name].offset, starts) for entry in lasting
    )
    persistent_bytes = max((b.offset + b.bytes for b in buffers.values()), default=0)
    texts = [print_graph(function.graph) for function in functions]
    settings = model.settings
    return Program(
        name=model.name,
        hash=meaning(texts, persistent, settings, model.data),
        version=version("netc"),
        file=model.source.path,
        folder=str(model.folder.resolve()),
        arena_bytes=max((f.memory.arena_bytes for f in functions), default=0),
        persistent_bytes=persistent_bytes,
        persistent=persistent,
        functions=tuple(
            describe_function(function, traced, speed)
            for function, traced in zip(functions, graphs, strict=True)
        ),
        data=describe_data(model),
        training=describe_training(model, graphs) if places and model.train is not None else None,
        defines=tuple(sorted(defines.items())),
    )


def describe_persistent(entry: Input, offset: int, starts: Mapping) -> Persistent:
    value = entry.value
    weight = starts.get(value.name)
    start = STARTS.get(value.name, Initializer("zeros"))
    if weight:
        given = weight.initializer
        start = Initializer(given.kind, given.parameters, given.fan_in, given.fan_out)
    tensor = Tensor(value.name, value.type.dtype, value.type.shape, offset)
    return Persistent(tensor, entry.role.value, start, weight.line if weight else 0)


def describe_function(function: Function, traced: Traced, speed: Speed) -> FunctionFacts:
    def place(name: str, value: Value) -> Tensor:
        buffer = function.memory.buffer(value.name)
        return Tensor(name, value.type.dtype, value.type.shape, buffer.first)

    inputs = [entry for entry in function.graph.inputs if entry.role is Role.FIELD]
    base = min(
        (b.first for n, b in function.memory.places if is_temporary(function, n)), default=0
    )
    return FunctionFacts(
        name=traced.name,
        batch=traced.batch,
        symbol=function.name,
        fields=tuple(place(entry.value.name, entry.value) for entry in inputs),
        outputs=tuple((o.name, place(o.name, o.value)) for o in function.graph.outputs),
        kernels=tuple(describe_kernel(kernel, speed, place) for kernel in function.kernels),
        copies=tuple(
            (c.source.offset, c.target.offset, c.source.bytes) for c in function.memory.copies
        ),
        temporary_bytes=max(function.memory.arena_bytes - base, 0) if base else 0,
    )


def is_temporary(function: Function, name: str) -> bool:
    entry = function.graph.input(name)
    return entry is None or entry.role is Role.FIELD


def describe_kernel(
    kernel: Kernel, speed: Speed, place: Callable[[str, Value], Tensor]
) -> KernelFacts:
    origin = kernel.group.anchor.origin
    lines = {node.origin.line for node in kernel.group.nodes if node.origin.line}
    return KernelFacts(
        name=kernel.name,
        kind=kernel.group.kind.value,
        path=origin.path,
        phase=origin.phase,
        lines=tuple(sorted(lines)),
        flops=kernel.flops,
        bytes=kernel.bytes,
        seconds=predicted_seconds(kernel, speed),
        reads=tuple(place(value.name, value) for value in kernel.reads),
        writes=tuple(place(value.name, value) for value in kernel.writes),
        terms=kernel.terms,
        times=kernel.times,
        scan=kernel.scan.output.name if kernel.scan else "",
    )


def describe_data(model: Model) -> DataFacts | None:
    if model.data is None:
        return None
    fields = tuple((f.name, f.type.dtype, f.type.shape[1:]) for f in model.data.fields)
    arguments = tuple((name, plain(value)) for name, value in model.data.arguments)
    return DataFacts(model.data.source, arguments, fields, str(model.folder.resolve()))


def plain(value):
    return value if isinstance(value, int | float | bool | str) else str(value)


def describe_training(model: Model, graphs: tuple[Traced, ...]) -> TrainingFacts:
    settings = model.settings
    return TrainingFacts(
        batch=settings.batch,
        epochs=settings.epochs or (0 if settings.steps else 1),
        steps=settings.steps or 0,
        validate=settings.validate,
        seed=settings.seed,
        measures=tuple(o.name for o in graphs[0].graph.outputs if not o.name.startswith("loss")),
    )


def meaning(
    texts: list[str], persistent: tuple[Persistent, ...], settings: Settings, data: DataSpec | None
) -> str:
    """The hash of all that decides the numbers: graphs without their lines (but with the names of
    their values), weights, settings, and where the data comes from."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(
            "\n".join(line.partition("#")[0].rstrip() for line in text.split("\n")).encode()
        )
    for entry in persistent:
        digest.update(repr((entry.tensor, entry.role, entry.initializer)).encode())
    digest.update(repr((settings, data)).encode())
    return digest.hexdigest()[:16]


# --- the build folder -------------------------------------------------------------------------


def write(
    folder: Path,
    program: Program,
    model: Model,
    functions: tuple[Function, ...],
    machine: CpuMachine,
) -> None:
    """program.json, the `.net` text, ir/, c/ and cuda/; NetError (exit 4) where that cannot be."""
    lines = tuple(model.source.text.splitlines())
    texts = {f"{model.name}.net": model.source.text}
    for function in functions:
        texts[f"ir/{function.name}.ir"] = print_graph(function.graph)
        texts[f"ir/{function.name}.memory"] = f"{function.memory}\n"
        texts[f"c/{function.name}.c"] = cpu.render_function(function, machine, lines)
        for place, arch in cuda_forms(model.settings.precision).items():
            texts[f"{place}/{function.name}.cu"] = cuda.render_function(function, arch, lines)
            launches = cuda.launches(function, arch, function.name)
            texts[f"{place}/{function.name}.json"] = cuda_launches.to_json(launches)
    for header in cpu.HEADERS:
        texts[f"c/{Path(header).name}"] = (files("netc.templates") / header).read_text()
    texts["program.json"] = to_json(program)
    try:
        for name, text in texts.items():
            write_text(folder / name, text)
        last = {"folder": str(folder.resolve())}
        write_text(folder.parent / "last.json", json.dumps(last) + "\n")
    except OSError as error:
        raise environment_error(
            "E0713",
            f"cannot write {error.filename or folder}: {error.strerror}",
            "choose another folder with --out",
        ) from None


def cuda_forms(precision: str) -> dict[str, str]:
    """The architectures that CUDA C is written for, by the folders that it goes to: a second one
    where the first uses tensor cores, which not every GPU has."""
    plain = {} if precision == "f32" else {"cuda/sm_75": "sm_75"}
    return {"cuda": ARCH} | plain


def write_text(path: Path, text: str) -> None:
    """Write a file whole, and only where its text changes: what was built from it stays new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file() and path.read_text(errors="replace") == text:
        return
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.write_text(text)
    os.replace(fresh, path)
