"""Common subexpressions and dead code: text in, text out."""

from netc.compiler.ir.text import parse_graph
from netc.compiler.passes.eliminate_common import eliminate_common
from netc.compiler.passes.remove_dead import remove_dead

X = "input %x: f32[3] field\ninput %w: f32[3] weight"


def test_what_is_computed_twice_is_computed_once(rewrites):
    rewrites(
        eliminate_common,
        f"{X}\n%a: f32[3] = exp(%x)\n%b: f32[3] = exp(%x)\n%c: f32[3] = add(%a, %w)\n"
        "%d: f32[3] = add(%b, %w)\n%y: f32[3] = multiply(%c, %d)\n"
        'output "y" = %y\noutput "d" = %d\nupdate %w = %d',
        f"{X}\n%a: f32[3] = exp(%x)\n%c: f32[3] = add(%a, %w)\n%y: f32[3] = multiply(%c, %c)\n"
        'output "y" = %y\noutput "d" = %c\nupdate %w = %c',
    )


def test_what_differs_stays_apart(rewrites):
    """The order of operands, an attribute, and even the sign of a zero."""
    text = (
        f"{X}\n%a: f32[3] = subtract(%x, %w)\n%b: f32[3] = subtract(%w, %x)\n"
        '%c: f32[3] = constant() dtype="f32" shape=(3,) value=0.0\n'
        '%d: f32[3] = constant() dtype="f32" shape=(3,) value=-0.0\n'
        "%e: f32[] = sum(%x) axes=(0,)\n%f: f32[3] = sum(%x) axes=()\n"
        'output "a" = %a\noutput "b" = %b\noutput "c" = %c\noutput "d" = %d\noutput "e" = %e\n'
        'output "f" = %f'
    )
    rewrites(eliminate_common, text, text)


def test_constants_of_nan_are_one():
    lines = (f'%{name}: f32[] = constant() dtype="f32" shape=() value=nan' for name in "ab")
    graph = parse_graph('graph "g"\n{}\n{}\noutput "a" = %a\noutput "b" = %b'.format(*lines))
    assert len(eliminate_common(graph).nodes) == 1


def test_dead_nodes_go_and_inputs_stay(rewrites):
    rewrites(
        remove_dead,
        f"{X}\n%a: f32[3] = exp(%x)\n%b: f32[3] = exp(%a)\n%y: f32[3] = negate(%x)\n"
        'output "y" = %y',
        f'{X}\n%y: f32[3] = negate(%x)\noutput "y" = %y',
    )


def test_what_an_update_needs_is_alive(rewrites):
    text = f'{X}\n%a: f32[3] = exp(%x)\n%y: f32[3] = negate(%x)\noutput "y" = %y\nupdate %w = %a'
    rewrites(remove_dead, text, text)
