"""How a target spells types and functions of scalars: a table each, and the C text made of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isnan

from netc.compiler.scalar.expression import (
    Apply,
    Constant,
    Expression,
    Load,
    LoadRow,
    Local,
    Position,
    Select,
    Within,
)


@dataclass(frozen=True)
class Dialect:
    """A C-like language.

    `types` maps a dtype to the type of an element in memory; a bool is computed as `int`.
    `functions` maps an op, or `op:dtype` of its last operand, to a pattern with {0}, {1} ...
    `folds` maps a fold to (first value, pattern of the next value from {0} so far and {1} new).
    """

    name: str
    types: Mapping[str, str]
    functions: Mapping[str, str]
    folds: Mapping[str, tuple[str, str]]

    def local_type(self, dtype: str) -> str:
        return "int" if dtype in ("bool", "i32", "u8") else self.types[dtype]

    def function(self, name: str, dtype: str) -> str:
        return self.functions.get(f"{name}:{dtype}") or self.functions[name]


COMMON_FUNCTIONS: Mapping[str, str] = {
    "add": "({0} + {1})",
    "subtract": "({0} - {1})",
    "multiply": "({0} * {1})",
    "divide": "({0} / {1})",
    "negate": "(-{0})",
    "equal": "({0} == {1})",
    "not_equal": "({0} != {1})",
    "less": "({0} < {1})",
    "less_equal": "({0} <= {1})",
    "greater": "({0} > {1})",
    "greater_equal": "({0} >= {1})",
    "logical_and": "({0} && {1})",
    "logical_or": "({0} || {1})",
    "logical_not": "(!{0})",
    "where": "({0} ? {1} : {2})",
    "copy": "{0}",
    "stop_gradient": "{0}",
    "maximum": "netc_maximum({0}, {1})",
    "minimum": "netc_minimum({0}, {1})",
    "maximum:i32": "({0} > {1} ? {0} : {1})",
    "minimum:i32": "({0} < {1} ? {0} : {1})",
    "relu": "netc_relu({0})",
    "sign": "netc_sign({0})",
    "absolute": "fabsf({0})",
    "absolute:i32": "abs({0})",
    "floor": "floorf({0})",
    "round": "rintf({0})",
    "sqrt": "sqrtf({0})",
    "rsqrt": "(1.0f / sqrtf({0}))",
    "floor_divide": "netc_floor_quotient({0}, {1})",
    "floor_divide:i32": "netc_floor_divide({0}, {1})",
    "remainder": "netc_remainder({0}, {1})",
    "remainder:i32": "netc_remainder_int({0}, {1})",
    "random_uniform": "netc_uniform({0}, {1}, {2}, {3})",
    "random_normal": "netc_normal({0}, {1}, {2}, {3})",
}

FOLDS: Mapping[str, tuple[str, str]] = {
    "sum": ("0.0f", "{0} + {1}"),
    "product": ("1.0f", "{0} * {1}"),
    "max": ("-INFINITY", "netc_maximum({0}, {1})"),
    "min": ("INFINITY", "netc_minimum({0}, {1})"),
    "sum:i32": ("0", "{0} + {1}"),
    "product:i32": ("1", "{0} * {1}"),
    "max:i32": ("(-2147483647 - 1)", "({1} > {0} ? {1} : {0})"),
    "min:i32": ("2147483647", "({1} < {0} ? {1} : {0})"),
    # where the extreme is: whether the new value takes the place of the best so far
    "argmax": ("-INFINITY", "netc_is_greater({1}, {0})"),
    "argmin": ("INFINITY", "netc_is_less({1}, {0})"),
    "argmax:i32": ("(-2147483647 - 1)", "({1} > {0})"),
    "argmin:i32": ("2147483647", "({1} < {0})"),
}


@dataclass(frozen=True)
class Speller:
    """Spells expressions for one kernel: the dialect, and the parameter that holds each tensor."""

    dialect: Dialect
    parameters: Mapping[str, str]

    def spell(self, expression: Expression) -> str:
        if isinstance(expression, Constant):
            return spell_number(expression.value, expression.dtype)
        if isinstance(expression, Load):
            name = self.parameters[expression.value.name]
            return f"{name}[{expression.position.text}]"
        if isinstance(expression, LoadRow):
            return self._load_row(expression)
        if isinstance(expression, Local):
            return expression.name
        if isinstance(expression, Position):
            text = expression.index.text
            return text if text.isalnum() else f"({text})"
        if isinstance(expression, Select):
            conditions = " && ".join(spell_condition(c) for c in expression.conditions)
            inside, outside = self.spell(expression.inside), self.spell(expression.outside)
            return f"({conditions} ? {inside} : {outside})"
        return self._apply(expression)

    def _load_row(self, load: LoadRow) -> str:
        """A row is compared without its sign, so that one comparison tells both ends."""
        row, column = self.spell(load.row), load.column.text
        start = row if load.columns == 1 else f"{row} * {load.columns}"
        place = start if column == "0" else f"{start} + {column}"
        name, zero = self.parameters[load.value.name], spell_number(0, load.dtype)
        return f"((unsigned){row} < {load.rows}u ? {name}[{place}] : {zero})"

    def _apply(self, expression: Apply) -> str:
        arguments = [self.spell(argument) for argument in expression.arguments]
        source = expression.arguments[-1].dtype
        if expression.function == "cast":
            return self._cast(arguments[0], source, expression.dtype)
        return self.dialect.function(expression.function, source).format(*arguments)

    def _cast(self, text: str, source: str, target: str) -> str:
        if target == "bool":
            return f"({text} != 0)"
        if target == "u8":  # a byte is computed as an int: what does not fit is lost here
            return f"(int)(unsigned char)(int){text}"
        return f"({self.dialect.local_type(target)}){text}"


def spell_number(number: float | int | bool, dtype: str) -> str:
    """A C literal with exactly this value."""
    if dtype in ("i32", "u8", "bool"):
        return str(int(number)) if number >= 0 else f"({int(number)})"
    if isnan(number):
        return "NAN"
    if abs(number) == inf:
        return "INFINITY" if number > 0 else "(-INFINITY)"
    text = repr(float(number))
    text = text if any(mark in text for mark in ".e") else f"{text}.0"
    return f"{text}f" if number >= 0 and not text.startswith("-") else f"({text}f)"


def spell_condition(condition: Within) -> str:
    """An index condition, without the side that always holds."""
    index, (least, greatest) = condition.index.text, condition.index.bounds
    if condition.high - condition.low == 1:
        return f"{index} == {condition.low}"
    sides = []
    if least < condition.low:
        sides.append(f"{index} >= {condition.low}")
    if greatest >= condition.high:
        sides.append(f"{index} < {condition.high}")
    return " && ".join(sides)
