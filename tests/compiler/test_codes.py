"""Every code has a page whose wrong program gets it and whose right one does not."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import netc.compiler.codes
from netc.compiler.codes import CODES, find_code
from netc.compiler.diagnostics import NetError, Source
from netc.compiler.syntax.format import format_program
from netc.compiler.syntax.parse import parse

WITHOUT_PROGRAM = {"E0110", "E0112", "E0116", "E0121"}
SYNTAX = [page for page in CODES if page.code.startswith("E01")]


def test_codes_are_unique_and_in_order():
    codes = [page.code for page in CODES]
    assert codes == sorted(set(codes))
    assert all(re.fullmatch(r"E0\d\d\d|ICE", code) for code in codes)


@pytest.mark.parametrize("page", SYNTAX, ids=lambda page: page.code)
def test_the_wrong_program_gets_its_code(page):
    if page.code in WITHOUT_PROGRAM:
        assert page.wrong == page.right == ""
        return
    with pytest.raises(NetError) as caught:
        parse(Source("wrong.net", page.wrong))
    assert {one.code for one in caught.value.diagnostics} == {page.code}


@pytest.mark.parametrize("page", CODES, ids=lambda page: page.code)
def test_the_right_program_parses_and_is_well_formatted(page):
    for text in (page.right, page.wrong if page not in SYNTAX else ""):
        if page.code != "E0111":
            assert format_program(Source("right.net", text)) == text


def test_every_code_in_the_sources_has_a_page():
    root = Path(netc.compiler.codes.__file__).parent.parent
    folders = (root / "compiler", root / "runtime", root / "netc")
    files = [path for folder in folders for path in folder.rglob("*.py")]
    sources = [path for path in files if path.parent.name != "explanations"]
    used = {code for path in sources for code in re.findall(r'"(E0\d{3}|ICE)"', path.read_text())}
    assert len(used) >= 20
    assert used <= {page.code for page in CODES}


def test_every_syntax_code_is_used():
    folder = Path(netc.compiler.codes.__file__).parent / "syntax"
    used = {
        code for path in folder.glob("*.py") for code in re.findall(r"E01\d\d", path.read_text())
    }
    assert used == {page.code for page in SYNTAX}


def test_a_page_is_found_in_either_case():
    assert find_code("e0203").title == "argument of the wrong shape"
    assert find_code("E9999") is None
    assert str(find_code("E0107")).startswith("E0107: malformed number\n\nNumbers look like")
    assert "    const rate = 0.5" in str(find_code("E0107")).splitlines()


def test_pages_load_without_the_compiler():
    code = (
        "import sys; from netc.compiler.codes import find_code; print(find_code('E0203'));"
        "assert not {'lark', 'numpy', 'netc.compiler.syntax.parse'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
