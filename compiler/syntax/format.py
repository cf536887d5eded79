"""Syntax tree and comments -> canonical text: what `netc fmt` writes."""

from netc.compiler.diagnostics import Source, Span
from netc.compiler.syntax import tree
from netc.compiler.syntax.parse import parse
from netc.compiler.syntax.spell import INDENT, WIDTH, comma, lay_out, lay_out_items, spell
from netc.compiler.syntax.tokens import Token, tokenize

SPACED = (tree.Block, tree.Net, tree.Train)


def format_program(program: tree.Program | Source) -> str:
    """The program in its canonical form, with the comments of its source.

    Raises NetError when a source is not a program.
    """
    if isinstance(program, Source):
        program = parse(program)
    printer = Printer(tokenize(program.span.source).comments)
    printer.items(program.declarations, 0, (program.span.end_line + 1, 0))
    return "".join(f"{line}\n" for line in printer.lines)


def format_tree(program: tree.Program) -> str:
    """The canonical form of a tree that was never read from a source."""
    printer = Printer(())
    printer.items(program.declarations, 0, (1, 0))
    return "".join(f"{line}\n" for line in printer.lines)


def start_of(span: Span) -> tuple[int, int]:
    return span.line, span.column


def end_of(span: Span) -> tuple[int, int]:
    return span.end_line, span.end_column


class Printer:
    """Lines so far, and the comments that are still to come.

    A comment on its own line stays before what it precedes, one behind a statement stays there,
    and one inside a statement moves before it.
    """

    def __init__(self, comments: tuple[Token, ...]):
        self.lines: list[str] = []
        self.comments = list(reversed(comments))
        self.source_line = 0
        self.previous: tree.Node | None = None

    def items(self, nodes, depth: int, end: tuple[int, int]) -> None:
        """Statements or declarations, and the comments up to the place `end`."""
        for node, following in zip(nodes, [*nodes[1:], None], strict=False):
            limit = start_of(following.span) if following else end
            self.comments_before(start_of(node.span), depth)
            self.blank_line(node.span.line, node)
            first = len(self.lines)
            self.node(node, depth)
            if not has_body(node):
                self.hoist(first, node, depth)
            self.source_line = node.span.end_line
            self.previous = node
            self.trailing(node, limit)
        self.comments_before(end, depth)

    def comments_before(self, place: tuple[int, int], depth: int) -> None:
        while self.comments and (self.comments[-1].line, self.comments[-1].column) < place:
            comment = self.comments.pop()
            self.blank_line(comment.line, None)
            self.lines.append(INDENT * depth + comment.text.rstrip())
            self.source_line = comment.line
            self.previous = None

    def blank_line(self, line: int, node: tree.Node | None) -> None:
        """One empty line where the source has some, and around each block, net and train."""
        if not self.lines or self.lines[-1].endswith("{"):
            return
        gap = line > self.source_line + 1
        after = isinstance(self.previous, SPACED)
        before = isinstance(node, SPACED) and self.previous is not None
        if gap or after or before:
            self.lines.append("")

    def hoist(self, first: int, node: tree.Node, depth: int) -> None:
        later = self.lines[first:]
        del self.lines[first:]
        while self.comments and (self.comments[-1].line, self.comments[-1].column) < end_of(
            node.span
        ):
            self.lines.append(INDENT * depth + self.comments.pop().text.rstrip())
        self.lines += later

    def trailing(self, node: tree.Node, limit: tuple[int, int]) -> None:
        """The comment behind a statement, on its last line."""
        if not self.comments:
            return
        comment = self.comments[-1]
        here = (comment.line, comment.column)
        if comment.line == node.span.end_line and here < limit and limit[0] > comment.line:
            self.lines[-1] += f"  {self.comments.pop().text.rstrip()}"

    def body(self, head: list[str], nodes, depth: int, end: tuple[int, int]) -> None:
        if self.is_short(head, nodes, depth, end):
            self.lines.append(f"{head[0]} {simple(nodes[0], 0)[0]} }}")
        else:
            self.long_body(head, nodes, depth, end)

    def long_body(self, head: list[str], nodes, depth: int, end: tuple[int, int]) -> None:
        self.lines += head
        previous, self.previous = self.previous, None
        self.items(nodes, depth + 1, end)
        self.previous = previous
        self.lines.append(f"{INDENT * depth}}}")

    def is_short(self, head: list[str], nodes, depth: int, end: tuple[int, int]) -> bool:
        """Whether a body is one statement that the author kept on the line of its head."""
        if depth == 0 or len(head) != 1 or len(nodes) != 1 or has_body(nodes[0]):
            return False
        if self.comments and (self.comments[-1].line, self.comments[-1].column) < end:
            return False
        lines = simple(nodes[0], 0)
        fits = len(lines) == 1 and len(head[0]) + len(lines[0]) + 3 <= WIDTH
        return fits and end[0] == nodes[0].span.line

    def node(self, node: tree.Node, depth: int) -> None:
        end = end_of(node.span)
        match node:
            case tree.Block() | tree.Net() | tree.Train():
                self.body(header(node), node.body, depth, end)
            case tree.Repeat(count=count, body=body):
                self.body(lay_out("repeat ", count, " {", depth), body, depth, end)
            case tree.For(name=name, values=values, body=body):
                self.body(lay_out(f"for {name.text} in ", values, " {", depth), body, depth, end)
            case tree.If():
                self.choice("if ", node, depth)
            case tree.Assign(value=tree.Scan() as scan):
                head = f"{INDENT * depth}{comma(node.targets)} = {scan_header(scan)} {{"
                self.body([head], scan.body, depth, end)
            case _:
                self.lines += simple(node, depth)

    def choice(self, keyword: str, node: tree.If, depth: int) -> None:
        otherwise = node.otherwise
        head = lay_out(keyword, node.condition, " {", depth)
        if not otherwise:
            self.body(head, node.then, depth, end_of(node.span))
            return
        self.long_body(head, node.then, depth, start_of(otherwise[0].span))
        self.lines.pop()
        if len(otherwise) == 1 and isinstance(otherwise[0], tree.If):
            self.choice("} else if ", otherwise[0], depth)
        else:
            self.long_body([f"{INDENT * depth}}} else {{"], otherwise, depth, end_of(node.span))


def has_body(node: tree.Node) -> bool:
    scans = isinstance(node, tree.Assign) and isinstance(node.value, tree.Scan)
    return scans or isinstance(node, (*SPACED, tree.Repeat, tree.For, tree.If))


def header(node: tree.Block | tree.Net | tree.Train) -> list[str]:
    if isinstance(node, tree.Train):
        return [f"train {node.name.text} {{" if node.name else "train {"]
    opening = f"{'net' if isinstance(node, tree.Net) else 'block'} {node.name.text}("
    line = f"{opening}{comma(node.parameters)}) {{"
    if len(line) <= WIDTH:
        return [line]
    return lay_out_items(opening, node.parameters, ") {", 0)


def scan_header(scan: tree.Scan) -> str:
    text = f"scan {comma(scan.sources)} along {spell(scan.axis)}"
    if scan.reverse:
        text += " reverse"
    return f"{text} carry {comma(scan.carry)}" if scan.carry else text


def simple(node: tree.Node, depth: int) -> list[str]:
    """The lines of a statement or a declaration that has no body."""
    match node:
        case tree.Use(path=path):
            return [f"use {spell(path)}"]
        case tree.Constant(name=name, value=value):
            return lay_out(f"const {name.text} = ", value, "", depth)
        case tree.Assign(targets=targets, value=value):
            return lay_out(f"{comma(targets)} = ", value, "", depth)
        case tree.Return(values=values):
            return several("return ", values, depth)
        case tree.Yield(values=values):
            return several("yield ", values, depth)
        case tree.LayerDeclaration(name=name, value=value):
            return lay_out(f"layer {name.text} = ", value, "", depth)
        case tree.WeightDeclaration(name=name, type=type_, value=value):
            word = "weight" if node.trainable else "state"
            return lay_out(f"{word} {name.text}: {spell(type_)} = ", value, "", depth)
        case tree.Update(name=name, value=value):
            return lay_out(f"update {name.text} = ", value, "", depth)
    return training(node, depth)


def training(node: tree.Statement, depth: int) -> list[str]:
    """The lines of a statement that only a train block has."""
    match node:
        case tree.Take(fields=fields, data=data):
            return take(fields, data, depth)
        case tree.Minimize():
            return minimize(node, depth)
        case tree.Measure(name=name, value=value):
            return lay_out(f"measure {name.text} = " if name else "measure ", value, "", depth)
        case tree.Setting(name=name):
            return several(f"{name.text} ", node.arguments + node.named, depth)
    raise TypeError(f"no statement: {node!r}")


def several(head: str, nodes, depth: int) -> list[str]:
    """Nodes behind a keyword, with commas between; each on its own line when they are long."""
    line = f"{INDENT * depth}{head}{comma(nodes)}"
    if len(line) <= WIDTH:
        return [line]
    if len(nodes) == 1:
        return lay_out(head, nodes[0], "", depth)
    return lay_out_items(head.rstrip(), nodes, "", depth)[:-1]


def take(fields, data: tree.Expression, depth: int) -> list[str]:
    head = f"take {comma(fields)}"
    line = f"{INDENT * depth}{head} from {spell(data)}"
    if len(line) <= WIDTH:
        return [line]
    return [f"{INDENT * depth}{head}", *lay_out("from ", data, "", depth + 1)]


def minimize(node: tree.Minimize, depth: int) -> list[str]:
    over = f"over {comma(node.nets)} " if node.nets else ""
    rest = f"{over}with {spell(node.optimizer)}"
    line = f"{INDENT * depth}minimize {spell(node.loss)} {rest}"
    if len(line) <= WIDTH:
        return [line]
    lines = lay_out("minimize ", node.loss, "", depth)
    return lines + lay_out(f"{over}with ", node.optimizer, "", depth + 1)
