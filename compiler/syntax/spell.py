"""Nodes of the syntax tree -> canonical text: on one line, or broken into lines of 100 columns."""

from netc.compiler.syntax import tree

WIDTH = 100
INDENT = "    "

# How tightly an expression holds together: the loosest first, names and calls last.
CHOICE, PIPE, OR, AND, NOT, COMPARE, RANGE, SUM, PRODUCT, NEGATIVE, POWER, ATOM = range(12)
OPERATORS = {"or": OR, "and": AND, "+": SUM, "-": SUM, "**": POWER}
ESCAPES = {"\n": "\\n", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


def tightness(node: tree.Node) -> int:
    match node:
        case tree.Conditional():
            return CHOICE
        case tree.Pipe():
            return PIPE
        case tree.Binary(op=op):
            return OPERATORS.get(op, PRODUCT)
        case tree.Unary(op=op):
            return NOT if op == "not" else NEGATIVE
        case tree.Compare():
            return COMPARE
        case tree.Range():
            return RANGE
        case tree.Percent():
            return POWER  # `20%[0]` would be read as the remainder of a division
    return ATOM


def sides(op: str) -> tuple[int, int]:
    """How tight the operands of an operator must be to need no parentheses."""
    level = OPERATORS.get(op, PRODUCT)
    return (ATOM, NEGATIVE) if level == POWER else (level, level + 1)


def spell(node: tree.Node, level: int = CHOICE) -> str:
    """The node on one line, in parentheses where it is looser than `level`."""
    text = spell_bare(node)
    return f"({text})" if tightness(node) < level else text


def spell_bare(node: tree.Node) -> str:
    match node:
        case tree.Name(text=text) | tree.Number(text=text):
            return text
        case tree.Percent(text=text):
            return f"{text}%"
        case tree.Text(value=value):
            return '"' + "".join(ESCAPES.get(character, character) for character in value) + '"'
        case tree.Truth(value=value):
            return "true" if value else "false"
        case tree.Tuple_(items=items):
            return f"({comma(items)}{',' if len(items) == 1 else ''})"
        case tree.List_(items=items):
            return f"[{comma(items)}]"
        case tree.Ellipsis_():
            return "..."
        case tree.NewAxis():
            return "None"
        case tree.Slice():
            return spell_slice(node)
        case tree.TypePattern(dtype=dtype, dimensions=dimensions):
            return f"{dtype.text if dtype else ''}[{comma(dimensions)}]"
        case tree.Parameter() | tree.Field():
            return spell_parameter(node)
        case tree.Named(name=name, value=value):
            return f"{name.text}={spell(value)}"
        case tree.ScanSource(name=name, value=value):
            return f"{name.text} in {spell(value)}"
    return spell_operation(node)


def spell_operation(node: tree.Expression) -> str:
    match node:
        case tree.Conditional(condition=condition, then=then, otherwise=otherwise):
            return f"{spell(then, PIPE)} if {spell(condition, PIPE)} else {spell(otherwise)}"
        case tree.Pipe(value=value, call=call):
            return f"{spell(value, PIPE)} -> {spell_target(call)}"
        case tree.Binary(op=op, left=left, right=right):
            first, second = sides(op)
            return f"{spell(left, first)} {op} {spell(right, second)}"
        case tree.Compare(op=op, left=left, right=right):
            return f"{spell(left, RANGE)} {op} {spell(right, RANGE)}"
        case tree.Range(start=start, stop=stop):
            return f"{spell(start, SUM)}..{spell(stop, SUM)}"
        case tree.Unary(op="not", operand=operand):
            return f"not {spell(operand, NOT)}"
        case tree.Unary(operand=operand):
            return f"-{spell(operand, NEGATIVE)}"
        case tree.Call(function=function):
            return f"{spell(function, ATOM)}({comma(arguments_of(node))})"
        case tree.Index(value=value, items=items):
            return f"{spell(value, ATOM)}[{comma(items)}]"
        case tree.Attribute(value=value, name=name):
            return f"{spell(value, ATOM)}.{name.text}"
    raise TypeError(f"no expression: {node!r}")


def spell_slice(node: tree.Slice) -> str:
    start, stop, step = (
        "" if part is None else spell(part) for part in (node.start, node.stop, node.step)
    )
    return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"


def spell_parameter(node: tree.Parameter | tree.Field) -> str:
    text = node.name.text
    default = node.default if isinstance(node, tree.Parameter) else None
    if node.type is not None:
        text += f": {spell(node.type)}"
    if default is None:
        return text
    return f"{text} = {spell(default)}" if node.type is not None else f"{text}={spell(default)}"


def spell_target(call: tree.Call) -> str:
    return spell(call) if arguments_of(call) else spell(call.function)


def arguments_of(call: tree.Call | tree.Setting) -> tuple[tree.Node, ...]:
    return call.arguments + call.named


def comma(nodes) -> str:
    return ", ".join(spell(node) for node in nodes)


def lay_out(head: str, node: tree.Node, tail: str, depth: int, level: int = CHOICE) -> list[str]:
    """`head node tail` as lines at an indentation depth; broken where one line is too long."""
    line = f"{INDENT * depth}{head}{spell(node, level)}{tail}"
    if len(line) <= WIDTH:
        return [line]
    if tightness(node) < level:
        head, tail = f"{head}(", f"){tail}"
    match node:
        case tree.Pipe():
            return lay_out_pipe(head, node, tail, depth)
        case tree.Binary(op=op, left=left, right=right):
            first, second = sides(op)
            lines = lay_out(head, left, "", depth, first)
            return lines + lay_out(f"{op} ", right, tail, depth + 1, second)
        case tree.Conditional(condition=condition, then=then, otherwise=otherwise):
            lines = lay_out(head, then, "", depth, PIPE)
            lines += lay_out("if ", condition, "", depth + 1, PIPE)
            return lines + lay_out("else ", otherwise, tail, depth + 1)
        case tree.Named(name=name, value=value):
            return lay_out(f"{head}{name.text}=", value, tail, depth)
        case tree.Call(function=function):
            opening = f"{head}{spell(function, ATOM)}("
            return lay_out_items(opening, arguments_of(node), f"){tail}", depth)
        case tree.Tuple_(items=items) if len(items) > 1:
            return lay_out_items(f"{head}(", items, f"){tail}", depth)
        case tree.List_(items=items):
            return lay_out_items(f"{head}[", items, f"]{tail}", depth)
    return [f"{INDENT * depth}{head}{spell_bare(node)}{tail}"]


def lay_out_pipe(head: str, node: tree.Pipe, tail: str, depth: int) -> list[str]:
    """The value and, below it, the steps: on the author's lines, else each on its own."""
    steps = []
    value: tree.Expression = node
    while isinstance(value, tree.Pipe):
        steps.insert(0, value.call)
        value = value.value
    lines = lay_out(head, value, "", depth, PIPE)
    for group in grouped(value.span.end_line, steps):
        text = " ".join(f"-> {spell_target(call)}" for call in group)
        if len(f"{INDENT * (depth + 1)}{text}{tail}") <= WIDTH:
            lines.append(f"{INDENT * (depth + 1)}{text}")
            continue
        for call in group:
            step = call if arguments_of(call) else call.function
            lines += lay_out("-> ", step, "", depth + 1)
    lines[-1] += tail
    return lines


def grouped(line: int, calls: list[tree.Call]) -> list[list[tree.Call]]:
    """Calls that stand on one line of the source; each alone when the first is not on a new one."""
    if calls[0].span.line == line:
        return [[call] for call in calls]
    groups: list[list[tree.Call]] = []
    for call in calls:
        if call.span.line > line:
            groups.append([])
        groups[-1].append(call)
        line = call.span.end_line
    return groups


def lay_out_items(opening: str, items, closing: str, depth: int) -> list[str]:
    """One item a line between brackets."""
    if not items:
        return [f"{INDENT * depth}{opening}{closing}"]
    lines = [f"{INDENT * depth}{opening}"]
    for item in items:
        lines += lay_out("", item, "," if item is not items[-1] else "", depth + 1)
    return [*lines, f"{INDENT * depth}{closing}"]
