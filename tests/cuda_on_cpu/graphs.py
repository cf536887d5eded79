"""Graphs whose kernels are of every family and of awkward sizes, for tests of the cuda target."""

from collections.abc import Callable

import numpy as np

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Graph, Origin, Output, Role, Update, Value
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.table import OPS
from netc.compiler.passes.train import Objective, add_training
from netc.compiler.schedules import Rate

PLAIN = {"stride": (1, 1), "pad": ((0, 0), (0, 0)), "dilation": (1, 1)}
PADDED = PLAIN | {"pad": ((1, 1), (1, 1))}


def f32(*shape: int) -> TensorType:
    return TensorType("f32", shape)


def i32(*shape: int) -> TensorType:
    return TensorType("i32", shape)


def arrays_for(graph: Graph, seed: int = 7) -> dict[str, np.ndarray]:
    """Numbers for every input: floats around zero, labels below 5, pictures of bytes."""
    random = np.random.default_rng(seed)
    most = {"i32": 5, "u8": 256, "bool": 2}
    return {
        entry.value.name: random.normal(size=entry.value.type.shape).astype(np.float32) * 0.5
        if entry.value.type.is_float
        else random.integers(0, most[entry.value.type.dtype], entry.value.type.shape)
        for entry in graph.inputs
    }


def one(kind: TensorType, make: Callable[[Builder, Value], Value]) -> Graph:
    """The graph of a function of one tensor."""
    build = Builder(OPS)
    x = build.input("x", kind, Role.FIELD)
    return build.graph("one", (Output("y", make(build, x)),))


def every_op(cases) -> tuple[Graph, dict[str, np.ndarray]]:
    """Every case that only has dtypes of the targets, side by side in one graph, and its inputs."""
    build, outputs, arrays = Builder(OPS), [], {}
    for case in cases:
        if "f16" in (*case.attributes.values(), *(kind.dtype for kind in case.operands)):
            continue
        values = tuple(
            build.input(f"x{len(build.inputs)}", kind, Role.STATE) for kind in case.operands
        )
        arrays |= {v.name: array for v, array in zip(values, case.arrays(), strict=True)}
        result = build.apply(case.op, *values, **case.attributes)
        outputs.append(Output(f"{len(outputs)}_{case}", result))
    return build.graph("every_op", tuple(outputs)), arrays


def fold(name: str, shape: tuple[int, ...], axes: tuple[int, ...], dtype: str = "f32") -> Graph:
    return one(TensorType(dtype, shape), lambda build, x: build.apply(name, x, axes=axes))


def softmax(rows: int, columns: int) -> Graph:
    def make(build: Builder, x: Value) -> Value:
        top = build.reshape(build.max(x, axes=(1,)), shape=(rows, 1))
        e = build.exp(build.subtract(x, top))
        return build.divide(e, build.reshape(build.sum(e, axes=(1,)), shape=(rows, 1)))

    return one(f32(rows, columns), make)


def layer_norm(rows: int, columns: int) -> Graph:
    def make(build: Builder, x: Value) -> Value:
        count = float(columns)
        mean = build.reshape(build.divide(build.sum(x, axes=(1,)), count), shape=(rows, 1))
        off = build.subtract(x, mean)
        variance = build.divide(build.sum(build.multiply(off, off), axes=(1,)), count)
        scale = build.rsqrt(build.add(build.reshape(variance, shape=(rows, 1)), 1e-5))
        return build.multiply(off, scale)

    return one(f32(rows, columns), make)


def maps(rows: int, columns: int) -> Graph:
    """Elements of every kind, read at their own place, from a row, a column, a part and beyond."""
    build = Builder(OPS)
    x = build.input("x", f32(rows, columns), Role.FIELD)
    row = build.input("row", f32(columns), Role.WEIGHT)
    column = build.input("column", f32(rows, 1), Role.WEIGHT)
    whole = build.input("whole", i32(rows, columns), Role.FIELD)
    starts = (rows // 2, columns // 8 * 4)
    outputs = {
        "near": build.add(build.multiply(x, row), column),
        "is greater": build.greater(x, row),
        "whole": build.add(whole, 3),
        "part": build.negate(build.slice(x, starts=starts, stops=(rows, columns), steps=(1, 1))),
        "beyond": build.add(build.pad(x, low=(1, 4), high=(0, 0), value=7.0), 1.0),
        "turned": build.tanh(build.transpose(x, axes=(1, 0))),
    }
    return build.graph("maps", tuple(Output(name, value) for name, value in outputs.items()))


def matmul(*sizes: int, batch: tuple[int, ...] = (), transposed: bool = False) -> Graph:
    """relu(a @ b + c) where sizes are rows, depth, columns; a user may call a weight `k`, too."""
    rows, depth, columns = sizes
    build = Builder(OPS)
    last = (*range(len(batch)), len(batch) + 1, len(batch))
    a = build.input("x", f32(*batch, *((depth, rows) if transposed else (rows, depth))), Role.STATE)
    b = build.input(
        "k", f32(*batch, *((columns, depth) if transposed else (depth, columns))), Role.WEIGHT
    )
    c = build.input("left", f32(columns), Role.WEIGHT)
    if transposed:
        a, b = build.transpose(a, axes=last), build.transpose(b, axes=last)
    y = build.relu(build.add(build.matmul(a, b), c))
    return build.graph("matmul", (Output("y", y),))


def named(names: list[str]) -> Graph:
    """Rows of inputs with these names go through a map, a row, a column and a matrix product."""
    build = Builder(OPS)
    inputs = [build.input(name, f32(6, 6), Role.WEIGHT) for name in names]
    total = inputs[0]
    for value in inputs[1:]:
        total = build.relu(build.add(total, build.exp(value)))
    rows, columns = build.sum(inputs[0], axes=(1,)), build.sum(inputs[1], axes=(0,))
    product = build.matmul(inputs[2], inputs[3])
    for value in inputs:
        product = build.add(product, build.multiply(value, build.add(rows, columns)))
    return build.graph("named", (Output("total", total), Output("product", product)))


def classifier() -> Graph:
    """A dense layer and softmax on five samples of three numbers: a short source to read."""
    build = Builder(OPS)
    x = build.input("x", f32(5, 3), Role.FIELD)
    kernel = build.input("dense.kernel", f32(3, 4), Role.WEIGHT)
    bias = build.input("dense.bias", f32(4), Role.WEIGHT)
    with build.at(Origin(2, "net.dense")):
        logits = build.add(build.matmul(x, kernel), bias)
    with build.at(Origin(3, "net.softmax")):
        top = build.reshape(build.max(logits, axes=(1,)), shape=(5, 1))
        e = build.exp(build.subtract(logits, top))
        p = build.divide(e, build.reshape(build.sum(e, axes=(1,)), shape=(5, 1)))
        mean = build.divide(build.sum(p, axes=(0, 1)), 20.0)
    return build.graph("run_net_5", (Output("p", p), Output("mean", mean)))


def random_numbers(count: int) -> Graph:
    """Uniform and normal numbers of a step, and the dropout of a tensor."""
    build = Builder(OPS)
    x = build.input("x", f32(count), Role.FIELD)
    seed = build.input("seed", i32(), Role.COUNTER)
    step = build.input("step", i32(), Role.COUNTER)
    u = build.random_uniform(seed, step, stream=3, shape=(count,))
    v = build.random_normal(seed, step, stream=4, shape=(count,))
    kept = build.where(build.less(u, 0.5), build.multiply(x, 2.0), 0.0)
    outputs = (Output("uniform", u), Output("normal", v), Output("dropout", kept))
    return build.graph("random", outputs, (Update(step, build.add(step, 1)),))


def classifier_loss(build: Builder, logits: Value, label: Value) -> tuple[Value, Value]:
    """Cross-entropy and accuracy, averaged over the batch."""
    batch, classes = logits.type.shape
    top = build.stop_gradient(build.max(logits, axes=(1,)))
    off = build.subtract(logits, build.reshape(top, shape=(batch, 1)))
    total = build.log(build.sum(build.exp(off), axes=(1,)))
    is_label = build.equal(
        build.iota(axis=1, shape=(batch, classes)), build.reshape(label, shape=(batch, 1))
    )
    picked = build.sum(build.where(is_label, off, 0.0), axes=(1,))
    loss = build.divide(build.sum(build.subtract(total, picked), axes=(0,)), float(batch))
    right = build.cast(build.equal(build.argmax(logits, axes=(1,)), label), dtype="f32")
    return loss, build.divide(build.sum(right, axes=(0,)), float(batch))


def trained(build: Builder, loss: Value, measures: tuple[Output, ...], updates=()) -> Graph:
    """A step of adam on every weight."""
    forward = build.graph("train", (Output("loss", loss), *measures), updates)
    weights = tuple(entry.value for entry in forward.inputs if entry.role is Role.WEIGHT)
    rate = Rate("constant", (("rate", 1e-3),))
    return add_training(forward, (Objective(loss, "adam", (), rate, weights),), None, OPS)


def mnist(batch: int, size: int = 28, filters: int = 32, hidden: int = 128) -> Graph:
    """A training step of the small convolutional net that everybody starts with."""
    build, rest = Builder(OPS), (size - 2) // 2
    image = build.input("image", TensorType("u8", (batch, size, size, 1)), Role.FIELD)
    label = build.input("label", i32(batch), Role.FIELD)

    def weight(name: str, *shape: int) -> Value:
        return build.input(name, f32(*shape), Role.WEIGHT)

    x = build.divide(build.cast(image, dtype="f32"), 255.0)
    x = build.conv2d(x, weight("conv.kernel", 3, 3, 1, filters), **PLAIN)
    x = build.relu(build.add(x, weight("conv.bias", filters)))
    halves = PLAIN | {"stride": (2, 2)}
    windows = build.windows(x, size=(2, 2), fill=-float("inf"), **halves)
    x = build.reshape(build.max(windows, axes=(3, 4)), shape=(batch, rest * rest * filters))
    x = build.matmul(x, weight("dense_1.kernel", rest * rest * filters, hidden))
    x = build.relu(build.add(x, weight("dense_1.bias", hidden)))
    x = build.add(build.matmul(x, weight("dense_2.kernel", hidden, 10)), weight("dense_2.bias", 10))
    loss, accuracy = classifier_loss(build, x, label)
    return trained(build, loss, (Output("accuracy", accuracy),))


def residual(batch: int, size: int, channels: int) -> Graph:
    """A training step of a residual block with batch norm, whose running mean is a state."""
    build = Builder(OPS)
    x = build.input("x", f32(batch, size, size, channels), Role.FIELD)
    label = build.input("label", i32(batch), Role.FIELD)
    mean_kept = build.input("norm.mean", f32(channels), Role.STATE)
    kernel = build.input("conv.kernel", f32(3, 3, channels, channels), Role.WEIGHT)
    scale = build.input("norm.scale", f32(channels), Role.WEIGHT)
    bias = build.input("norm.bias", f32(channels), Role.WEIGHT)
    count = float(batch * size * size)
    y = build.conv2d(x, kernel, **PADDED)
    mean = build.divide(build.sum(y, axes=(0, 1, 2)), count)
    off = build.subtract(y, mean)
    variance = build.divide(build.sum(build.multiply(off, off), axes=(0, 1, 2)), count)
    y = build.multiply(off, build.multiply(scale, build.rsqrt(build.add(variance, 1e-5))))
    y = build.relu(build.add(build.add(y, bias), x))
    logits = build.divide(build.sum(y, axes=(1, 2)), float(size * size))
    loss, accuracy = classifier_loss(build, logits, label)
    kept = build.add(build.multiply(mean_kept, 0.9), build.multiply(mean, 0.1))
    return trained(build, loss, (Output("accuracy", accuracy),), (Update(mean_kept, kept),))


def scatter(count: int, rows: int, columns: int) -> Graph:
    """So many rows of values, added to the rows that they name."""
    build = Builder(OPS)
    indices = build.input("indices", i32(count), Role.STATE)
    values = build.input("values", f32(count, columns), Role.STATE)
    return build.graph("scatter", (Output("y", build.scatter_rows(indices, values, rows=rows)),))


def move(count: int, rows: int, columns: int) -> Graph:
    """A table whose rows move by those that name them."""
    build = Builder(OPS)
    kinds = {"table": f32(rows, columns), "room": f32(rows, columns), "indices": i32(count)}
    kinds |= {"values": f32(count, columns), "rate": f32()}
    inputs = [build.input(name, kind, Role.STATE) for name, kind in kinds.items()]
    return build.graph("move", (Output("y", build.move_rows(*inputs)),))
