"""How a matrix product on the cpu reads its two sides: where they lie, or packed first, run by run.

The innermost loop wants element (place, depth) of a side at
pointer + place * step + depth * depth_step, where the place is a row on the left and a column on
the right. Columns are read as vectors: on the right, step is 1.
"""

from dataclasses import dataclass
from enum import Enum
from math import gcd

from netc.compiler.scalar.expression import Constant, Expression, Load, Select, Within
from netc.compiler.scalar.index import Index, Quotient, Remainder, Variable, variable_index

FEW_ROWS, MANY_PLACES = 64, 256  # of a block: packing pays from these on
MOST_CASES = 4  # of a run: more are a chain of comparisons for each few elements


class Way(Enum):
    """DIRECT: from the tensor. RUNS: neighbours are copied together. TURNED: rows become columns,
    in squares that fill registers. ELEMENTS: one by one."""

    DIRECT = "direct"
    TURNED = "turned"
    RUNS = "runs"
    ELEMENTS = "elements"


@dataclass(frozen=True)
class Case:
    """What a run reads where these conditions hold, and those of no case before: neighbours from
    `load` on, or zeros."""

    conditions: tuple[Within, ...]
    load: Load | None


@dataclass(frozen=True)
class Operand:
    """One side of a product.

    `load` is what a direct or turned operand reads; places of a turned one are `run` apart, and
    `stretch` elements along the depth are neighbours. Else a run is `run` neighbours along the
    depth, or along the places; one of the `cases` holds for all of it.
    """

    way: Way
    step: int
    depth_step: int
    load: Load | None = None
    cases: tuple[Case, ...] = ()
    run: int = 1
    along_depth: bool = False
    stretch: int = 0


def left_operand(
    expression: Expression, place: Variable, depth: Variable, block: tuple[int, int], even: bool
) -> Operand:
    """The left side, in blocks of (rows, depth); `even` says that tiles leave no edge."""
    rows, deep = block
    direct = direct_operand(expression, place, depth)
    if even and direct and not is_scattered(direct, rows, deep):
        return direct
    for along, variable in ((True, depth), (False, place)):
        found = find_run(expression, variable, deep if along else rows)
        if found:
            cases, run = found
            steps = (deep, 1) if along else (1, rows)
            return Operand(Way.RUNS, *steps, None, cases, run, along)
    return Operand(Way.ELEMENTS, deep, 1, along_depth=True)


def is_scattered(direct: Operand, rows: int, deep: int) -> bool:
    """Whether the neighbours in a block lie in many places far apart: the caches hold few of those,
    and packed they are read once. Where nothing lies between them, they are as good as packed."""
    return direct.step == 1 and direct.depth_step > rows >= FEW_ROWS and deep >= MANY_PLACES


def right_operand(
    expression: Expression,
    place: Variable,
    depth: Variable,
    block: tuple[int, int],
    *,
    even: bool,
    as_they_are: bool,
) -> Operand:
    """The right side, in blocks of (columns, depth) packed in panels as wide as a tile, one below
    the other; `as_they_are` says that its elements are not rounded."""
    columns, deep = block
    direct = direct_operand(expression, place, depth)
    if even and direct and direct.step == 1:
        return direct
    if as_they_are and (turned := turned_operand(expression, place, depth, block)):
        return turned
    return packed_operand(expression, place, block)


def packed_operand(expression: Expression, place: Variable, block: tuple[int, int]) -> Operand:
    """The right side, packed in rows of a block's columns, in runs or one by one."""
    columns, _ = block
    found = find_run(expression, place, columns)
    if found:
        cases, run = found
        return Operand(Way.RUNS, 1, columns, None, cases, run)
    return Operand(Way.ELEMENTS, 1, columns)


def turned_operand(
    expression: Expression, place: Variable, depth: Variable, block: tuple[int, int]
) -> Operand | None:
    """A tensor whose neighbours lie along the depth: all of it, or stretches as long as each."""
    columns, deep = block
    step = expression.position.coefficient(place) if isinstance(expression, Load) else None
    if not step:
        return None
    if expression.position.coefficient(depth) == 1:
        return Operand(Way.TURNED, 1, columns, expression, run=step)
    found = find_run(expression, depth, deep)
    stretch = found[1] if found else 0
    if stretch < columns // 2:
        return None
    return Operand(Way.TURNED, 1, columns, expression, run=step, stretch=stretch)


def direct_operand(expression: Expression, place: Variable, depth: Variable) -> Operand | None:
    """A tensor that is read with constant steps."""
    if not isinstance(expression, Load):
        return None
    step = expression.position.coefficient(place)
    depth_step = expression.position.coefficient(depth)
    if step is None or depth_step is None:
        return None
    return Operand(Way.DIRECT, step, depth_step, expression)


def find_run(
    expression: Expression, variable: Variable, block: int
) -> tuple[tuple[Case, ...], int] | None:
    """The longest run of neighbours along `variable` that no edge of a block cuts, two elements or
    more: what it reads, and its length."""
    cases = cases_of(expression)
    if cases is None or len(cases) > MOST_CASES:
        return None
    for run in run_lengths(cases, variable, block):
        start, inner = Variable(variable.name, variable.extent // run), Variable("t", run)
        replaced = {variable: variable_index(start) * run + variable_index(inner)}
        if all(is_run(case, inner, replaced) for case in cases):
            return cases, run
    return None


def cases_of(expression: Expression) -> tuple[Case, ...] | None:
    """The expression as cases, of which the last one always holds; None where it computes."""
    if isinstance(expression, Load):
        return (Case((), expression),)
    if expression == Constant(0.0, "f32"):
        return (Case((), None),)
    if not isinstance(expression, Select):
        return None
    inside, outside = cases_of(expression.inside), cases_of(expression.outside)
    if inside is None or outside is None:
        return None
    guard = expression.conditions
    return (*(Case((*guard, *case.conditions), case.load) for case in inside), *outside)


def is_run(case: Case, inner: Variable, replaced: dict[Variable, Index]) -> bool:
    """Whether a case reads neighbours as `inner` goes up, under conditions that stay."""
    if not all(stays(condition, inner, replaced) for condition in case.conditions):
        return False
    return case.load is None or case.load.position.substitute(replaced).coefficient(inner) == 1


def stays(condition: Within, inner: Variable, replaced: dict[Variable, Index]) -> bool:
    """Whether a condition holds for all of a run or for none of it."""
    index, run = condition.index.substitute(replaced), inner.extent
    if condition.low % run == condition.high % run == 0:
        index = index // run  # both ends lie between two runs
    return inner not in index.variables()


def run_lengths(cases: tuple[Case, ...], variable: Variable, block: int) -> list[int]:
    """Lengths at which a case may jump: the whole extent, what positions and conditions divide it
    by, and the parts of these that a condition or the end of a block leaves."""
    conditions = [condition for case in cases for condition in case.conditions]
    frontier = [condition.index for condition in conditions]
    frontier += [case.load.position for case in cases if case.load is not None]
    found = {variable.extent}
    while frontier:
        for atom, _ in frontier.pop().terms:
            if isinstance(atom, Quotient | Remainder) and variable in atom.dividend.variables():
                found.add(atom.divisor)
                frontier.append(atom.dividend)
    edges = {edge for condition in conditions for edge in (condition.low, condition.high)}
    found.add(variable.extent)
    found |= {gcd(length, edge) for length in found for edge in edges}
    found |= {gcd(length, block) for length in found}
    whole = block >= variable.extent
    fitting = (n for n in found if n > 1 and variable.extent % n == 0)
    return sorted((n for n in fitting if whole or block % n == 0), reverse=True)
