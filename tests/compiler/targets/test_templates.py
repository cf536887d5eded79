"""Templates are compiled once on a machine, and again where what was kept is of no use."""

import jinja2
import pytest

from netc.compiler.targets.templates import environment


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """fresh() -> an environment that has loaded nothing yet, with a cache that it shares."""
    monkeypatch.setenv("NETC_CACHE", str(tmp_path))
    return lambda: environment.__wrapped__()


def test_a_template_is_compiled_once(fresh, tmp_path, monkeypatch):
    fresh().get_template("cpu/turn.c.j2")
    assert len(list(tmp_path.iterdir())) == 1

    def generate(*words, **options):
        raise AssertionError("compiled again")

    monkeypatch.setattr(jinja2.Environment, "_generate", generate)
    assert "netc_turn" in fresh().get_template("cpu/turn.c.j2").render(lanes=0, swaps=())
    with pytest.raises(AssertionError, match="compiled again"):
        fresh().get_template("cpu/map.c.j2")


def test_what_is_damaged_or_of_another_python_is_compiled_again(fresh, tmp_path):
    fresh().get_template("cpu/turn.c.j2")
    (kept,) = tmp_path.iterdir()
    for damaged in (b"", kept.read_bytes()[:-9], b"x" * 200):
        kept.write_bytes(damaged)
        assert "netc_turn" in fresh().get_template("cpu/turn.c.j2").render(lanes=0, swaps=())
