"""A map plan in; the rows that its inner loop reads out, each found before the loop begins.

Where a pixel lies outside of the image, or which of several tensors is read, is often the same for
the whole inner loop: the choice is then one of a row's address, zeros being a row as well. What is
left in the loop loads neighbours, which a C compiler turns into vectors.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from netc.compiler.kernels.plan import Body, MapPlan
from netc.compiler.scalar.expression import Expression, Load, Local, Select, with_children
from netc.compiler.scalar.index import Index, Variable
from netc.compiler.targets.cpu_operand import Case, cases_of
from netc.compiler.targets.dialect import Speller, spell_condition

SHORT = 8  # neighbours: a shorter loop is not worth the addresses
ZEROS = "zeros"


@dataclass(frozen=True)
class RowText:
    """A pointer: the address of the first of (condition, address) whose condition holds; that of
    the last always does."""

    name: str
    cases: tuple[tuple[str, str], ...]


def read_rows(plan: MapPlan, speller: Speller) -> tuple[tuple[RowText, ...], MapPlan]:
    """The rows, and the plan that reads them in place of what chooses between them."""
    if plan.outer.extent == 1 or plan.inner.extent < SHORT:
        return (), plan
    expressions = tuple(one.expression for one in plan.body.assigns)
    rows, read = rows_of(expressions, plan.inner, speller)
    assigns = tuple(
        replace(one, expression=expression)
        for one, expression in zip(plan.body.assigns, read, strict=True)
    )
    return rows, replace(plan, body=Body(assigns, plan.body.stores))


def rows_of(
    expressions: tuple[Expression, ...],
    inner: Variable,
    speller: Speller,
    place: str = "i",
    choices_only: bool = True,
) -> tuple[tuple[RowText, ...], tuple[Expression, ...]]:
    """The rows, and the expressions that read them at `place`, the C text of the inner loop's.
    Where there are not `choices_only`, all that is read comes from rows."""
    rows: dict[Expression, RowText] = {}

    def change(part: Expression) -> Expression | None:
        if not isinstance(part, Select if choices_only else Select | Load):
            return None
        if part not in rows and is_row(part, inner):
            rows[part] = row_text(part, inner, speller, f"netc_row{len(rows)}")
        return Local(f"{rows[part].name}[{place}]", part.dtype) if part in rows else None

    read = tuple(outermost(expression, change) for expression in expressions)
    return tuple(rows.values()), read


def outermost(
    expression: Expression, change: Callable[[Expression], Expression | None]
) -> Expression:
    """The expression with what `change` makes of a part in its place, looked for from outside."""
    found = change(expression)
    if found is not None:
        return found
    return with_children(expression, lambda part: outermost(part, change))


def is_row(choice: Expression, inner: Variable) -> bool:
    """Whether all of the inner loop makes the same choice, and then reads neighbours, floats."""
    cases = cases_of(choice)
    return (
        choice.dtype == "f32"
        and cases is not None
        and all(
            (case.load is None or case.load.position.coefficient(inner) == 1)
            and not any(inner in condition.index.variables() for condition in case.conditions)
            for case in cases
        )
    )


def row_text(choice: Expression, inner: Variable, speller: Speller, name: str) -> RowText:
    def address(case: Case) -> str:
        if case.load is None:
            return ZEROS
        first = case.load.position.substitute({inner: Index()})
        return f"{speller.parameters[case.load.value.name]} + {first.text}"

    cases = (
        (" && ".join(map(spell_condition, case.conditions)), address(case))
        for case in cases_of(choice) or ()
    )
    return RowText(name, tuple(cases))
