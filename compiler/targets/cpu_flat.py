"""What follows a product, where results lie side by side: one loop along all rows at once.

What every row reads at its columns, as a bias is, would be looked for at each element. It is laid
out side by side, once for each row of a piece of the results.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from netc.compiler.kernels.contents import loads_of
from netc.compiler.kernels.plan import Body, MatmulPlan
from netc.compiler.scalar.expression import Expression, Load, Local, changed, substitute
from netc.compiler.scalar.index import loop
from netc.compiler.targets.dialect import Speller
from netc.compiler.targets.text import BodyText, body_text

ROWS = 64  # of a piece


@dataclass(frozen=True)
class RepeatText:
    """`source` has a number for each column; `name` has them again for each row of a piece."""

    type: str
    name: str
    source: str


@dataclass(frozen=True)
class FlatText:
    """`body` at element i of the result, which is element `at` of a `piece`."""

    columns: int
    piece: int
    repeats: tuple[RepeatText, ...]
    body: BodyText


def flat_text(plan: MatmulPlan, speller: Speller) -> FlatText:
    columns, names = plan.column.extent, speller.parameters
    i = loop("i", plan.row.extent * columns)
    places = {plan.row: i // columns, plan.column: i % columns}
    flat = each(plan.after, lambda expression: substitute(expression, places))
    flat = replace(flat, stores=tuple(
        replace(store, position=store.position.substitute(places)) for store in flat.stores
    ))  # fmt: skip
    taken = {*names.values(), plan.result, *(assign.name for assign in flat.assigns)}
    repeats = {
        load: RepeatText(
            speller.dialect.types[load.dtype],
            free(f"{names[load.value.name]}_again", taken),
            names[load.value.name],
        )
        for load in loads_of(flat)
        if columns > 1 and load.is_at(i % columns)
    }

    def repeated(part: Expression) -> Expression:
        known = repeats.get(part) if isinstance(part, Load) else None
        return Local(f"{known.name}[at]", part.dtype) if known else part

    body = each(flat, lambda expression: changed(expression, repeated))
    return FlatText(columns, ROWS * columns, tuple(repeats.values()), body_text(body, speller))


def free(name: str, taken: set[str]) -> str:
    """The name, or a longer one that is not taken."""
    while name in taken:
        name += "_"
    return name


def each(body: Body, change: Callable[[Expression], Expression]) -> Body:
    """The body with its expressions changed."""
    assigns = tuple(replace(one, expression=change(one.expression)) for one in body.assigns)
    return replace(body, assigns=assigns)
