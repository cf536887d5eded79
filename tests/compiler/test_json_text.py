"""JSON of records: the same data as the slow way through `asdict`, in lines that are not long."""

import json
from dataclasses import asdict, dataclass

from netc.compiler.json_text import WIDTH, json_text


@dataclass(frozen=True)
class Leaf:
    name: str
    sizes: tuple[int, ...]
    share: float = 0.5


@dataclass(frozen=True)
class Tree:
    leaves: tuple[Leaf, ...]
    first: Leaf | None = None


TREE = Tree(tuple(Leaf(f'a "{n}"\n', tuple(range(n))) for n in range(40)), Leaf("ü", ()))


def test_the_text_holds_what_the_records_hold():
    assert json.loads(json_text(TREE)) == json.loads(json.dumps(asdict(TREE)))


def test_what_is_long_is_spread_over_lines_and_what_is_short_is_not():
    lines = json_text(TREE).split("\n")
    assert max(map(len, lines)) <= WIDTH + len('"leaves": ')
    assert '{"name": "a \\"2\\"\\n", "share": 0.5, "sizes": [0, 1]},' in lines


def test_text_longer_than_a_line_stays_whole():
    assert json.loads(json_text("x" * 2 * WIDTH)) == "x" * 2 * WIDTH
