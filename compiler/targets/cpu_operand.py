"""How a matrix product on the cpu reads its two sides: where they lie, or packed first, run by run.

The innermost loop wants element (place, depth) of a side at
pointer + place * step + depth * depth_step, where the place is a row on the left and a column on
the right. Columns are read as vectors: on the right, step is 1.
"""

from dataclasses import dataclass
from enum import Enum

from netc.compiler.scalar.expression import Constant, Expression, Load, Select, Within
from netc.compiler.scalar.index import Index, Quotient, Remainder, Variable, variable_index


class Way(Enum):
    """DIRECT: from the tensor. RUNS: neighbours are copied together. ELEMENTS: one by one."""

    DIRECT = "direct"
    RUNS = "runs"
    ELEMENTS = "elements"


@dataclass(frozen=True)
class Operand:
    """One side of a product.

    `load` is what a direct operand or a run reads, under `conditions` that hold for the whole run
    or for none of it; outside of them it is zero. A run is `run` neighbours along the depth, or
    along the places.
    """

    way: Way
    step: int
    depth_step: int
    load: Load | None = None
    conditions: tuple[Within, ...] = ()
    run: int = 1
    along_depth: bool = False


def left_operand(
    expression: Expression, place: Variable, depth: Variable, block: tuple[int, int], even: bool
) -> Operand:
    """The left side, in blocks of (rows, depth); `even` says that tiles leave no edge."""
    rows, deep = block
    if even and (direct := direct_operand(expression, place, depth)):
        return direct
    for along, variable in ((True, depth), (False, place)):
        found = find_run(expression, variable, deep if along else rows)
        if found:
            load, conditions, run = found
            steps = (deep, 1) if along else (1, rows)
            return Operand(Way.RUNS, *steps, load, conditions, run, along)
    return Operand(Way.ELEMENTS, deep, 1, along_depth=True)


def right_operand(
    expression: Expression, place: Variable, depth: Variable, block: tuple[int, int], even: bool
) -> Operand:
    """The right side, in blocks of (columns, depth)."""
    columns, _ = block
    direct = direct_operand(expression, place, depth)
    if even and direct and direct.step == 1:
        return direct
    found = find_run(expression, place, columns)
    if found:
        load, conditions, run = found
        return Operand(Way.RUNS, 1, columns, load, conditions, run)
    return Operand(Way.ELEMENTS, 1, columns)


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
) -> tuple[Load, tuple[Within, ...], int] | None:
    """The longest run of neighbours along `variable` that no edge of a block cuts: the load of its
    first element, the conditions on it, and its length of two elements or more."""
    guarded = isinstance(expression, Select) and expression.outside == Constant(0.0, "f32")
    load = expression.inside if guarded else expression
    conditions = expression.conditions if guarded else ()
    if not isinstance(load, Load):
        return None
    for run in run_lengths(load.position, variable, block):
        start, inner = Variable(variable.name, variable.extent // run), Variable("t", run)
        replaced = {variable: variable_index(start) * run + variable_index(inner)}
        position = load.position.substitute(replaced)
        fixed = [condition.index.substitute(replaced) for condition in conditions]
        if position.coefficient(inner) == 1 and all(inner not in i.variables() for i in fixed):
            return load, conditions, run
    return None


def run_lengths(position: Index, variable: Variable, block: int) -> list[int]:
    """Lengths at which a position may jump: the whole extent, and what it is divided by."""
    found = {variable.extent}
    frontier = [position]
    while frontier:
        for atom, _ in frontier.pop().terms:
            if isinstance(atom, Quotient | Remainder) and variable in atom.dividend.variables():
                found.add(atom.divisor)
                frontier.append(atom.dividend)
    whole = block >= variable.extent
    fitting = (n for n in found if n > 1 and variable.extent % n == 0)
    return sorted((n for n in fitting if whole or block % n == 0), reverse=True)
