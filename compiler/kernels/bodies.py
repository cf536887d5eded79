"""Bodies in, one body out that computes what all of them do, side by side."""

from collections import Counter
from dataclasses import replace

from netc.compiler.kernels.plan import Assign, Body
from netc.compiler.scalar.expression import Expression, Load, Local, Select, changed, walk


def numbered(body: Body, number: int) -> Body:
    """The body with a number behind the name of each variable that it makes."""
    made = {one.name for one in body.assigns}

    def change(part: Expression) -> Expression:
        if not isinstance(part, Local) or part.name not in made:
            return part
        return replace(part, name=f"{part.name}_at{number}")

    assigns = (
        Assign(f"{one.name}_at{number}", one.dtype, changed(one.expression, change))
        for one in body.assigns
    )
    stores = (replace(one, expression=changed(one.expression, change)) for one in body.stores)
    return Body(tuple(assigns), tuple(stores))


def joined(bodies: list[Body]) -> Body:
    """All that the bodies compute, then all that they store."""
    assigns = tuple(one for body in bodies for one in body.assigns)
    return Body(assigns, tuple(one for body in bodies for one in body.stores))


def loaded_once(body: Body) -> Body:
    """The body with a variable for each element that it loads several times, unless what it loads
    depends on a condition."""
    parts = [part for one in body.assigns for part in walk(one.expression)]
    if any(isinstance(part, Select) for part in parts):
        return body
    counts = Counter(part for part in parts if isinstance(part, Load))
    several = (load for load, count in counts.items() if count > 1)
    loaded = {
        load: Assign(f"netc_load{number}", load.dtype, load) for number, load in enumerate(several)
    }

    def change(part: Expression) -> Expression:
        one = loaded.get(part)
        return Local(one.name, one.dtype) if one else part

    assigns = (replace(one, expression=changed(one.expression, change)) for one in body.assigns)
    return Body((*loaded.values(), *assigns), body.stores)
