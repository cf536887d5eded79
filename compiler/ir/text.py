"""The IR as text that a person can read, and back: `print_graph` and `parse_graph`.

    graph "mnist"
    input %image: u8[32, 784] field
    %cast: f32[32, 784] = cast(%image) dtype="f32"  # line 4 classifier forward
    output "pixels" = %cast

The region of a scan stands in braces, between its parameters and its results:

    %hs: f32[5, 32] = scan(%rows, %start) carries=1 reverse=False sources=1 steps=5 {
      given %row: f32[32], %h: f32[32]
      %sum: f32[32] = add(%h, %row)
      gives %sum
    }

The two are inverse to each other: names, types, attributes (floats by their shortest exact form),
roles and origins all come back.
"""

from functools import cache
from importlib.resources import files
from textwrap import indent

from lark import Lark, Token, Transformer

from netc.compiler.ir.graph import (
    AttributeValue,
    Graph,
    Input,
    Node,
    Origin,
    Output,
    Region,
    Role,
    Update,
    Value,
)
from netc.compiler.ir.tensor import TensorType


def print_graph(graph: Graph) -> str:
    """The whole graph, one input, node, output or update a line."""
    lines = [f"graph {quote(graph.name)}"]
    lines += [f"input {entry.value} {entry.role.value}" for entry in graph.inputs]
    lines += [print_node(node) for node in graph.nodes]
    lines += [f"output {quote(output.name)} = %{output.value.name}" for output in graph.outputs]
    lines += [f"update %{update.target.name} = %{update.value.name}" for update in graph.updates]
    return "\n".join(lines) + "\n"


def print_node(node: Node) -> str:
    outputs = ", ".join(map(str, node.outputs))
    operands = ", ".join(f"%{value.name}" for value in node.inputs)
    attributes = "".join(f" {name}={spell(value)}" for name, value in node.attributes)
    origin = print_origin(node.origin)
    head = f"{outputs} = {node.op}({operands}){attributes}"
    return f"{head} {{{origin}\n{print_region(node.region)}}}" if node.region else head + origin


def print_region(region: Region) -> str:
    given = ", ".join(map(str, region.parameters))
    gives = ", ".join(f"%{value.name}" for value in region.results)
    lines = [f"given {given}", *map(print_node, region.nodes), f"gives {gives}"]
    return indent("\n".join(lines) + "\n", "  ")


def print_origin(origin: Origin) -> str:
    if origin == Origin():
        return ""
    words = f"line {origin.line} {origin.path} {origin.phase}"
    return f"  # {' '.join(words.split())}"


def spell(value: AttributeValue) -> str:
    """An attribute's value: Python's form of a float is exact, and never that of an int."""
    if isinstance(value, tuple):
        comma = "," if len(value) == 1 else ""
        return f"({', '.join(map(spell, value))}{comma})"
    if isinstance(value, str):
        return quote(value)
    return str(value)


def quote(text: str) -> str:
    return '"' + text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") + '"'


def unquote(text: str) -> str:
    escaped, plain = False, []
    for character in text[1:-1]:
        if character == "\\" and not escaped:
            escaped = True
            continue
        plain.append("\n" if escaped and character == "n" else character)
        escaped = False
    return "".join(plain)


def parse_graph(text: str) -> Graph:
    """The graph that `text` describes. Raises LarkError where it is no graph or reads a value that
    no earlier line makes: this text is for developers, not for users."""
    return GraphReader().transform(parser().parse(text if text.endswith("\n") else text + "\n"))


@cache
def parser() -> Lark:
    grammar = files("netc.grammar").joinpath("ir.lark").read_text(encoding="utf-8")
    return Lark(grammar, start="graph", parser="lalr", maybe_placeholders=False)


class GraphReader(Transformer):
    """Builds the graph from the parsed lines, which arrive in the order of the text."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, Value] = {}

    def shape(self, sizes: list[Token]) -> tuple[int, ...]:
        return tuple(map(int, sizes))

    def value(self, parts: list) -> Value:
        name, dtype, shape = parts
        value = Value(str(name[1:]), TensorType(str(dtype), shape))
        self.values[value.name] = value
        return value

    def input(self, parts: list) -> Input:
        return Input(parts[0], Role(str(parts[1])))

    def output(self, parts: list[Token]) -> Output:
        return Output(unquote(parts[0]), self.values[parts[1][1:]])

    def update(self, parts: list[Token]) -> Update:
        return Update(self.values[parts[0][1:]], self.values[parts[1][1:]])

    def node(self, parts: list) -> Node:
        outputs = tuple(part for part in parts if isinstance(part, Value))
        op, *operands = (part for part in parts if isinstance(part, Token))
        attributes = tuple(part for part in parts if isinstance(part, tuple))
        origin = next((part for part in parts if isinstance(part, Origin)), Origin())
        inputs = tuple(self.values[operand[1:]] for operand in operands)
        region = next((part for part in parts if isinstance(part, Region)), None)
        return Node(str(op), inputs, outputs, attributes, origin, region)

    def region(self, parts: list) -> Region:
        given, *nodes, gives = parts
        return Region(given, tuple(nodes), gives)

    def given(self, parts: list[Value]) -> tuple[Value, ...]:
        return tuple(parts)

    def gives(self, parts: list[Token]) -> tuple[Value, ...]:
        return tuple(self.values[name[1:]] for name in parts)

    def attribute(self, parts: list) -> tuple[str, AttributeValue]:
        return str(parts[0][:-1]), parts[1]

    def integer(self, parts: list[Token]) -> int:
        return int(parts[0])

    def float(self, parts: list[Token]) -> float:
        return float(parts[0])

    def truth(self, parts: list[Token]) -> bool:
        return parts[0] == "True"

    def text(self, parts: list[Token]) -> str:
        return unquote(parts[0])

    def tuple(self, parts: list) -> tuple[AttributeValue, ...]:
        return tuple(parts)

    def origin(self, parts: list[Token]) -> Origin:
        _, _, line, *path, phase = parts[0].split()
        return Origin(int(line), " ".join(path), phase)

    def graph(self, parts: list) -> Graph:
        def kind(wanted: type) -> tuple:
            return tuple(part for part in parts if isinstance(part, wanted))

        return Graph(unquote(parts[0]), kind(Input), kind(Node), kind(Output), kind(Update))
