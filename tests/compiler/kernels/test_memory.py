"""The memory plan: what is alive together never shares a byte, and nothing lies outside."""

import pytest

from netc.compiler.ir.builder import Builder
from netc.compiler.ir.graph import Output, Role
from netc.compiler.ir.tensor import TensorType
from netc.compiler.kernels.memory import (
    ALIGNMENT,
    Lifetime,
    aligned,
    find_accesses,
    in_place_results,
    in_place_updates,
    live_ranges,
    place,
    plan_persistent,
)
from netc.compiler.ops.table import OPS
from netc.compiler.targets.function import make_function


@pytest.fixture
def laid_out(random_function, functions):
    """Functions of the small program, and those of random graphs."""
    return (*functions, *(random_function(seed) for seed in range(20)))


def last_use(function) -> dict[str, tuple[int, int]]:
    """The first and the last kernel that needs each value, straight from the kernels."""
    end = len(function.kernels)
    times: dict[str, list[int]] = {}
    for number, kernel in enumerate(function.kernels):
        for value in (*kernel.reads, *kernel.writes):
            times.setdefault(value.name, []).append(number)
    for entry in function.graph.inputs:
        times.setdefault(entry.value.name, []).append(0)
        if entry.role is not Role.FIELD:
            updated = {update.target.name for update in function.graph.updates}
            times[entry.value.name].append(0 if entry.value.name in updated else end)
    for value in function.graph.results:
        times.setdefault(value.name, []).append(end)
    return {name: (min(at), max(at)) for name, at in times.items()}


def test_no_two_values_that_are_alive_together_share_a_byte(laid_out):
    compared = 0
    for function in laid_out:
        places, times = dict(function.memory.places), last_use(function)
        names = [name for name in places if name in times]
        for i, a in enumerate(names):
            for b in names[i + 1 :]:
                if not overlaps(places[a], places[b]):
                    continue
                compared += 1
                # in place: the one ends in the very kernel that makes the other
                assert times[a][1] <= times[b][0] or times[b][1] <= times[a][0], f"{a} and {b}"
    assert compared > 50


def overlaps(a, b) -> bool:
    return a.offset < b.offset + b.bytes and b.offset < a.offset + a.bytes


def test_places_are_aligned_and_the_arena_ends_with_the_last(laid_out):
    for function in laid_out:
        buffers = [buffer for _, buffer in function.memory.places]
        assert all(buffer.offset % ALIGNMENT == 0 for buffer in buffers)
        ends = [buffer.offset + aligned(buffer.bytes) for buffer in buffers]
        assert function.memory.arena_bytes == max(ends)


def test_every_value_that_a_kernel_touches_has_a_place_of_its_size(laid_out):
    for function in laid_out:
        places = dict(function.memory.places)
        for kernel in function.kernels:
            for value in (*kernel.reads, *kernel.writes):
                assert places[value.name].bytes == value.type.bytes


def test_what_lasts_has_one_place_in_all_functions(functions):
    lasting = {
        (entry.value.name, dict(function.memory.places)[entry.value.name])
        for function in functions
        for entry in function.graph.inputs
        if entry.role is not Role.FIELD
    }
    assert len({name for name, _ in lasting}) == len(lasting) > 4


def test_adam_and_momentum_write_in_place(functions):
    assert functions[0].memory.copies == ()
    graph, kernels = functions[0].graph, functions[0].kernels
    written = in_place_updates(graph, kernels, tuple(map(find_accesses, kernels)))
    assert len(written) == len(functions[0].graph.updates)


def test_a_dying_value_gives_its_bytes_away_once(laid_out):
    for function in laid_out:
        lifetimes = live_ranges(function.graph, function.kernels, set())
        accesses = tuple(map(find_accesses, function.kernels))
        taken = in_place_results(function.kernels, accesses, lifetimes)
        assert len(set(taken.values())) == len(taken)


def test_places_are_as_low_as_those_that_live_meanwhile_allow():
    lives = (Lifetime("a", 1000, 0, 2), Lifetime("b", 100, 1, 3), Lifetime("c", 900, 3, 4))
    found = place(lives, 512)
    assert {name: buffer.offset for name, buffer in found.items()} == {
        "a": 512,
        "b": 1536,
        "c": 512,
    }


def test_what_is_scattered_is_not_laid_over_what_it_is_read_from():
    build = Builder(OPS)
    indices = build.input("k", TensorType("i32", (8,)), Role.FIELD)
    x = build.input("x", TensorType("f32", (8, 3)), Role.FIELD)
    values = build.matmul(x, build.matmul(build.transpose(x, axes=(1, 0)), x))
    rows = build.scatter_rows(indices, values, rows=8)
    graph = build.graph("g", (Output("rows", rows),))
    memory = make_function(graph, 8, OPS, plan_persistent(())).memory
    assert not overlaps(memory.buffer(values.name), memory.buffer(rows.name))
