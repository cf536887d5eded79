"""The comment above a kernel: its mathematics, the lines behind it, its tensors and its cost."""

import re

from netc.compiler.kernels.group import Kind
from netc.compiler.kernels.plan import (
    AttendPlan,
    Body,
    ColumnPlan,
    Kernel,
    MapPlan,
    MatmulPlan,
    RowPlan,
    ScatterPlan,
    SquaresPlan,
)
from netc.compiler.scalar.expression import Constant, Expression
from netc.compiler.targets.dialect import COMMON_FUNCTIONS, Dialect, Speller

WIDTH = 110
_MATHEMATICS = {
    "maximum": "max({0}, {1})",
    "minimum": "min({0}, {1})",
    "maximum:i32": "max({0}, {1})",
    "minimum:i32": "min({0}, {1})",
    "absolute": "|{0}|",
    "absolute:i32": "|{0}|",
    "rsqrt": "1 / sqrt({0})",
    "power": "{0}^{1}",
    "floor_divide": "floor({0} / {1})",
    "floor_divide:i32": "floor({0} / {1})",
    "remainder": "({0} mod {1})",
    "remainder:i32": "({0} mod {1})",
    "where": "({0} ? {1} : {2})",
}
_BY_NAME = [
    "exp",
    "log",
    "log1p",
    "sqrt",
    "sin",
    "cos",
    "tanh",
    "sigmoid",
    "erf",
    "relu",
    "sign",
    "floor",
    "round",
    "random_uniform",
    "random_normal",
]


class Formula(Speller):
    """Spells expressions as a person writes them: no casts, no suffixes on numbers."""

    def spell(self, expression: Expression) -> str:
        if isinstance(expression, Constant):
            return f"{expression.value:.9g}" if expression.dtype == "f32" else str(expression.value)
        return super().spell(expression)

    def _cast(self, text: str, source: str, target: str) -> str:
        return text


def formula_dialect() -> Dialect:
    functions = dict(COMMON_FUNCTIONS) | _MATHEMATICS
    functions |= {name: name + "({0})" for name in _BY_NAME}
    return Dialect("mathematics", {"f32": "f32"}, functions, {})


def rounding(plan: MatmulPlan) -> list[str]:
    return [] if plan.precision == "f32" else [f"  left and right are rounded to {plan.precision}"]


def mathematics(kernel: Kernel, names: dict[str, str]) -> list[str]:
    """The kernel's formulas, a line each."""
    formula = Formula(formula_dialect(), names)
    plan = kernel.plan
    if isinstance(plan, MatmulPlan):
        left, right = formula.spell(plan.left), formula.spell(plan.right)
        batch = f", batch b < {plan.batch.extent}" if plan.batch.extent > 1 else ""
        return [
            f"{plan.result}[m, n] = sum over k < {plan.depth.extent} of left[m, k] * right[k, n]",
            f"  left[m, k] = {left}",
            f"  right[k, n] = {right}",
            f"  for m < {plan.row.extent}, n < {plan.column.extent}{batch}",
            *rounding(plan),
            *_body(plan.after, formula),
            *(pooled(plan, formula) if plan.pool else []),
            *(summed(plan, formula) if plan.sums else []),
        ]
    if isinstance(plan, ColumnPlan):
        return columns(plan, formula)
    if isinstance(plan, RowPlan):
        lines = [f"for each of {plan.row.extent} rows r of {plan.column.extent} columns c:"]
        for stage in plan.stages:
            lines += _body(stage.body, formula)
            lines += [
                f"  {fold.name} = {fold.function} over c of {formula.spell(fold.expression)}"
                for fold in stage.folds
            ]
            lines += _body(stage.after, formula)
        return lines
    if isinstance(plan, ScatterPlan):
        return scattered(plan, names, formula)
    if isinstance(plan, AttendPlan):
        return attention(plan, names, formula)
    if isinstance(plan, SquaresPlan):
        return squares(plan, formula)
    assert isinstance(plan, MapPlan)
    return [
        f"for each of {plan.outer.extent * plan.inner.extent} elements:",
        *_body(plan.body, formula),
    ]


def columns(plan: ColumnPlan, formula: Formula) -> list[str]:
    lines = [
        f"{fold.name}[o, j] = {fold.function} over k < {plan.fold.extent} of "
        f"{formula.spell(fold.expression)}"
        for fold in plan.folds
    ]
    lines.append(f"  for o < {plan.outer.extent}, j < {plan.inner.extent}")
    return lines + _body(plan.after, formula)


def squares(plan: SquaresPlan, formula: Formula) -> list[str]:
    """The products of the first place of the squares stand for all."""
    batch = f", batch b < {plan.batch.extent}" if plan.batch.extent > 1 else ""
    return [
        f"{plan.results[0]}[m, n] = sum over k < {plan.depth.extent} of left[m, k] * right[k, n]",
        f"  left[m, k] = {formula.spell(plan.lefts[0])}",
        f"  right[k, n] = {formula.spell(plan.rights[0])}",
        f"and so on to {plan.results[-1]}, for all places of squares (Winograd's way)",
        f"  for m < {plan.row.extent}, n < {plan.column.extent}{batch}",
        *_body(plan.after, formula),
    ]


def pooled(plan: MatmulPlan, formula: Formula) -> list[str]:
    down, across = plan.pool.size
    where = f"  where {plan.result} is tap k of window o, {down} x {across}, in channel j"
    return [*columns(plan.pool.folds, formula), where]


def summed(plan: MatmulPlan, formula: Formula) -> list[str]:
    total = f"{plan.sums.result}[n] = sum over k < {plan.depth.extent} of right[k, n]"
    return [total, *_body(plan.sums.after, formula)]


def scattered(plan: ScatterPlan, names: dict[str, str], formula: Formula) -> list[str]:
    total = f"sum of value[k, c] over the k < {plan.item.extent} whose row it is"
    if plan.move:
        table, rate = names[plan.move.table.name], formula.spell(plan.move.rate)
        total = f"{table}[row, c] - {rate} * the {total}"
    return [
        f"{names[plan.target.name]}[row, c] = {total}",
        f"  row[k] = {formula.spell(plan.place)}",
        f"  value[k, c] = {formula.spell(plan.value)}",
        f"  for row < {plan.rows}, c < {plan.column.extent}",
    ]


def attention(plan: AttendPlan, names: dict[str, str], formula: Formula) -> list[str]:
    target = names[plan.target.name]
    shares = f"p[m, n] = exp(query[m] . key[n] / sqrt({plan.depth.extent}) - log_sum[m])"
    slopes = f"s[m, n] = p[m, n] * (upstream[m] . value[n] - delta[m]) / sqrt({plan.depth.extent})"
    found = {
        "forward": [f"{target}[m] = sum of p[m, n] * value[n] over n, and log_sum[m] behind it"],
        "query": [f"{target}[m] = sum of s[m, n] * key[n] over n", slopes],
        "key_value": [
            f"{target}[n] = sum of s[m, n] * query[m] over m, and of p[m, n] * upstream[m]", slopes
        ],
    }[plan.form]  # fmt: skip
    seen = ["n <= m"] * plan.causal + ["mask[m, n]"] * ("mask" in dict(plan.operands))
    limits = f"for m < {plan.query.extent}, n < {plan.key.extent}, batch b < {plan.batch.extent}"
    return [
        *found,
        f"  {shares}{' where ' + ' and '.join(seen) + ', else 0' if seen else ''}",
        *(f"  {name} = {formula.spell(operand)}" for name, operand in plan.operands),
        f"  {limits}",
    ]


def _body(body: Body, formula: Formula) -> list[str]:
    lines = [f"  {a.name} = {formula.spell(a.expression)}" for a in body.assigns]
    stores = [
        f"{formula.parameters[s.value.name]}[{s.position.text}]" for s in body.stores
    ]
    return lines + ([f"  stores {', '.join(stores)}"] if stores else [])


def kernel_header(
    kernel: Kernel, names: dict[str, str], source: tuple[str, ...], launch: str
) -> tuple[str, ...]:
    """Comment lines for a kernel; `source` holds the user's lines, `launch` says how it is run."""
    numbers = sorted({node.origin.line for node in kernel.group.nodes if node.origin.line})
    lines = [f"{kernel.name}: {_title(kernel)}"]
    lines += mathematics(kernel, names)
    lines += [f"line {n}: {safe(source[n - 1].strip())}" for n in numbers if n <= len(source)]
    lines += [f"reads  {names[value.name]}: {value.type}" for value in kernel.reads]
    lines += [f"writes {names[value.name]}: {value.type}" for value in kernel.writes]
    if kernel.scan:
        lines.append(f"runs {kernel.times:,} times: in each step of the scan, on its rows")
    lines.append(f"{kernel.flops:,} FLOP, {kernel.bytes:,} bytes at least; {launch}")
    return tuple(safe(line)[: WIDTH - 3] for line in lines)


def _title(kernel: Kernel) -> str:
    kinds = {
        Kind.MAP: "element by element",
        Kind.ROW: "row by row",
        Kind.COLUMN: "folds strided elements",
        Kind.MATMUL: "matrix product",
        Kind.SCATTER: "adds rows to the rows they name",
        Kind.ATTENTION: "block by block, without the scores",
    }
    kind = "matrix products, combined" if kernel.group.squares else kinds[kernel.group.kind]
    ops = ", ".join(dict.fromkeys(node.op for node in kernel.group.nodes))
    return f"{kind} ({ops})"


def safe(text: str) -> str:
    """Text that cannot end a comment or go on in the next line: printable ASCII without \\."""
    shown = re.sub(r"[^ -~]|\\", "?", text)
    return shown.replace("*/", "* /").replace("/*", "/ *").replace("??/", "?? /")
