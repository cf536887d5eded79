"""Every code of the language has a golden file, and usual mistakes get the answer they deserve."""

from pathlib import Path

import pytest

from netc.compiler.codes import CODES
from netc.compiler.diagnostics import NetError, Source, render_all
from netc.compiler.language import limits
from netc.compiler.language.model import load_model

GOLDEN = Path(__file__).parent / "golden"
PAGES = [page for page in CODES if page.code[:3] in ("E02", "E03", "E04", "E09") and page.wrong]
NET = "net f(x: f32[N, 8]) {\n    return x -> dense(1)\n}\n\n"

# Codes whose page has no program: a file, a definition, or a program too long to print.
OTHERS = {
    "E0322": "net f(x: f32[N, 8]) {\n    repeat 12 {\n        x = x -> softmax -> gelu\n"
    "    }\n    return x\n}\n",
    "E0323": "".join(f"block b{i}(x) {{\n    return x -> b{i + 1}\n}}\n" for i in range(65))
    + "block b65(x) {\n    return x\n}\nnet f(x: f32[N, 8]) {\n    return x -> b0\n}\n",
    "E0411": NET
    + "train {\n    take image, label, x from mnist\n    minimize mean(f(image)) with sgd\n}\n",
}

MISTAKES = {
    "a misspelled layer": "net f(x: f32[N, 8]) {\n    return x -> densse(4) -> relu\n}\n",
    "a misspelled name": "net f(image: f32[N, 8]) {\n    y = imge * 2\n    return y\n}\n",
    "dense without a tensor": "net f(x: f32[N, 8]) {\n    y = dense(4)\n    return y\n}\n",
    "dense without units": "net f(x: f32[N, 8]) {\n    return x -> dense\n}\n",
    "conv on a flat tensor": "net f(x: f32[N, 784]) {\n    return x -> conv2d(8)\n}\n",
    "conv after flatten": "net f(x: f32[N, 8, 8, 1]) {\n"
    "    return x -> conv2d(4) -> relu -> flatten -> max_pool(2)\n}\n",
    "kernel too large": "net f(x: f32[N, 8, 8, 1]) {\n"
    "    return x -> max_pool(4) -> conv2d(4, kernel=5)\n}\n",
    "sizes that do not add": "net f(x: f32[N, 8]) {\n    a = x -> dense(4)\n"
    "    b = x -> dense(6)\n    return a + b\n}\n",
    "a column against a row": "net f(x: f32[N, 8], w: f32[N]) {\n    return x * w\n}\n",
    "matmul the wrong way round": "net f(x: f32[N, 8], y: f32[N, 8]) {\n    return x @ y\n}\n",
    "if over a tensor": "net f(x: f32[N, 8]) {\n    if sum(x) > 0 {\n        x = -x\n    }\n"
    "    return x\n}\n",
    "a loss for each row": NET + "train {\n    take x: f32[N, 8], y: f32[N, 1] from feed\n"
    "    minimize (f(x) - y) ** 2 with sgd(0.1)\n}\n",
    "labels as columns": "net f(x: f32[N, 8], label: i32[N, 1]) {\n"
    "    return cross_entropy(x -> dense(10), label)\n}\n",
    "a guess as a column": "net f(x: f32[N, 8], y: f32[N]) {\n"
    "    return mean_squared_error(x -> dense(1), y)\n}\n",
    "a misspelled optimizer": NET + "train {\n    take x: f32[N, 8] from feed\n"
    "    minimize mean(f(x)) with adm(0.001)\n}\n",
    "learning_rate for lr": NET + "train {\n    take x: f32[N, 8] from feed\n"
    "    minimize mean(f(x)) with adam(learning_rate=0.001)\n}\n",
    "percent forgotten": NET + "train {\n    take x: f32[N, 8] from feed\n"
    "    minimize mean(f(x)) with adam\n    validate 20\n}\n",
    "field without a type": NET + "train {\n    take x, y from feed\n"
    "    minimize mean_squared_error(f(x), y) with adam\n}\n",
    "wrong net input": NET + "train {\n    take x: f32[N, 9] from feed\n"
    "    minimize mean(f(x)) with adam\n    batch 4\n}\n",
    "layer reused for another size": "net f(x: f32[N, 8]) {\n    layer a = dense(4)\n"
    "    return x -> a -> a\n}\n",
    "weight in a loop": "net f(x: f32[N, 8]) {\n    repeat 2 {\n"
    "        weight w: f32[8] = ones\n        x = x * w\n    }\n    return x\n}\n",
    "reshape that loses elements": "net f(x: f32[N, 28, 28]) {\n"
    "    return reshape(x, (N, 28 * 27))\n}\n",
    "bytes that were not divided": "block head(x: f32[N, C]) {\n    return x -> dense(2)\n}\n\n"
    "net f(image: u8[N, 8]) {\n    return image -> head\n}\n",
    "three mistakes at once": "net f(x: f32[N, 8]) {\n    a = x -> dens(4)\n    b = a + 1\n"
    "    c = x[:, 9]\n    d = c * b\n    return x -> dense(4, bais=false)\n}\n",
    "an error inside a block": "block mix(x: [N, C], y: [N, D]) {\n    return x + y\n}\n\n"
    "net f(x: f32[N, 8]) {\n    y = x -> dense(4)\n    return mix(x, y)\n}\n",
    "not built yet": "net f(x: f32[N, 4, 8]) {\n    return x -> ctc(8)\n}\n",
}


def told_of(source: Source) -> tuple:
    """The errors in a program, or its warnings where there are none."""
    try:
        return load_model(source).warnings
    except NetError as error:
        return error.diagnostics


def answer(text: str) -> str:
    with pytest.raises(NetError) as caught:
        load_model(Source("test.net", text))
    return render_all(caught.value.diagnostics) + "\n"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.code)
def test_the_wrong_program_of_a_page_gets_its_code(page, golden):
    found = told_of(Source("wrong.net", page.wrong))
    assert {one.code for one in found} == {page.code}
    golden(GOLDEN / f"{page.code}.txt", render_all(found) + "\n")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.code)
def test_the_right_program_of_a_page_loads(page):
    load_model(Source("right.net", page.right))


@pytest.mark.parametrize("code", OTHERS)
def test_other_codes_are_reported(code, golden, monkeypatch):
    monkeypatch.setattr(limits, "MOST_NODES", 100)
    text = answer(OTHERS[code])
    assert f"error[{code}]" in text
    golden(GOLDEN / f"{code}.txt", text)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_usual_mistake_is_answered(name, golden):
    golden(GOLDEN / "mistakes" / f"{name.replace(' ', '_')}.txt", answer(MISTAKES[name]))


def test_independent_errors_are_reported_in_one_run():
    with pytest.raises(NetError) as caught:
        load_model(Source("test.net", MISTAKES["three mistakes at once"]))
    found = [(one.code, one.span.line) for one in caught.value.diagnostics]
    assert found == [("E0302", 2), ("E0209", 4), ("E0303", 6)]


def test_at_most_twenty_errors_are_reported():
    body = "".join(f"    a{i} = b{i}\n" for i in range(50))
    with pytest.raises(NetError) as caught:
        load_model(Source("test.net", f"net f(x: f32[N, 8]) {{\n{body}    return x\n}}\n"))
    assert [one.span.line for one in caught.value.diagnostics] == list(range(2, 22))


def test_spans_point_into_the_users_file():
    for text in (*MISTAKES.values(), *(page.wrong for page in PAGES)):
        found = told_of(Source("test.net", text))
        assert found
        for one in found:
            for span in (one.span, *(label.span for label in one.secondary)):
                assert span.source.path == "test.net", one
                assert span.line <= len(span.source.lines)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("k // 0", "E0222"),
        ("k % 0", "E0222"),
        ("k + 3000000000", "E0222"),
        ("pad(k, 1, value=infinity)", "E0222"),
        ("x * (10 ** 400)", "E0222"),
        ("zeros(2 ** 31)", "E0213"),
        ("zeros(2 ** 30, 2 ** 11)", "E0214"),
        ("reshape(x, (1, 1, 1, 1, 1, 1, 1, N, 8))", "E0214"),
        ("huber(x, x, weight=k[:, None, None])", "E0223"),
        ("[x] + [x] * 2", "E0220"),
        ("x[k, 0]", "E0209"),
    ],
)
def test_what_has_no_meaning_is_refused(text, code):
    program = f"net f(x: f32[N, 8], k: i32[N]) {{ return {text} }}"
    with pytest.raises(NetError) as caught:
        load_model(Source("test.net", program))
    assert [one.code for one in caught.value.diagnostics] == [code]


def test_every_part_of_an_expression_is_looked_at():
    text = "net f(x: f32[N, 8]) {\n    y = one + two\n    return y -> dens(three)\n}\n"
    with pytest.raises(NetError) as caught:
        load_model(Source("test.net", text))
    found = [(one.code, one.span.text) for one in caught.value.diagnostics]
    assert found == [("E0301", "one"), ("E0301", "two"), ("E0302", "dens"), ("E0301", "three")]
