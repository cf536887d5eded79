"""Runs a graph in NumPy, op by op: arrays in, arrays out. Slow, and the meaning of every target."""

from collections.abc import Callable, Iterable, Mapping
from math import prod

import numpy as np

from netc.compiler.ir.graph import Graph, Node, Value
from netc.compiler.ir.scan import Scan
from netc.compiler.ops import philox
from netc.compiler.ops.arrays import ARRAYS, SINGLE
from netc.compiler.ops.arrays import Arrays as Dtypes
from netc.compiler.ops.precision import rounded
from netc.compiler.ops.table import OPS
from netc.compiler.scalar.expression import (
    Apply,
    Attend,
    Constant,
    Contraction,
    Expression,
    Load,
    LoadRow,
    Local,
    Move,
    Position,
    Scatter,
    Select,
    Within,
)
from netc.compiler.scalar.index import Index, linear, loop

Arrays = Mapping[str, np.ndarray]
Made = Callable[[Value, np.ndarray], np.ndarray]


def interpret(graph: Graph, values: Arrays) -> dict[str, np.ndarray]:
    """Every output by its own name, and every update by the name of its target.

    `values` has an array for each input, by name. Floats are computed in double precision whatever
    their dtype says; i32 wraps around as in C. ValueError where an input is missing or misshapen.
    """
    known = {entry.value.name: _given(entry.value, values) for entry in graph.inputs}
    known |= run_nodes(graph.nodes, known)
    results = {output.name: output.value for output in graph.outputs}
    results |= {update.target.name: update.value for update in graph.updates}
    return {name: np.array(known[value.name]) for name, value in results.items()}


def run_nodes(
    nodes: Iterable[Node],
    values: Arrays,
    made: Made = lambda value, array: array,
    arrays: Dtypes = ARRAYS,
) -> dict[str, np.ndarray]:
    """Every value that the nodes make, by name, in double precision as of `interpret`.

    `values` has what they read of others. What `made` returns for a value is what readers see.
    `arrays` says how each dtype is held.
    """
    known = {name: _held(array, arrays) for name, array in values.items()}
    with np.errstate(all="ignore"):
        for node in nodes:
            known |= _run(node, known, made, arrays)
    return {name: array for name, array in known.items() if name not in values}


def run_in_single(nodes: Iterable[Node], values: Arrays) -> dict[str, np.ndarray]:
    """The same in single precision: NumPy's, whose sums over leading axes go row by row."""
    return run_nodes(nodes, values, arrays=SINGLE)


def first_step(node: Node, values: Arrays) -> dict[str, np.ndarray]:
    """What the region of a scan is given in its first step, by the names of its parameters."""
    scan, row = Scan.of(node), next(Scan.of(node).order())
    operands = [np.asarray(values[value.name]) for value in node.inputs]
    known = zip((value.name for value in node.region.parameters), operands, strict=True)
    return dict(known) | {one.name: operands[i][row] for i, one in enumerate(scan.rows)}


def evaluate_elements(node: Node, inputs: tuple[np.ndarray, ...]) -> np.ndarray:
    """The node's output from its element expression or its contraction, one element at a time.

    It shows what a kernel of the node would compute; only for tiny shapes. IndexError where a load
    that is evaluated lies outside of its tensor.
    """
    arrays = {
        value.name: np.ascontiguousarray(array).reshape(-1)
        for value, array in zip(node.inputs, inputs, strict=True)
    }
    op, kind = OPS[node.op], node.output.type
    with np.errstate(all="ignore"):
        if op.contraction is not None:
            flat = _contract(op.contraction(node, _read), arrays)
            return flat.reshape(kind.shape)
        if op.attend is not None:
            return _attend(op.attend(node, _read), arrays).reshape(kind.shape)
        if op.scatter is not None:
            return _scatter(op.scatter(node, _read), arrays).reshape(kind.shape)
        index = tuple(loop(f"i{axis}", size) for axis, size in enumerate(kind.shape))
        expression = op.element(node, _read, index)
        output = np.empty(kind.shape, ARRAYS[kind.dtype])
        for place in np.ndindex(kind.shape):
            loops = {f"i{axis}": number for axis, number in enumerate(place)}
            output[place] = _number(expression, arrays, loops)
    return output


def _given(value: Value, values: Arrays) -> np.ndarray:
    if value.name not in values:
        raise ValueError(f"the input {value} was not given")
    array = np.asarray(values[value.name], ARRAYS[value.type.dtype])
    if array.shape != value.type.shape:
        raise ValueError(f"the input {value} was given an array of shape {list(array.shape)}")
    return array


def _held(array: np.ndarray, arrays: Dtypes) -> np.ndarray:
    return np.asarray(array, arrays["f32"]) if array.dtype.kind == "f" else array


def _run(node: Node, known: Arrays, made: Made, arrays: Dtypes) -> dict[str, np.ndarray]:
    """The values that a node makes, by name."""
    inputs = [known[value.name] for value in node.inputs]
    if node.region is not None:
        return _run_scan(node, inputs, made, arrays)
    results = OPS[node.op].reference(*inputs, **node.named)
    results = results if isinstance(results, tuple) else (results,)
    return {
        value.name: made(value, np.asarray(result, arrays[value.type.dtype]))
        for value, result in zip(node.outputs, results, strict=True)
    }


def _run_scan(
    node: Node, inputs: list[np.ndarray], made: Made, arrays: Dtypes
) -> dict[str, np.ndarray]:
    """The stacked results of a region that runs step by step."""
    scan = Scan.of(node)
    known = dict(zip((value.name for value in node.region.parameters), inputs, strict=True))
    stacks = [np.empty(value.type.shape, arrays[value.type.dtype]) for value in node.outputs]
    for row in scan.order():
        known |= {one.name: inputs[i][row] for i, one in enumerate(scan.rows)}
        made_now = known | run_nodes(node.region.nodes, known, made, arrays)
        for stack, result in zip(stacks, node.region.results, strict=True):
            stack[row] = made_now[result.name]
        for parameter, result in zip(scan.carried, scan.carries, strict=True):
            known[parameter.name] = made_now[result.name]
    return {value.name: stack for value, stack in zip(node.outputs, stacks, strict=True)}


def _read(value: Value, index: tuple[Index, ...]) -> Load:
    return Load(value, linear(index, value.type.shape))


def _contract(contraction: Contraction, arrays: Arrays) -> np.ndarray:
    """out[b, m, n], each a plain sum over k."""
    sizes = (contraction.batch, contraction.rows, contraction.columns, contraction.depth)
    b, m, n, k = (loop(name, size) for name, size in zip("bmnk", sizes, strict=True))
    left, right = contraction.left(b, m, k), contraction.right(b, k, n)
    output = np.zeros(sizes[:3])
    for place in np.ndindex(sizes):
        loops = dict(zip("bmnk", place, strict=True))
        factors = (_number(side, arrays, loops) for side in (left, right))
        output[place[:3]] += prod(rounded(factor, contraction.precision) for factor in factors)
    return output


def _scatter(scatter: Scatter, arrays: Arrays) -> np.ndarray:
    """out[row, c], items added one by one."""
    k, c = loop("k", scatter.count), loop("c", scatter.columns)
    row, value = scatter.row(k), scatter.value(k, c)
    output = np.zeros((scatter.rows, scatter.columns))
    named = set()
    for item in range(scatter.count):
        place = _number(row, arrays, {"k": item})
        if 0 <= place < scatter.rows:
            named.add(place)
            for column in range(scatter.columns):
                output[place, column] += _number(value, arrays, {"k": item, "c": column})
    return _moved(scatter.move, arrays, output, sorted(named)) if scatter.move else output


def _moved(move: Move, arrays: Arrays, sums: np.ndarray, named: list[int]) -> np.ndarray:
    table, room = (arrays[value.name].reshape(sums.shape) for value in (move.table, move.room))
    moved = table.copy()
    moved[named] -= _number(move.rate, arrays, {}) * (room + sums)[named]
    return moved


def _attend(sums: Attend, arrays: Arrays) -> np.ndarray:
    """What the form asks for, from the operands at every place of their loops."""
    extents = {variable.name: variable.extent for variable in sums.variables}
    axes = {"query": "bmk", "key": "bnk", "value": "bnj", "upstream": "bmj", "log_sum": "bm",
            "delta": "bm", "mask": "bmn"}  # fmt: skip
    read = {}
    for name, expression in sums.operands.items():
        read[name] = np.empty([extents[axis] for axis in axes[name]])
        for place in np.ndindex(read[name].shape):
            loops = dict(zip(axes[name], place, strict=True))
            read[name][place] = _number(expression, arrays, loops)
    score = np.einsum("bmk,bnk->bmn", read["query"], read["key"]) / np.sqrt(sums.depth)
    seen = np.array(read.get("mask", np.ones(score.shape)), bool)
    if sums.causal:
        seen &= np.tri(sums.queries, sums.keys, dtype=bool)
    if sums.form == "forward":
        shares = np.where(seen, np.exp(score), 0)
        total = shares.sum(axis=2, keepdims=True)
        total[total == 0] = 1
        return np.concatenate((shares / total @ read["value"], np.log(total)), axis=2)
    shares = np.where(seen, np.exp(score - read["log_sum"][:, :, None]), 0)
    slopes = np.einsum("bmj,bnj->bmn", read["upstream"], read["value"]) - read["delta"][:, :, None]
    slopes *= shares / np.sqrt(sums.depth)
    if sums.form == "query":
        return np.einsum("bmn,bnk->bmk", slopes, read["key"])
    parts = (("bmn,bmk->bnk", slopes, read["query"]), ("bmn,bmj->bnj", shares, read["upstream"]))
    return np.concatenate([np.einsum(*one) for one in parts], axis=2)


def _number(expression: Expression, arrays: Arrays, loops: dict[str, int]):
    """The expression where the loop variables have these values."""
    match expression:
        case Constant(value, dtype):
            return ARRAYS[dtype](value)
        case Position(index):
            return np.int32(index.evaluate(loops))
        case Load(value, index):
            position = index.evaluate(loops)
            if not 0 <= position < value.type.count:
                raise IndexError(f"{value} is read at {position}")
            return arrays[value.name][position]
        case LoadRow(value, row, rows, columns, column):
            place = _number(row, arrays, loops)
            position = place * columns + column.evaluate(loops)
            zero = ARRAYS[value.type.dtype](0)
            return arrays[value.name][position] if 0 <= place < rows else zero
        case Select(conditions, inside, outside):
            chosen = all(_holds(condition, loops) for condition in conditions)
            return _number(inside if chosen else outside, arrays, loops)
        case Apply(function, arguments, dtype):
            numbers = (_number(argument, arrays, loops) for argument in arguments)
            return _function(function, dtype)(*numbers)
        case Local(name):
            raise ValueError(f"{name} is declared by a template and has no value here")


def _holds(condition: Within, loops: dict[str, int]) -> bool:
    return condition.low <= condition.index.evaluate(loops) < condition.high


def _function(name: str, dtype: str) -> Callable[..., np.ndarray]:
    """The meaning of an Apply on scalars."""
    if name in ("random_uniform", "random_normal"):
        return philox.uniform if name == "random_uniform" else philox.normal
    attributes = {"dtype": dtype} if name == "cast" else {}
    return lambda *numbers: OPS[name].reference(*numbers, **attributes)
