"""Sources of a stranger: each limit has its own code, and nothing but NetError ever escapes."""

import random
import subprocess
import sys
import time

import pytest

from netc.compiler.diagnostics import NetError, Source, render_all
from netc.compiler.syntax.format import format_program
from netc.compiler.syntax.parse import parse, read_source
from netc.compiler.syntax.tokens import tokenize

MUTATIONS = 500
LONG = 40_000
HOSTILE = {
    "bytes": ("#" * (1 << 20) + "\n", "E0110"),
    "parentheses": ("const a = " + "(" * LONG, "E0111"),
    "lists": ("const a = " + "[" * 65 + "]" * 65, "E0111"),
    "braces": ("net f() {" + "repeat 2 {" * LONG, "E0111"),
    "minus": ("const a = " + "-" * LONG + "1", "E0111"),
    "not": ("const a = " + "not " * LONG + "1", "E0111"),
    "powers": ("const a = 1" + " ** 1" * LONG, "E0111"),
    "sums": ("const a = 1" + " + 1" * LONG, "E0111"),
    "pipes": ("const a = x" + " -> f" * LONG, "E0111"),
    "choices": ("const a = 1" + " if 1 else 1" * LONG, "E0111"),
    "ifs": ("net f() { if a { }" + " else if a { }" * LONG, "E0111"),
    "calls": ("const a = f" + "()" * LONG, "E0111"),
    "indices": ("const a = f" + "[0]" * LONG, "E0111"),
    "attributes": ("const a = f" + ".a" * LONG, "E0111"),
    "sums of sums": ("const a = " + "(" * 30 + "1" + " + 1 + 1 + 1 + 1 + 1 + 1 + 1)" * 30, "E0111"),
    "sums in first arguments": (
        "const a = " + "f(" * 30 + "1" + " + 1 + 1 + 1 + 1 + 1 + 1 + 1, 2)" * 30,
        "E0111",
    ),
    "statements": ("net f() {" + "\na = 1" * 20_001 + "}", "E0112"),
    "settings": ("train {" + "\nbatch 1" * 20_001 + "}", "E0112"),
    "name": ("const " + "a" * 64 + " = 1", "E0113"),
    "long name": ("const " + "a" * 1_000_000 + " = 1", "E0113"),
    "letters": ("const é = 1", "E0114"),
    "zero byte": ("const a\0 = 1", "E0115"),
    "bidi": ("const a = 1 # \u202e", "E0115"),
    "zero width": ('use "a\u200b.net"', "E0115"),
    "escape": ("# \x1b[2J", "E0115"),
    "surrogate": ('use "\udc80"', "E0115"),
    "line separator": ("# a\u2028const a = 1", "E0115"),
    "digits": ("const a = " + "9" * 5000, "E0117"),
    "many digits": ("const a = " + "9" * 1_000_000, "E0117"),
    "percent digits": ("const a = " + "9" * 5000 + "%", "E0117"),
    "infinity": ("const a = 1e400", "E0118"),
    "dots": ("const a = 1" + ".1" * LONG, "E0107"),
    "quotes": ('use "' + "a" * 100_000, "E0104"),
    "backslashes": ('use "' + "\\\\" * 50_000, "E0104"),
    "errors": ("net f() {\n" + "a = = 1\n" * 10_000 + "}", "E0101"),
    "closing": ("}" * LONG, "E0103"),
    "questions": ("?" * LONG, "E0105"),
}


def check_spans(error: NetError, source: Source) -> None:
    assert 1 <= len(error.diagnostics) <= 20
    for diagnostic in error.diagnostics:
        span = diagnostic.span
        if span is None:
            continue
        assert 1 <= span.line <= span.end_line <= len(source.lines)
        assert 1 <= span.column <= len(source.line(span.line)) + 1
        assert span.end_column <= len(source.line(span.end_line)) + 1
    lines = render_all(error.diagnostics).split("\n")
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_source_is_refused_quickly_by_its_own_code(case):
    text, code = HOSTILE[case]
    source = Source("hostile.net", text)
    start = time.process_time()
    with pytest.raises(NetError) as caught:
        parse(source)
    assert time.process_time() - start < 2.0
    assert caught.value.diagnostics[0].code == code
    check_spans(caught.value, source)


def test_what_stays_within_the_limits_is_accepted():
    accepted = (
        "const a = " + "(" * 64 + "1" + ")" * 64,
        "const a = 1" + " + 1" * 190,
        "const a = [" + "1 + 1 + 1, " * 5_000 + "]",
        "net f() {" + "\na = 1 + 1" * 19_000 + "}",
        "const " + "a" * 63 + " = 1",
        "const a = " + "9" * 400,
    )
    for text in accepted:
        assert parse(Source("large.net", text)).declarations


def mutated(words: list[str], choose: random.Random, pool: list[str]) -> list[str]:
    """One to five words deleted, doubled, exchanged, replaced or cut off."""
    words = list(words)
    for _ in range(choose.randint(1, 5)):
        if not words:
            break
        place = choose.randrange(len(words))
        match choose.randrange(5):
            case 0:
                del words[place]
            case 1:
                words.insert(place, words[place])
            case 2:
                other = choose.randrange(len(words))
                words[place], words[other] = words[other], words[place]
            case 3:
                words[place] = choose.choice(pool)
            case 4:
                words.insert(place, choose.choice(pool))
    return words


def test_mutated_programs_end_in_a_tree_or_a_net_error(programs):
    texts = [path.read_text(encoding="utf-8") for path in programs]
    corpus = [[word.text for word in tokenize(Source("corpus", text)).words] for text in texts]
    pool = sorted(
        {word for words in corpus for word in words} | set("?;\"'\\$é") | {"..", "1e", "0x"}
    )
    refused = 0
    for seed in range(MUTATIONS):
        choose = random.Random(seed)
        words = mutated(choose.choice(corpus), choose, pool)
        if seed % 3 == 0:
            words = words[: choose.randrange(len(words) + 1)]
        text = "".join(word + choose.choice((" ", " ", "\n")) for word in words)
        source = Source(f"seed {seed}", text)
        start = time.process_time()
        try:
            program = parse(source)
            assert parse(Source("again", format_program(program))) == program
        except NetError as error:
            refused += 1
            check_spans(error, source)
        assert time.process_time() - start < 1.0
    assert MUTATIONS // 2 < refused < MUTATIONS


def test_random_characters_end_in_a_tree_or_a_net_error():
    choose = random.Random(7)
    alphabet = 'abx01.9%"\\#(){}[]->=,:*/+ \n\t\r\x00\u202eé😀 net train if else scan '
    for _ in range(300):
        text = "".join(choose.choice(alphabet) for _ in range(choose.randrange(200)))
        source = Source("noise", text)
        try:
            parse(source)
        except NetError as error:
            check_spans(error, source)


@pytest.mark.parametrize(
    "data, code", [(b"const a = \xff", "E0116"), (b"\n" * (1 << 21), "E0110"), (None, "E0121")]
)
def test_a_file_that_cannot_be_read_as_a_source_says_why(tmp_path, data, code):
    path = tmp_path / "some.net"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(NetError) as caught:
        read_source(str(path))
    assert caught.value.diagnostics[0].code == code
    assert str(path) in caught.value.diagnostics[0].message
    with pytest.raises(NetError):
        read_source(str(tmp_path))
    with pytest.raises(NetError):
        read_source("a\0.net")


def test_a_byte_order_mark_is_not_part_of_the_text(tmp_path):
    (tmp_path / "a.net").write_bytes(b"\xef\xbb\xbfconst a = 1")
    assert read_source(str(tmp_path / "a.net")).text == "const a = 1"


def test_parsing_a_small_file_starts_quickly(programs):
    small = next(path for path in programs if path.stem == "mnist")
    code = (
        "import sys; from netc.compiler.syntax.parse import parse, read_source;"
        "parse(read_source(sys.argv[1]))"
    )
    times = []
    for _ in range(3):
        start = time.process_time()
        subprocess.run([sys.executable, "-c", code, str(small)], check=True)
        times.append(time.process_time() - start)
    assert min(times) < 1.5, times
