"""Cross-entropy over many classes never stores the softmax: logits and their gradient, no more."""

import pytest

from netc.compiler.diagnostics import Source
from netc.compiler.functions import lay_out, trace
from netc.compiler.language.model import load_model

CLASSES = 5000
PROGRAM = """\
net writer(token: i32[N, T]) {
    return token -> embedding(CLASSES, 8) -> dense(CLASSES)
}

train {
    take token: i32[N, 6], next: i32[N, 6] from feed
    logits = writer(token)
    minimize cross_entropy(logits, next OPTION) with sgd(lr=0.1)
    measure accuracy(logits, next)
    measure perplexity(logits, next)
    batch ROWS
}
"""
OPTIONS = ("", ", smoothing=0.1", ", ignore=0")


def large(function, rows: int) -> set[tuple[int, int]]:
    """Where in the arena something of a number for each token and class lies."""
    size = 4 * 6 * rows * CLASSES
    return {(b.offset, b.bytes) for _, b in function.memory.places if b.bytes >= size}


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("rows", (3, 400))
def test_only_the_logits_and_their_gradient_are_as_large_as_the_softmax(rows, option):
    text = PROGRAM.replace("CLASSES", str(CLASSES)).replace("OPTION", option)
    model = load_model(Source("writer.net", text.replace("ROWS", str(rows))))
    for functions in lay_out(trace(model), lambda *stage: None).values():
        found = {one.name: len(large(one, rows)) for one in functions if one.batch == rows}
        assert found == {
            "train": 2, "gradients": 2, f"evaluate_{rows}": 1, f"run_writer_{rows}": 1
        }  # fmt: skip
