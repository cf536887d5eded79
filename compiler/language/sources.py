"""Functions that make tensors from nothing: zeros, ones, full, arange and random numbers."""

from collections.abc import Callable

from netc.compiler.ir.graph import Value
from netc.compiler.ir.tensor import TensorType
from netc.compiler.language.arguments import Number, Whole, Wholes
from netc.compiler.language.limits import check_shape
from netc.compiler.language.shapes import sizes_of
from netc.compiler.language.trace import Trace


def filled(trace: Trace, number: float, sizes: tuple) -> Value:
    shape = sizes_of(trace, sizes)
    check_shape(shape)
    return trace.build.number(float(number), TensorType("f32", shape))


def zeros(trace: Trace, *sizes: Wholes) -> Value:
    return filled(trace, 0, sizes)


def ones(trace: Trace, *sizes: Wholes) -> Value:
    return filled(trace, 1, sizes)


def full(trace: Trace, number: Number, *sizes: Wholes) -> Value:
    return filled(trace, number, sizes)


def arange(trace: Trace, stop: Whole) -> Value:
    """i32[stop]: 0, 1, 2 ..."""
    check_shape((stop,))
    return trace.build.iota(axis=0, shape=(stop,))


def random(op: str) -> Callable:
    """Random numbers: a function of the seed, the step, the place in the program, the element."""

    def function(trace: Trace, *sizes: Wholes) -> Value:
        shape = sizes_of(trace, sizes)
        check_shape(shape)
        trace.streams += 1
        counters = trace.counter("seed"), trace.counter("step")
        if trace.running is None:
            return trace.build.apply(op, *counters, stream=trace.streams, shape=shape)
        row = Value(trace.build.fresh(op), TensorType("f32", shape))
        trace.running.random.append((op, counters, trace.streams, row))
        return row

    return function


FUNCTIONS = {
    "zeros": zeros,
    "ones": ones,
    "full": full,
    "arange": arange,
    "random_uniform": random("random_uniform"),
    "random_normal": random("random_normal"),
}
