"""A folder comes in; a build folder with a small hand-made program for `blobs` goes out."""

from dataclasses import replace
from pathlib import Path

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Output, Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ir.text import print_graph
from netc.compiler.kernels.memory import plan_persistent
from netc.compiler.ops.table import OPS
from netc.compiler.passes.train import Objective, add_gradient_outputs, add_training
from netc.compiler.program import (
    DataFacts,
    FunctionFacts,
    Initializer,
    Persistent,
    Program,
    Tensor,
    TrainingFacts,
    to_json,
)
from netc.compiler.schedules import Rate
from netc.compiler.targets.cpu import HEADERS, render_function
from netc.compiler.targets.cpu_tiles import CpuMachine
from netc.compiler.targets.function import make_function

FEATURES, CLASSES, BATCH = 4, 3, 16
WEIGHTS = {
    "small.dense_1.kernel": (FEATURES, 8),
    "small.dense_1.bias": (8,),
    "small.dense_2.kernel": (8, CLASSES),
    "small.dense_2.bias": (CLASSES,),
}
MACHINE = CpuMachine("any", 16, 16)


def small_program(folder: Path, rate: float = 0.01, epochs: int = 3, source="blobs") -> Program:
    """Two dense layers on blobs, trained by Adam; fields `x` and `label`."""
    functions = [training(BATCH, rate), gradients(BATCH)]
    functions += [evaluation(batch) for batch in (BATCH, 1)] + [output(b) for b in (BATCH, 1)]
    inputs = {}
    for graph, _, _ in functions:
        for entry in graph.inputs:
            if entry.role is not Role.FIELD:
                inputs.setdefault(entry.value.name, entry)
    places = plan_persistent(tuple(inputs.values()))
    offsets = {place.name: place.offset for place in places}
    facts, arena = [], 0
    (folder / "c").mkdir(parents=True)
    (folder / "ir").mkdir()
    for graph, name, batch in functions:
        made = make_function(graph, batch, OPS, places)
        arena = max(arena, made.memory.arena_bytes)
        (folder / "c" / f"{graph.name}.c").write_text(render_function(made, MACHINE, ("",) * 9))
        (folder / "ir" / f"{graph.name}.ir").write_text(print_graph(graph))
        facts.append(function_facts(made, name, batch))
    root = Path(__file__).parents[1] / "templates"
    for header in HEADERS:
        (folder / "c" / Path(header).name).write_text((root / header).read_text())
    program = Program(
        name="small", hash=f"small-{rate}", version="0.1.0", file="small.net", folder=str(folder),
        arena_bytes=arena, persistent_bytes=places[-1].offset + 256,
        persistent=tuple(persistent(entry, offsets) for entry in inputs.values()),
        functions=tuple(facts),
        data=DataFacts(
            source, (("count", 200), ("features", FEATURES), ("classes", CLASSES), ("seed", 0))
            if source == "blobs" else (),
            (("x", "f32", (FEATURES,)), ("label", "i32", ())), str(folder),
        ),
        training=TrainingFacts(BATCH, epochs, 0, 0.2, 1, ("accuracy",)),
    )  # fmt: skip
    (folder / "program.json").write_text(to_json(program))
    (folder / "small.net").write_text("# two dense layers on blobs\n")
    return program


def persistent(entry, offsets) -> Persistent:
    value = entry.value
    tensor = Tensor(value.name, value.type.dtype, value.type.shape, offsets[value.name])
    is_kernel = entry.role is Role.WEIGHT and value.name.endswith("kernel")
    fans = value.type.shape if is_kernel else (1, 1)
    kind = "glorot_uniform" if is_kernel else "zeros"
    return Persistent(tensor, entry.role.value, Initializer(kind, (), *fans))


def function_facts(made, name, batch) -> FunctionFacts:
    def placed(label, value):
        offset = made.memory.buffer(value.name).offset
        return Tensor(label, value.type.dtype, value.type.shape, offset)

    fields = (entry.value for entry in made.graph.inputs if entry.role is Role.FIELD)
    return FunctionFacts(
        name, batch, made.name, tuple(placed(field.name, field) for field in fields),
        tuple((one.name, placed(one.name, one.value)) for one in made.graph.outputs),
        (), (), 0,
    )  # fmt: skip


def network(build: Builder, batch: int):
    """The logits, and the weights in order."""
    x = build.input("x", TensorType("f32", (batch, FEATURES)), Role.FIELD)
    weights = tuple(
        build.input(name, TensorType("f32", shape), Role.WEIGHT) for name, shape in WEIGHTS.items()
    )
    first, first_bias, second, second_bias = weights
    hidden = build.tanh(build.add(build.matmul(x, first), first_bias))
    return build.add(build.matmul(hidden, second), second_bias), weights


def loss_graph(batch: int, name: str):
    """Cross entropy and accuracy: the graph, the loss, the weights."""
    build = Builder(OPS)
    logits, weights = network(build, batch)
    label = build.input("label", TensorType("i32", (batch,)), Role.FIELD)
    highest = build.stop_gradient(build.max(logits, axes=(1,)))
    shifted = build.subtract(logits, build.reshape(highest, shape=(batch, 1)))
    log_sum = build.log(build.sum(build.exp(shifted), axes=(1,)))
    places = build.iota(axis=1, shape=(batch, CLASSES))
    chosen = build.equal(places, build.reshape(label, shape=(batch, 1)))
    picked = build.sum(build.where(chosen, shifted, 0.0), axes=(1,))
    loss = build.divide(build.sum(build.subtract(log_sum, picked), axes=(0,)), float(batch))
    hits = build.cast(build.equal(build.argmax(logits, axes=(1,)), label), dtype="f32")
    accuracy = build.divide(build.sum(hits, axes=(0,)), float(batch))
    return build.graph(name, (Output("loss", loss), Output("accuracy", accuracy))), loss, weights


def objective(loss, weights, rate: float) -> Objective:
    return Objective(loss, "adam", (), Rate("constant", (("rate", rate),)), weights)


def training(batch: int, rate: float):
    graph, loss, weights = loss_graph(batch, "train")
    return add_training(graph, (objective(loss, weights, rate),), None, OPS), "train", batch


def gradients(batch: int):
    graph, loss, weights = loss_graph(batch, "gradients")
    objectives = (objective(loss, weights, 0.1),)
    return add_gradient_outputs(graph, objectives, OPS), "gradients", batch


def evaluation(batch: int):
    return loss_graph(batch, f"evaluate_{batch}")[0], "evaluate", batch


def output(batch: int):
    build = Builder(OPS)
    logits, _ = network(build, batch)
    return build.graph(f"run_small_{batch}", (Output("output", logits),)), "run_small", batch


def with_source(program: Program, source: str) -> Program:
    return replace(program, data=replace(program.data, source=source, arguments=()))
