"""What Jinja made of a template is taken again, and only where it is of the same text."""

import sys

import pytest
from jinja2 import DictLoader, Environment, FileSystemLoader

from netc.compiler.targets.bytecode import KeptBeside, place_of


@pytest.fixture
def rendered(tmp_path, monkeypatch):
    """rendered(text) -> what a new environment makes of the template, now with this text."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)

    def render(text):
        (tmp_path / "a.j2").write_text(text)
        environment = Environment(
            loader=FileSystemLoader(tmp_path), autoescape=False, bytecode_cache=KeptBeside()
        )
        return environment.get_template("a.j2").render(x=3)

    return render


@pytest.fixture
def translations(monkeypatch):
    """Grows by one each time Jinja translates a template."""
    seen, generate = [], Environment._generate

    def counted(self, *given, **named):
        seen.append(given)
        return generate(self, *given, **named)

    monkeypatch.setattr(Environment, "_generate", counted)
    return seen


def test_a_template_is_translated_once(rendered, translations, tmp_path):
    assert [rendered("{{ x }} times") for _ in range(3)] == ["3 times"] * 3
    assert len(translations) == 1
    assert place_of(str(tmp_path / "a.j2")).is_file()
    assert not list(tmp_path.rglob("*.new"))


def test_another_text_is_translated_again(rendered, translations):
    assert [rendered("{{ x }}"), rendered("{{ x + 1 }}")] == ["3", "4"]
    assert len(translations) == 2


@pytest.mark.parametrize("left", [0, 5, 40, -7])
def test_a_damaged_file_is_made_again(rendered, translations, tmp_path, left):
    rendered("{{ x }} times")
    place = place_of(str(tmp_path / "a.j2"))
    place.write_bytes(place.read_bytes()[:left])
    assert rendered("{{ x }} times") == "3 times" and len(translations) == 2


def test_nothing_is_written_where_python_writes_no_bytecode(rendered, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert rendered("{{ x }}") == "3"
    assert [path.name for path in tmp_path.iterdir()] == ["a.j2"]


def test_a_folder_that_cannot_be_written_is_no_error(rendered, tmp_path):
    (tmp_path / "__pycache__").write_text("a file")
    assert rendered("{{ x }}") == "3"


def test_a_template_of_no_file_is_not_kept(translations, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        loader = DictLoader({"a.j2": "{{ x }}"})
        environment = Environment(loader=loader, autoescape=False, bytecode_cache=KeptBeside())
        assert environment.get_template("a.j2").render(x=3) == "3"
    assert len(translations) == 2 and not list(tmp_path.rglob("*"))
