"""Canonical text: stable, equal in meaning, and with every comment."""

import random

import pytest

from netc.compiler.diagnostics import Source, Span
from netc.compiler.syntax import tree
from netc.compiler.syntax.format import format_program, format_tree
from netc.compiler.syntax.parse import parse
from netc.compiler.syntax.tokens import tokenize

NOWHERE = Span(Source("made", ""), 1, 1, 1, 1)
RANDOM_TREES = 200


def formatted(text: str) -> str:
    return format_program(Source("here", text))


def comments(text: str) -> list[str]:
    return sorted(comment.text.rstrip() for comment in tokenize(Source("here", text)).comments)


def test_the_corpus_keeps_its_meaning_and_its_comments(programs):
    for path in programs:
        text = path.read_text(encoding="utf-8")
        once = formatted(text)
        assert parse(Source("again", once)) == parse(Source("first", text))
        assert formatted(once) == once
        assert comments(once) == comments(text)
        assert max(len(line) for line in once.splitlines() if "#" not in line) <= 100


@pytest.mark.parametrize("name", ["mnist", "resnet", "lstm", "seq2seq", "unet", "feed", "blocks"])
def test_a_program_in_good_shape_stays_as_it_is(name, programs):
    (path,) = (path for path in programs if path.stem == name)
    text = path.read_text(encoding="utf-8")
    assert formatted(text) == text


def test_comments_stay_where_they_speak():
    text = """# top
use "a.net" # why
const a = 3


# about b
const b=4
block f(x:[N,...,C],k = 3) { # head
  if a > 3 { b = c # in
  } else if q { z = 1 }
  else { # deep
     z = 10%3 # rest
     # last
  }

  a, b = scan x in xs,y in ys along 1 reverse carry h, c { yield h } # after
  return x -> dense(3) # one
     -> relu # two
     # end
} # block end
# before train
train { batch 3 epochs 4 # both
}
# end of file"""
    assert (
        formatted(text)
        == """# top
use "a.net"  # why
const a = 3

# about b
const b = 4

block f(x: [N, ..., C], k=3) {
    # head
    if a > 3 {
        b = c  # in
    } else if q {
        z = 1
        # deep
    } else {
        z = 10 % 3  # rest
        # last
    }

    a, b = scan x in xs, y in ys along 1 reverse carry h, c { yield h }  # after
    # one
    return x -> dense(3) -> relu  # two
    # end
}  # block end

# before train
train {
    batch 3
    epochs 4  # both
}

# end of file
"""
    )


def test_comments_anywhere_are_kept(programs):
    texts = [path.read_text(encoding="utf-8") for path in programs]
    for seed in range(60):
        choose = random.Random(seed)
        words = [word.text for word in tokenize(Source("corpus", choose.choice(texts))).words]
        for number in range(12):
            comment = choose.choice((f"# {number}\n", f"\n# {number}\n", "\n\n"))
            words.insert(choose.randrange(len(words) + 1), comment)
        text = " ".join(words)
        once = formatted(text)
        assert comments(once) == comments(text), f"seed {seed}:\n{once}"
        assert parse(Source("again", once)) == parse(Source("first", text))
        assert formatted(once) == once, f"seed {seed}:\n{once}"


def test_long_statements_are_broken_where_they_read_well():
    width = ", ".join(f"width_{number}=100000" for number in range(6))
    text = f"""net f(x: f32[N]) {{
    y = x -> first({width}) -> second -> third({width})
    return concat(y, x + x * {"x" * 60}, another(1, 2, 3), z), y
}}
"""
    result = formatted(text)
    assert (
        result
        == """net f(x: f32[N]) {
    y = x
        -> first(
            width_0=100000,
            width_1=100000,
            width_2=100000,
            width_3=100000,
            width_4=100000,
            width_5=100000
        )
        -> second
        -> third(
            width_0=100000,
            width_1=100000,
            width_2=100000,
            width_3=100000,
            width_4=100000,
            width_5=100000
        )
    return
        concat(
            y,
            x + x * xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx,
            another(1, 2, 3),
            z
        ),
        y
}
"""
    )
    assert parse(Source("again", result)) == parse(Source("first", text))


class Maker:
    """Random trees from a seed: every class of tree.py, a few levels deep."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)

    def make(self, kind, *values, **named):
        return kind(*values, **named, span=NOWHERE)

    def some(self, make, least: int = 0, most: int = 3):
        return tuple(make() for _ in range(self.random.randint(least, most)))

    def one(self, *choices):
        return self.random.choice(choices)

    def maybe(self, make):
        return make() if self.random.random() < 0.5 else None

    def name(self):
        words = ("x", "y_1", "weight", "over", "_", "N", "carry", "state", "a_rather_long_name")
        return self.make(tree.Name, self.one(*words))

    def leaf(self):
        return self.one(
            self.name(),
            self.make(tree.Number, self.one("3", "0.5", "1e-3")),
            self.make(tree.Percent, self.one("20", "2.5")),
            self.make(tree.Text, self.one("", 'a "b" \\ # c\n', "größe")),
            self.make(tree.Truth, self.one(True, False)),
        )

    def named(self, depth):
        return self.make(tree.Named, self.name(), self.expression(depth))

    def call(self, depth, function=None):
        below = depth - 1
        arguments = self.some(lambda: self.expression(below))
        named = self.some(lambda: self.named(below), most=2)
        return self.make(tree.Call, function or self.expression(below), arguments, named)

    def callee(self):
        name = self.name()
        return self.one(name, self.make(tree.Attribute, name, self.name()))

    def item(self, depth):
        parts = [self.maybe(lambda: self.expression(depth)) for _ in range(3)]
        special = (self.make(tree.Ellipsis_), self.make(tree.NewAxis))
        return self.one(self.make(tree.Slice, *parts), self.expression(depth), *special)

    def expression(self, depth):
        if depth <= 0:
            return self.leaf()
        below = depth - 1
        a, b, c = (self.expression(below) for _ in range(3))
        operator = self.one("+", "-", "*", "/", "//", "%", "**", "@", "and", "or")
        return self.one(
            lambda: self.make(tree.Binary, operator, a, b),
            lambda: self.make(tree.Unary, self.one("-", "not"), a),
            lambda: self.make(tree.Compare, self.one("==", "!=", "<", "<=", ">", ">="), a, b),
            lambda: self.make(tree.Conditional, a, b, c),
            lambda: self.make(tree.Pipe, a, self.call(below, self.callee())),
            lambda: self.make(tree.Range, a, b),
            lambda: self.make(tree.Attribute, a, self.name()),
            lambda: self.make(tree.Tuple_, self.some(lambda: self.expression(below))),
            lambda: self.make(tree.List_, self.some(lambda: self.expression(below))),
            lambda: self.make(tree.Index, a, self.some(lambda: self.item(below), least=1)),
            lambda: self.call(depth),
        )()

    def type(self):
        ellipsis = self.make(tree.Ellipsis_)
        dimensions = self.some(lambda: self.one(ellipsis, self.expression(1)))
        return self.make(tree.TypePattern, self.maybe(self.name), dimensions)

    def scan(self, depth):
        sources = self.some(
            lambda: self.make(tree.ScanSource, self.name(), self.expression(1)), least=1
        )
        carry = self.some(self.name)
        body = self.some(lambda: self.statement(depth - 1))
        axis = self.expression(1)
        return self.make(tree.Scan, sources, axis, self.one(True, False), carry, body)

    def statement(self, depth):
        expression = lambda: self.expression(self.random.randint(0, 4))  # noqa: E731
        body = lambda: self.some(lambda: self.statement(depth - 1))  # noqa: E731
        flat = (
            lambda: self.make(tree.Assign, self.some(self.name, least=1), expression()),
            lambda: self.make(tree.Return, self.some(expression, least=1)),
            lambda: self.make(tree.Yield, self.some(expression, least=1)),
            lambda: self.make(tree.LayerDeclaration, self.name(), expression()),
            lambda: self.make(
                tree.WeightDeclaration,
                self.name(),
                self.type(),
                expression(),
                trainable=self.one(True, False),
            ),
            lambda: self.make(tree.Update, self.name(), expression()),
        )
        nested = (
            lambda: self.make(tree.Assign, self.some(self.name, least=1), self.scan(depth)),
            lambda: self.make(tree.Repeat, expression(), body()),
            lambda: self.make(tree.For, self.name(), expression(), body()),
            lambda: self.make(tree.If, expression(), body(), body()),
        )
        return self.one(*(flat + nested if depth > 0 else flat))()

    def training(self):
        field = lambda: self.make(tree.Field, self.name(), self.maybe(self.type))  # noqa: E731
        named = self.some(lambda: self.named(1), least=1, most=2)
        fields = self.some(field, least=1)
        batch, three = self.make(tree.Name, "batch"), self.make(tree.Number, "3")
        return self.one(
            lambda: self.make(tree.Take, fields, self.expression(2)),
            lambda: self.make(
                tree.Minimize, self.expression(4), self.expression(3), self.some(self.name)
            ),
            lambda: self.make(tree.Measure, self.maybe(self.name), self.expression(3)),
            lambda: self.make(tree.Setting, batch, (three, self.expression(2))),
            lambda: self.make(tree.Setting, batch, (), named),
            lambda: self.make(tree.Assign, (self.name(),), self.expression(3)),
        )()

    def declaration(self):
        parameter = lambda: self.make(  # noqa: E731
            tree.Parameter,
            self.name(),
            self.maybe(self.type),
            self.maybe(lambda: self.expression(2)),
        )
        body = self.some(lambda: self.statement(3), most=5)
        signature = (self.name(), self.some(parameter))
        return self.one(
            lambda: self.make(tree.Use, self.make(tree.Text, "a.net")),
            lambda: self.make(tree.Constant, self.name(), self.expression(3)),
            lambda: self.make(tree.Block, *signature, body),
            lambda: self.make(tree.Net, *signature, body),
            lambda: self.make(tree.Train, self.maybe(self.name), self.some(self.training, most=6)),
        )()

    def program(self):
        return self.make(tree.Program, self.some(self.declaration, most=5))


def test_random_trees_come_back_from_their_text():
    seen = set()
    for seed in range(RANDOM_TREES):
        program = Maker(seed).program()
        text = format_tree(program)
        back = parse(Source(f"seed {seed}", text))
        assert back == program, f"seed {seed}:\n{text}"
        assert format_program(back) == text, f"seed {seed}"
        seen |= {word for word in repr(program).replace("(", " ").split() if word[0].isupper()}
    classes = {name for name in vars(tree) if name in seen}
    assert len(classes) >= 38, "the generator reaches every construct"
