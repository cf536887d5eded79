"""Laid out functions in, the Program out: what the runtime needs to know of them, as data."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from types import MappingProxyType

from netc.compiler.build.peaks import Peaks
from netc.compiler.build.processor import processor_hertz
from netc.compiler.functions import ARCH, Traced, lasting_inputs
from netc.compiler.ir.graph import Graph, Input, Role, Value
from netc.compiler.kernels.memory import plan_persistent
from netc.compiler.kernels.plan import Kernel
from netc.compiler.language.data import DataSpec
from netc.compiler.language.model import Model
from netc.compiler.language.settings import Settings
from netc.compiler.passes.loss_scale import FIRST
from netc.compiler.program import (
    DataFacts,
    FunctionFacts,
    Initializer,
    KernelFacts,
    Layout,
    Persistent,
    Program,
    Tensor,
    TrainingFacts,
)
from netc.compiler.targets import cpu, cpu_time, cuda_tiles, machine
from netc.compiler.targets.cpu_tiles import CpuMachine
from netc.compiler.targets.function import Function

# What lasts, is no weight and does not start at zero.
STARTS = MappingProxyType({"loss_scale": Initializer("constant", (("value", FIRST),))})
Predict = Callable[[Kernel], float]  # seconds


def describe(
    model: Model,
    functions: Mapping[str, Sequence[Function]],
    graphs: tuple[Traced, ...],
    defines: Mapping[str, float],
    processor: CpuMachine,
) -> Program:
    """What the runtime needs to know of each target's functions, and what identifies their
    meaning."""
    lasting = lasting_inputs(graphs)
    buffers = {b.name: b for b in plan_persistent(lasting)}
    starts = {w.name: w for w in model.weights}
    persistent = tuple(
        describe_persistent(entry, buffers[entry.value.name].offset, starts) for entry in lasting
    )
    persistent_bytes = max((b.offset + b.bytes for b in buffers.values()), default=0)
    texts = [one.text for made in functions.values() for one in made]
    predict = predictions(processor)
    settings = model.settings
    return Program(
        name=model.name,
        hash=meaning(texts, persistent, settings, model.data),
        version=version("netc"),
        file=model.source.path,
        folder=str(model.folder.resolve()),
        persistent_bytes=persistent_bytes,
        persistent=persistent,
        layouts=tuple(
            describe_layout(target, made, graphs, *predict[target])
            for target, made in functions.items()
        ),
        data=describe_data(model),
        training=describe_training(model, graphs) if model.train is not None else None,
        defines=tuple(sorted(defines.items())),
        march=processor.march,
    )


def predictions(processor: CpuMachine) -> dict[str, tuple[str, Predict]]:
    """The processor that each target has in mind, and what predicts the time of a kernel on it."""
    peaks = cpu_time.peaks_of(processor, processor_hertz() or machine.USUAL_HERTZ)
    device = cuda_tiles.ARCHITECTURES[ARCH]
    return {
        "cpu": ("the cpu", lambda kernel: cpu_seconds(kernel, processor, peaks)),
        "cuda": (device.device, lambda kernel: cuda_tiles.predicted_seconds(kernel, device)),
    }


def cpu_seconds(kernel: Kernel, processor: CpuMachine, peaks: Peaks) -> float:
    return cpu_time.predicted_seconds(kernel, cpu.choose_tile(kernel, processor), peaks, processor)


def describe_layout(
    target: str,
    functions: Sequence[Function],
    graphs: tuple[Traced, ...],
    processor: str,
    predict: Predict,
) -> Layout:
    return Layout(
        target=target,
        arena_bytes=max((f.memory.arena_bytes for f in functions), default=0),
        functions=tuple(
            describe_function(function, traced, predict)
            for function, traced in zip(functions, graphs, strict=True)
        ),
        processor=processor,
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


def describe_function(function: Function, traced: Traced, predict: Predict) -> FunctionFacts:
    def place(name: str, value: Value) -> Tensor:
        buffer = function.memory.buffer(value.name)
        return Tensor(name, value.type.dtype, value.type.shape, buffer.first)

    inputs = [entry for entry in function.graph.inputs if entry.role is Role.FIELD]
    lasting = {e.value.name for e in function.graph.inputs if e.role is not Role.FIELD}
    base = min((b.first for n, b in function.memory.places if n not in lasting), default=0)
    return FunctionFacts(
        name=traced.name,
        batch=traced.batch,
        symbol=function.name,
        fields=tuple(place(entry.value.name, entry.value) for entry in inputs),
        outputs=tuple((o.name, place(o.name, o.value)) for o in function.graph.outputs),
        kernels=tuple(describe_kernel(kernel, predict, place) for kernel in function.kernels),
        copies=tuple(
            (c.source.offset, c.target.offset, c.source.bytes) for c in function.memory.copies
        ),
        temporary_bytes=max(function.memory.arena_bytes - base, 0) if base else 0,
        tallied=tallied(function.graph),
    )


def tallied(graph: Graph) -> tuple[str, ...]:
    """The outputs that depend on a tally."""
    reached = {entry.value.name for entry in graph.inputs if entry.role is Role.TALLY}
    for node in graph.nodes:
        if any(value.name in reached for value in node.inputs):
            reached |= {value.name for value in node.outputs}
    return tuple(output.name for output in graph.outputs if output.value.name in reached)


def describe_kernel(
    kernel: Kernel, predict: Predict, place: Callable[[str, Value], Tensor]
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
        seconds=predict(kernel),
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
        accumulate=settings.accumulate,
        patience=settings.stop_patience or 0,
        block=model.train_name or "",
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
