"""What joins what: graphs as text in, groups out, and the rules that every grouping keeps."""

import pytest

from netc.compiler.ir.text import parse_graph
from netc.compiler.kernels.fuse import fuse, keep_apart
from netc.compiler.ops.table import OPS

X = 'graph "test"\ninput %x: f32[8, 32] field\n'


def kinds(text: str) -> list[tuple[str, int]]:
    """(kind, number of nodes) of each group."""
    return [(group.kind.value, len(group.nodes)) for group in fuse(parse_graph(X + text), OPS)]


def test_a_softmax_is_one_kernel_over_rows():
    softmax = """%m: f32[8] = max(%x) axes=(1,)
        %r: f32[8, 1] = reshape(%m) shape=(8, 1)
        %b: f32[8, 32] = broadcast(%r) shape=(8, 32)
        %d: f32[8, 32] = subtract(%x, %b)
        %e: f32[8, 32] = exp(%d)
        %s: f32[8] = sum(%e) axes=(1,)
        %r2: f32[8, 1] = reshape(%s) shape=(8, 1)
        %b2: f32[8, 32] = broadcast(%r2) shape=(8, 32)
        %y: f32[8, 32] = divide(%e, %b2)
        output "y" = %y"""
    assert [kind for kind, _ in kinds("\n".join(map(str.strip, softmax.split("\n"))))] == ["row"]


def test_a_fold_of_no_axes_does_not_join_a_kernel_without_folds():
    text = (
        "%a: f32[8, 32] = exp(%x)\n%b: i32[8, 32] = argmax(%x) axes=()\n"
        '%c: f32[8, 32] = cast(%b) dtype="f32"\noutput "a" = %a\noutput "c" = %c'
    )
    assert [kind for kind, _ in kinds(text)] == ["map", "row"]


def test_what_only_folds_down_columns_read_is_computed_by_them():
    """Two sums of the slopes, one times x: neither product is stored, the slopes are."""
    text = (
        "input %w: f32[32, 32] field\n%d: f32[8, 32] = matmul(%x, %w)\n"
        "%a: f32[8, 32] = multiply(%d, %x)\n%n: f32[8, 32] = negate(%a)\n"
        "%s: f32[32] = sum(%n) axes=(0,)\n%t: f32[32] = sum(%d) axes=(0,)\n"
        'output "d" = %d\noutput "s" = %s\noutput "t" = %t'
    )
    groups = fuse(parse_graph(X + text), OPS)
    assert [group.kind.value for group in groups] == ["matmul", "column"]
    assert [value.name for group in groups for value in group.stored] == ["d", "s", "t"]


def test_the_sign_of_what_a_relu_made_is_read_from_it():
    text = (
        "input %w: f32[32, 32] field\n%d: f32[8, 32] = matmul(%x, %w)\n"
        "%r: f32[8, 32] = relu(%d)\n%e: f32[8, 32] = matmul(%r, %w)\n"
        '%z: f32[8, 32] = constant() dtype="f32" shape=(8, 32) value=0.0\n'
        "%g: bool[8, 32] = greater(%r, %z)\n%y: f32[8, 32] = where(%g, %e, %z)\n"
        'output "y" = %y'
    )
    groups = fuse(parse_graph(X + text), OPS)
    assert [value.name for group in groups for value in group.stored] == ["r", "y"]


def test_slopes_that_a_small_kernel_reads_once_are_computed_there():
    """The gradients of kernel and bias both compute them; 40 taps would read them twice."""
    same = "dilation=(1, 1) pad=((0, 0), (0, 0)) stride=(1, 1)"
    for channels, expected in ((4, ["column", "matmul"]), (10, ["column", "map", "matmul"])):
        text = (
            f'graph "g"\ninput %x: f32[2, 6, 6, {channels}] field\n'
            "input %u: f32[2, 5, 5, 8] field\ninput %m: bool[2, 5, 5, 8] field\n"
            '%z: f32[2, 5, 5, 8] = constant() dtype="f32" shape=(2, 5, 5, 8) value=0.0\n'
            "%s: f32[2, 5, 5, 8] = where(%m, %u, %z)\n%b: f32[8] = sum(%s) axes=(0, 1, 2)\n"
            f"%k: f32[2, 2, {channels}, 8] = conv2d_kernel_gradient(%x, %s) {same} "
            f'shape=(2, 2, {channels}, 8)\noutput "b" = %b\noutput "k" = %k'
        )
        groups = fuse(parse_graph(text), OPS)
        assert sorted(group.kind.value for group in groups) == expected


def test_a_chain_of_thousands_of_operations_is_two_kernels():
    lines = ["%v0: f32[8, 32] = sin(%x)"]
    lines += [f"%v{i}: f32[8, 32] = add(%v{i - 1}, %x)" for i in range(1, 3000)]
    text = "\n".join((*lines, "%s: f32[32] = sum(%v2999) axes=(0,)", 'output "s" = %s'))
    assert [kind for kind, _ in kinds(text)] == ["map", "column"]


def test_kernels_never_wait_for_each_other():
    """b reads a through a fold, and c reads both: c may not join a's kernel."""
    text = (
        "%a: f32[8, 32] = exp(%x)\n%s: f32[] = sum(%a) axes=(0, 1)\n"
        "%b: f32[8, 32] = broadcast(%s) shape=(8, 32)\n%c: f32[8, 32] = multiply(%a, %b)\n"
        'output "a" = %a\noutput "c" = %c'
    )
    groups = fuse(parse_graph(X + text), OPS)
    made: set[str] = {"x"}
    for group in groups:
        inside = {value.name for value in group.values}
        for node in group.nodes:
            for value in node.inputs:
                stored = any(value in other.stored for other in groups)
                assert not stored or value.name in made | inside
        made |= inside


@pytest.mark.parametrize("cut", [fuse, keep_apart])
def test_every_result_is_stored_once(cut):
    text = (
        "%a: f32[8, 32] = exp(%x)\n%b: f32[32, 8] = transpose(%a) axes=(1, 0)\n"
        "%c: f32[8, 8] = matmul(%a, %b)\n%d: f32[8] = sum(%c) axes=(0,)\n"
        'output "b" = %b\noutput "d" = %d\noutput "again" = %d'
    )
    stored = [value.name for group in cut(parse_graph(X + text), OPS) for value in group.stored]
    assert len(stored) == len(set(stored)) and {"b", "d"} <= set(stored)


def test_apart_is_a_kernel_for_each_node():
    graph = parse_graph(
        X + '%a: f32[8, 32] = exp(%x)\n%b: f32[8, 32] = negate(%a)\noutput "b" = %b'
    )
    assert [len(group.nodes) for group in keep_apart(graph, OPS)] == [1, 1]


@pytest.mark.parametrize(("parts", "expected"), [(8, ["matmul"]), (9, ["map", "matmul"])])
def test_a_product_looks_for_no_element_among_many_tensors(parts, expected):
    text = (
        f"%z: f32[{8 * parts}, 32] = concat({', '.join(['%x'] * parts)}) axis=0\n"
        f"%t: f32[32, {8 * parts}] = transpose(%z) axes=(1, 0)\n"
        f'%y: f32[{8 * parts}, {8 * parts}] = matmul(%z, %t)\noutput "y" = %y'
    )
    assert [kind for kind, _ in kinds(text)] == expected


def test_parts_of_one_kernel_are_stored_at_their_places_in_the_whole():
    """The product reads the whole many times: it is stored, and its parts are not."""
    text = (
        "%a: f32[8, 32] = exp(%x)\n%b: f32[8, 32] = sin(%x)\n"
        "%both: f32[8, 64] = concat(%a, %b) axis=1\n%t: f32[64, 8] = transpose(%both) axes=(1, 0)\n"
        '%y: f32[64, 64] = matmul(%t, %both)\noutput "y" = %y'
    )
    groups = fuse(parse_graph(X + text), OPS)
    stored = [(group.kind.value, [value.name for value in group.stored]) for group in groups]
    assert stored == [("map", ["both"]), ("matmul", ["y"])]
