"""Deep sums become sums of parts: text in, text out, with the same results."""

from functools import partial

import pytest

from netc.compiler.ir.text import parse_graph
from netc.compiler.ops.table import OPS
from netc.compiler.passes.parts import SplitFacts, parts_of
from netc.compiler.passes.split_reductions import split_reductions

FACTS = SplitFacts(minimum_tasks=4, minimum_depth=2, tile_rows=2, tile_columns=3)
split = partial(split_reductions, ops=OPS, facts=FACTS)


def test_a_sum_of_everything_is_summed_in_parts_of_its_first_axis(rewrites):
    rewrites(
        split,
        "input %x: f32[12, 5] field\n%y: f32[] = sum(%x) axes=(0, 1)",
        "input %x: f32[12, 5] field\n%reshape: f32[4, 3, 5] = reshape(%x) shape=(4, 3, 5)\n"
        "%sum: f32[4] = sum(%reshape) axes=(1, 2)\n%sum_2: f32[] = sum(%sum) axes=(0,)\n"
        'output "y" = %sum_2',
        special=False,
    )


def test_axes_that_follow_each_other_are_cut_together_where_the_first_is_too_short(rewrites):
    rewrites(
        split,
        "input %x: f32[2, 3, 4, 2] field\n%y: f32[2] = sum(%x) axes=(0, 1, 2)",
        "input %x: f32[2, 3, 4, 2] field\n%reshape: f32[4, 6, 2] = reshape(%x) shape=(4, 6, 2)\n"
        "%sum: f32[4, 2] = sum(%reshape) axes=(1,)\n%sum_2: f32[2] = sum(%sum) axes=(0,)\n"
        'output "y" = %sum_2',
        special=False,
    )


def test_axes_after_those_that_are_cut_together_are_folded_with_the_parts(rewrites):
    rewrites(
        split,
        "input %x: f32[1, 4, 2, 3] field\n%y: f32[2] = sum(%x) axes=(0, 1, 3)",
        "input %x: f32[1, 4, 2, 3] field\n"
        "%reshape: f32[2, 2, 2, 3] = reshape(%x) shape=(2, 2, 2, 3)\n"
        "%sum: f32[2, 2] = sum(%reshape) axes=(1, 3)\n%sum_2: f32[2] = sum(%sum) axes=(0,)\n"
        'output "y" = %sum_2',
        special=False,
    )


def test_axes_before_between_and_after_the_folded_ones_stay_in_place(rewrites):
    rewrites(
        split,
        "input %x: f32[1, 8, 2, 3, 1] field\n%y: f32[1, 2, 1] = max(%x) axes=(1, 3)",
        "input %x: f32[1, 8, 2, 3, 1] field\n"
        "%reshape: f32[1, 4, 2, 2, 3, 1] = reshape(%x) shape=(1, 4, 2, 2, 3, 1)\n"
        "%max: f32[1, 4, 2, 1] = max(%reshape) axes=(2, 4)\n"
        '%max_2: f32[1, 2, 1] = max(%max) axes=(1,)\noutput "y" = %max_2',
    )


def test_a_deep_matmul_of_few_tiles_is_a_batch_of_products(rewrites):
    rewrites(
        split,
        "input %a: f32[2, 8] field\ninput %b: f32[8, 3] field\n%y: f32[2, 3] = matmul(%a, %b)",
        "input %a: f32[2, 8] field\ninput %b: f32[8, 3] field\n"
        "%reshape: f32[2, 4, 2] = reshape(%a) shape=(2, 4, 2)\n"
        "%reshape_2: f32[4, 2, 3] = reshape(%b) shape=(4, 2, 3)\n"
        "%transpose: f32[4, 2, 2] = transpose(%reshape) axes=(1, 0, 2)\n"
        "%transpose_2: f32[4, 2, 3] = transpose(%reshape_2) axes=(0, 1, 2)\n"
        "%matmul: f32[4, 2, 3] = matmul(%transpose, %transpose_2)\n"
        '%sum: f32[2, 3] = sum(%matmul) axes=(0,)\noutput "y" = %sum',
        special=False,
    )


def test_a_batch_of_products_is_cut_behind_its_leading_axes(rewrites):
    rewrites(
        split,
        "input %a: f32[2, 1, 12] field\ninput %b: f32[2, 12, 2] field\n"
        "%y: f32[2, 1, 2] = matmul(%a, %b)",
        "input %a: f32[2, 1, 12] field\ninput %b: f32[2, 12, 2] field\n"
        "%reshape: f32[2, 1, 2, 6] = reshape(%a) shape=(2, 1, 2, 6)\n"
        "%reshape_2: f32[2, 2, 6, 2] = reshape(%b) shape=(2, 2, 6, 2)\n"
        "%transpose: f32[2, 2, 1, 6] = transpose(%reshape) axes=(2, 0, 1, 3)\n"
        "%transpose_2: f32[2, 2, 6, 2] = transpose(%reshape_2) axes=(1, 0, 2, 3)\n"
        "%matmul: f32[2, 2, 1, 2] = matmul(%transpose, %transpose_2)\n"
        '%sum: f32[2, 1, 2] = sum(%matmul) axes=(0,)\noutput "y" = %sum',
        special=False,
    )


def test_a_kernel_gradient_cuts_its_own_depth(rewrites):
    inputs = "input %x: f32[4, 3, 3, 1] field\ninput %u: f32[4, 2, 2, 1] field\n"
    same = "shape=(2, 2, 1, 1) stride=(1, 1)"
    rewrites(
        split,
        f"{inputs}%y: f32[2, 2, 1, 1] = conv2d_kernel_gradient(%x, %u) dilation=(1, 1) "
        f"pad=((0, 0), (0, 0)) {same}",
        f"{inputs}%conv2d_kernel_gradient: f32[2, 2, 2, 1, 1] = conv2d_kernel_gradient(%x, %u) "
        f"dilation=(1, 1) pad=((0, 0), (0, 0)) parts=2 {same}\n"
        '%sum: f32[2, 2, 1, 1] = sum(%conv2d_kernel_gradient) axes=(0,)\noutput "y" = %sum',
        special=False,
    )


@pytest.mark.parametrize(
    "text",
    [
        "input %x: f32[64, 12] field\n%y: f32[12] = sum(%x) axes=(0,)",  # four tasks as it is
        "input %x: f32[4, 64] field\n%y: f32[4] = sum(%x) axes=(1,)",  # a task for each row
        "input %x: f32[3] field\n%y: f32[] = sum(%x) axes=(0,)",  # parts would be too shallow
        "input %x: f32[1, 2, 8, 3] field\n%y: f32[2, 3] = sum(%x) axes=(0, 2)",
        "input %x: f32[13] field\n%y: f32[] = sum(%x) axes=(0,)",  # no parts of equal depth
        "input %x: f32[8, 2] field\n%y: f32[8, 2] = sum(%x) axes=()",
        "input %x: f32[8, 8] field\n%y: i32[8] = argmax(%x) axes=(0,)",
        "input %a: f32[4, 8] field\ninput %b: f32[8, 6] field\n%y: f32[4, 6] = matmul(%a, %b)",
    ],
)
def test_what_has_tasks_enough_or_no_depth_to_spare_stays_whole(rewrites, text):
    rewrites(split, text, f'{text}\noutput "y" = %y', special=False)


def test_splitting_a_second_time_changes_nothing_that_is_deep_no_more():
    text = "input %x: f32[8] field\n%y: f32[] = sum(%x) axes=(0,)"
    once = split(parse_graph(f'graph "g"\n{text}\noutput "y" = %y'))
    deep = SplitFacts(minimum_tasks=4, minimum_depth=8, tile_rows=2, tile_columns=3)
    assert split_reductions(once, OPS, deep) == once


@pytest.mark.parametrize(
    ("size", "tasks", "depth", "parts"),
    [
        (12, 1, 12, 4),  # the fewest that are enough
        (12, 4, 12, 1),  # enough already
        (12, 3, 12, 2),
        (10, 1, 10, 5),  # 4 does not divide 10
        (6, 1, 6, 3),  # 6 parts would have a depth of 1 each
        (3, 1, 300, 3),  # as many as the axis has
        (7, 1, 7, 1),
    ],
)
def test_parts_are_equal_deep_enough_and_no_more_than_needed(size, tasks, depth, parts):
    assert parts_of(size, tasks, depth, FACTS) == parts
