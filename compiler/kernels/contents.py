"""A plan in; what it is made of out: its expressions, what it loads and stores."""

from netc.compiler.ir.graph import Value
from netc.compiler.kernels.plan import (
    AttendPlan,
    Body,
    ColumnPlan,
    MapPlan,
    MatmulPlan,
    Plan,
    RowPlan,
    ScatterPlan,
    SquaresPlan,
    Store,
)
from netc.compiler.scalar.expression import (
    Expression,
    Load,
    LoadRow,
    Position,
    Select,
    find_loads,
    walk,
)
from netc.compiler.scalar.index import Index


def plan_bodies(plan: Plan) -> tuple[Body, ...]:
    if isinstance(plan, MapPlan):
        return (plan.body,)
    if isinstance(plan, RowPlan):
        return tuple(body for stage in plan.stages for body in (stage.body, stage.after))
    if isinstance(plan, MatmulPlan) and plan.pool:
        return plan.after, plan.pool.folds.after
    if isinstance(plan, MatmulPlan) and plan.sums:
        return plan.after, plan.sums.after
    return () if isinstance(plan, ScatterPlan | AttendPlan) else (plan.after,)


def loads_of(body: Body) -> tuple[Load | LoadRow, ...]:
    """What a body loads, each once."""
    found = [load for assign in body.assigns for load in find_loads(assign.expression)]
    return tuple(dict.fromkeys(found))


def plan_expressions(plan: Plan) -> tuple[Expression, ...]:
    """Every expression of a plan, in the order in which it runs."""
    found: list[Expression] = []
    if isinstance(plan, MatmulPlan):
        found += [plan.left, plan.right]
        found += [fold.expression for fold in plan.pool.folds.folds] if plan.pool else []
    if isinstance(plan, SquaresPlan):
        found += [*plan.lefts, *plan.rights]
    if isinstance(plan, ScatterPlan):
        found += [plan.place, plan.value, *([plan.move.rate] if plan.move else [])]
    if isinstance(plan, AttendPlan):
        found += [operand for _, operand in plan.operands]
    if isinstance(plan, ColumnPlan):
        found += [fold.expression for fold in plan.folds]
    if isinstance(plan, RowPlan):
        found += [fold.expression for stage in plan.stages for fold in stage.folds]
    for body in plan_bodies(plan):
        found += [assign.expression for assign in body.assigns]
    return tuple(found)


def loaded_values(plan: Plan) -> tuple[Value, ...]:
    """The tensors that a plan loads from, each once, in the order of first use."""
    found = [load.value for one in plan_expressions(plan) for load in find_loads(one)]
    if isinstance(plan, MatmulPlan) and plan.sliding:  # it may copy more than is multiplied
        found += [load.value for load in find_loads(plan.sliding.pixel)]
    if isinstance(plan, ScatterPlan) and plan.move:
        found += [plan.move.table, plan.move.room]
    return tuple(dict.fromkeys(found))


def positions(body: Body) -> list[Index]:
    """Every index that the body computes with."""
    found = [store.position for store in body.stores]
    for assign in body.assigns:
        for part in walk(assign.expression):
            if isinstance(part, Load):
                found.append(part.position)
            elif isinstance(part, LoadRow):
                found.append(part.column)
            elif isinstance(part, Position):
                found.append(part.index)
            elif isinstance(part, Select):
                found += [condition.index for condition in part.conditions]
    return found


def plan_stores(plan: Plan) -> tuple[Store, ...]:
    """Everything that a plan stores."""
    return tuple(store for body in plan_bodies(plan) for store in body.stores)
