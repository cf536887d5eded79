"""Bodies in, one body out that computes what all of them do, side by side."""

from dataclasses import replace

from netc.compiler.kernels.plan import Assign, Body
from netc.compiler.scalar.expression import Expression, Local, changed


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
