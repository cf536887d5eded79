"""Plain sgd moves the rows of a table that a batch names, and nothing else is written down."""

import pytest

from netc.compiler.diagnostics import Source
from netc.compiler.functions import trace
from netc.compiler.ir.graph import Role
from netc.compiler.language.model import load_model

PROGRAM = """\
net find(code: i32[N]) {
    layer rows = embedding(ROWS, 4)
    return (rows(code) -> dense(1)) MORE
}

train {
    take code: i32[N], y: f32[N, 1] from feed
    minimize mean_squared_error(find(code), y) with OPTIMIZER
    batch 8
    SETTING
}
"""


def step(rows=9, optimizer="sgd(lr=0.3)", setting="", more=""):
    """The training step of the program."""
    text = PROGRAM.replace("ROWS", str(rows)).replace("OPTIMIZER", optimizer)
    text = text.replace("SETTING", setting).replace("MORE", more)
    return trace(load_model(Source("find.net", text)))[0].graph


@pytest.mark.parametrize("optimizer", ("sgd(lr=0.3)", "sgd(lr=cosine(0.1, warmup=3))"))
def test_a_table_of_more_rows_than_a_batch_names_moves_in_those(optimizer):
    graph = step(optimizer=optimizer)
    (update,) = (one for one in graph.updates if one.target.name == "find.rows.table")
    assert graph.producers()[update.value.name].op == "move_rows"
    rooms = [entry.value for entry in graph.inputs if entry.role is Role.ROOM]
    assert [room.type for room in rooms] == [update.target.type]


@pytest.mark.parametrize("other", [
    {"rows": 8}, {"optimizer": "sgd(lr=0.3, momentum=0.9)"}, {"optimizer": "adam(lr=0.1)"},
    {"optimizer": "sgd(lr=0.3, decay=0.1)"}, {"setting": "clip 1.0"}, {"setting": "accumulate 2"},
    {"setting": "average 0.9"}, {"setting": "precision f16"}, {"more": "+ mean(rows.table)"},
])  # fmt: skip
def test_a_table_that_moves_otherwise_moves_as_a_whole(other):
    graph = step(**other)
    assert not any(node.op == "move_rows" for node in graph.nodes)
    assert not any(entry.role is Role.ROOM for entry in graph.inputs)
