"""The kept table of the parser reads what a new one reads; a damaged one is made anew."""

import pytest

from netc.compiler.cache import folder, keep, key_of
from netc.compiler.diagnostics import Source
from netc.compiler.syntax import table
from netc.compiler.syntax.parse import parse


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NETC_CACHE", str(tmp_path / "cache"))
    table.parser.cache_clear()
    yield
    table.parser.cache_clear()


def kept_names() -> list[str]:
    return sorted(path.name for path in folder().iterdir())


def test_a_kept_table_reads_every_program_as_a_new_one_does(cache, programs):
    sources = [Source(path.name, path.read_text()) for path in programs]
    made = [parse(source) for source in sources]
    assert len(kept_names()) == 1 and len(made) > 10
    table.parser.cache_clear()
    fresh = table.made_anew
    table.made_anew = lambda: pytest.fail("the kept table was not used")
    try:
        assert [parse(source) for source in sources] == made
    finally:
        table.made_anew = fresh


def test_a_table_that_cannot_be_read_is_made_anew(cache):
    source = Source("small.net", "const a = 1")
    made = parse(source)
    (name,) = kept_names()
    for damage in (b"", b"[1, 2]", b"[{}, {}]", b"no table", b'[{"data": 1}, {"1": 2}]'):
        keep(name, damage)
        table.parser.cache_clear()
        assert parse(source) == made, damage


def test_another_grammar_has_another_table(cache):
    assert key_of("parser", "1", "a: b") != key_of("parser", "1", "a: c")
