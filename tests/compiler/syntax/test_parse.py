"""Programs to trees: each construct, the corpus, and the grammar itself."""

import logging

import lark
import pytest

from netc.compiler.diagnostics import NetError, Source
from netc.compiler.syntax import tree
from netc.compiler.syntax.parse import parse
from netc.compiler.syntax.table import grammar_text

HERE = Source("here", "").path


def parsed(text: str) -> tree.Program:
    return parse(Source(HERE, text))


def value_of(text: str) -> tree.Expression:
    return parsed(f"const value = {text}").declarations[0].value


def body_of(text: str) -> tuple[tree.Statement, ...]:
    return parsed(f"net f(x: f32[N]) {{ {text} }}").declarations[0].body


def training(text: str) -> tuple[tree.Statement, ...]:
    return parsed(f"train {{ {text} }}").declarations[0].body


def outline(node) -> str:
    """An expression with every operation in brackets: its structure without the classes."""
    match node:
        case tree.Binary(op=op, left=left, right=right) | tree.Compare(op, left, right):
            return f"({outline(left)} {op} {outline(right)})"
        case tree.Unary(op=op, operand=operand):
            return f"({op} {outline(operand)})"
        case tree.Pipe(value=value, call=call):
            return f"({outline(value)} -> {outline(call)})"
        case tree.Call(function=function, arguments=arguments, named=named):
            inside = [outline(one) for one in arguments]
            inside += [f"{one.name.text}={outline(one.value)}" for one in named]
            return f"{outline(function)}({' '.join(inside)})"
        case tree.Conditional(condition=condition, then=then, otherwise=otherwise):
            return f"(if {outline(condition)} {outline(then)} {outline(otherwise)})"
        case tree.Range(start=start, stop=stop):
            return f"({outline(start)} .. {outline(stop)})"
        case tree.Attribute(value=value, name=name):
            return f"{outline(value)}.{name.text}"
        case tree.Percent(text=text):
            return f"{text}%"
    return node.text


def test_the_grammar_has_no_conflicts(caplog):
    messages = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    lark.logger.addHandler(handler)
    level = lark.logger.level
    lark.logger.setLevel(logging.DEBUG)
    try:
        lark.Lark(grammar_text(), start="program", parser="lalr", lexer="basic", debug=True)
        lark.Lark('start: "a" start | start "b" | "c"', parser="lalr", debug=True)
    finally:
        lark.logger.setLevel(level)
        lark.logger.removeHandler(handler)
    conflicts = [message for message in messages if "onflict" in message]
    assert len(conflicts) == 1, "only the second grammar, which is ambiguous, has a conflict"


def test_every_program_of_the_corpus_parses(programs):
    assert len(programs) >= 12
    for path in programs:
        program = parse(Source(path.name, path.read_text(encoding="utf-8")))
        assert program.declarations


@pytest.mark.parametrize(
    "text, structure",
    [
        ("a + b * c", "(a + (b * c))"),
        ("a - b - c", "((a - b) - c)"),
        ("a ** b ** c", "(a ** (b ** c))"),
        ("-a ** b", "(- (a ** b))"),
        ("a ** -b", "(a ** (- b))"),
        ("a @ b // c", "((a @ b) // c)"),
        ("not a == b and c or d", "(((not (a == b)) and c) or d)"),
        ("a + b -> f -> g(c, d=e)", "(((a + b) -> f()) -> g(c d=e))"),
        ("a if b == c else d -> f", "(if (b == c) a (d -> f()))"),
        ("a if b else c if d else e", "(if b a (if d c e))"),
        ("f(a if b else c)", "f((if b a c))"),
        ("(a -> f) + b", "((a -> f()) + b)"),
        ("0..a + 1", "(0 .. (a + 1))"),
        ("embed.table @ a.b(c)", "(embed.table @ a.b(c))"),
        ("20%", "20%"),
        ("20 % a", "(20 % a)"),
        ("20%a", "(20 % a)"),
        ("20%3", "(20 % 3)"),
        ("f(20%, 3)", "f(20% 3)"),
        ("20% * 2", "(20% * 2)"),
    ],
)
def test_operators_bind_as_documented(text, structure):
    assert outline(value_of(text)) == structure


@pytest.mark.parametrize(
    "text, value",
    [("3", 3), ("007", 7), ("0.5", 0.5), ("1e-3", 0.001), ("2.5E+2", 250.0), ("20%", 0.2)],
)
def test_numbers_have_their_value(text, value):
    found = value_of(text).value
    assert found == value and type(found) is type(value)


def test_strings_say_what_is_between_the_quotes():
    assert value_of(r'"a\"b\\c\n# d"').value == 'a"b\\c\n# d'
    assert value_of('"größe"').value == "größe"


def test_an_index_holds_slices_ellipsis_and_new_axes():
    items = value_of("x[:, None, ..., 1:a, ::2, -1]").items
    kinds = [type(item).__name__ for item in items]
    assert kinds == ["Slice", "NewAxis", "Ellipsis_", "Slice", "Slice", "Unary"]
    assert items[3].start.value == 1 and items[3].stop.text == "a" and items[3].step is None
    assert items[4].step.value == 2


def test_tuples_and_lists():
    assert [len(value_of(text).items) for text in ("()", "(1,)", "(1, 2)", "[]", "[1, 2, 3,]")] == [
        0, 1, 2, 0, 3,
    ]  # fmt: skip
    assert isinstance(value_of("(1)"), tree.Number)


def test_signatures_have_types_and_defaults():
    text = "block f(x: [N, ..., C], y: u8[N, 2 * 3], s: f32[], k, stride=1, z: i32 = 2) { }"
    parameters = parsed(text).declarations[0].parameters
    dtypes = [one.type and one.type.dtype and one.type.dtype.text for one in parameters]
    assert dtypes == [None, "u8", "f32", None, None, "i32"]
    assert isinstance(parameters[0].type.dimensions[1], tree.Ellipsis_)
    assert parameters[2].type.dimensions == parameters[5].type.dimensions == ()
    assert [one.default.value if one.default else None for one in parameters[3:]] == [None, 1, 2]


def test_statements_of_a_body():
    text = """
        layer embed = embedding(4, 8)   weight w: f32[C] = zeros   state s: f32[C] = ones
        update s = s + 1   a, b = split(x, 2)   repeat 3 { a = a + 1 }
        for i in 0..4 { if i == 0 { a = b if i else a } else if i { b = a } else { b = 1 } }
        return a, b
    """
    kinds = [type(statement).__name__ for statement in body_of(text)]
    assert kinds == [
        "LayerDeclaration", "WeightDeclaration", "WeightDeclaration", "Update", "Assign",
        "Repeat", "For", "Return",
    ]  # fmt: skip
    weight, state = body_of(text)[1:3]
    assert weight.trainable and not state.trainable
    (choice,) = body_of(text)[6].body
    assert isinstance(choice.then[0].value, tree.Conditional)
    assert isinstance(choice.otherwise[0], tree.If) and choice.otherwise[0].otherwise


def test_scan_has_sources_an_axis_a_direction_and_what_it_carries():
    text = "o = scan a in x, b in y + 1 along 1 reverse carry h, c { yield h, c } return o"
    scan = body_of(text)[0].value
    assert [source.name.text for source in scan.sources] == ["a", "b"]
    assert scan.reverse and [name.text for name in scan.carry] == ["h", "c"]
    assert isinstance(scan.body[0], tree.Yield) and len(scan.body[0].values) == 2
    plain = body_of("o = scan a in x along -1 { yield a }")[0].value
    assert not plain.reverse and plain.carry == () and isinstance(plain.axis, tree.Unary)


def test_a_train_block_has_data_losses_measures_and_settings():
    text = """
        take a, _, b: f32[N, 8] from cifar10("data") -> shuffle
        minimize a over f, g with adam(1)   minimize b with sgd(2) over f
        measure accuracy(a, b)   measure m = a   batch 128 epochs 20   precision bf16
        validate 20%   stop patience=3, by=m   clip 1.0
    """
    take, first, second, measure, named, *settings = training(text)
    assert [field.name.text for field in take.fields] == ["a", "_", "b"]
    assert isinstance(take.data, tree.Pipe) and take.fields[2].type.dtype.text == "f32"
    assert [name.text for name in first.nets] == ["f", "g"] and len(second.nets) == 1
    assert measure.name is None and named.name.text == "m"
    names = [setting.name.text for setting in settings]
    assert names == ["batch", "epochs", "precision", "validate", "stop", "clip"]
    assert [one.name.text for one in settings[4].named] == ["patience", "by"]


CLAUSES = "layer weight state update take from minimize with over measure along reverse carry"


@pytest.mark.parametrize("word", [*CLAUSES.split(), "use", "const", "block", "net", "train"])
def test_a_word_that_only_starts_things_is_a_name_elsewhere(word):
    text = f"{word} = f(x, {word}=1) a, {word} = x b = {word} -> g return {word}"
    assert [type(one).__name__ for one in body_of(text)] == ["Assign", "Assign", "Assign", "Return"]


def test_an_if_after_a_value_is_told_from_a_choice():
    first, second, third = body_of("a = b if c { d = e } f = g if h else i")
    assert isinstance(first.value, tree.Name) and isinstance(second, tree.If)
    assert isinstance(third.value, tree.Conditional)


def test_line_ends_mean_nothing(programs):
    for path in programs:
        text = path.read_text(encoding="utf-8")
        lines = [line.split("#")[0] for line in text.splitlines()]
        assert parsed(" ".join(lines)) == parsed(text) == parsed(text.replace("\n", "\r\n"))


def test_spans_cover_exactly_what_a_node_says():
    text = "const a = 3\nnet f(x: f32[N]) {\n    return (x + 1) -> g(2, k=3)\n}\n"
    net = parsed(text).declarations[1]
    value = net.body[0].values[0]
    assert net.span.line == 2 and (net.span.end_line, net.span.end_column) == (4, 2)
    assert value.span.text == "(x + 1) -> g(2, k=3)"
    assert value.value.span.text == "(x + 1)"
    assert value.call.span.text == "g(2, k=3)" and value.call.named[0].span.text == "k=3"
    assert net.parameters[0].span.text == "x: f32[N]"


def test_trees_are_equal_whatever_their_spans():
    assert parsed("const a = 3 * b") == parsed("const a =\n  3*b # said otherwise")
    assert parsed("const a = 3 * b") != parsed("const a = 3 + b")


def test_an_empty_file_is_an_empty_program():
    assert parsed("").declarations == () and parsed("# nothing\n").declarations == ()


def test_a_net_error_carries_its_exit_code():
    with pytest.raises(NetError) as caught:
        parsed("net")
    assert caught.value.exit_code == 1 and len(caught.value.diagnostics) == 1
