"""From a file to a build folder: what is written, what identifies it, what is refused."""

import json
import re
import resource
from dataclasses import replace

import pytest

from netc.compiler.diagnostics import NetError
from netc.compiler.driver import compile_file
from netc.compiler.program import from_json, load, to_json


@pytest.fixture
def compiled(net_file, tmp_path):
    """compiled(change=lambda text: text) -> Program of the small net after a change of its text."""

    def compile_it(change=lambda text: text, **given):
        net_file.write_text(change(net_file.read_text()))
        return compile_file(net_file, out=tmp_path / "out", **given)[0]

    return compile_it


def test_the_folder_holds_the_program_its_text_its_ir_and_its_sources(compiled, net_file, tmp_path):
    program = compiled()
    folder = tmp_path / "out"
    assert load(folder) == program
    assert (folder / net_file.name).read_text() == net_file.read_text()
    for function in program.functions:
        for place, ending in (("ir", "ir"), ("c", "c"), ("cuda", "ir"), ("cuda", "cu")):
            path = folder / place / f"{function.symbol}.{ending}"
            assert path.stat().st_size > 100
    assert json.loads((tmp_path / "last.json").read_text())["folder"] == str(folder)
    assert not [path for path in folder.rglob("*") if path.name.endswith(".new")]


def test_each_c_source_is_told_of_when_it_can_be_built(compiled, tmp_path):
    told = []

    def ready(source):
        assert source.read_text() and (source.parent / "netc_threads.h").is_file()
        assert not (tmp_path / "out" / "cuda" / "train.cu").exists()
        sources = {path.stem for path in source.parent.glob("*.c")}
        assert sources == {*told, source.stem}, "no other function keeps it waiting"
        told.append(source.stem)

    program = compiled(ready=ready)
    assert told == [function.symbol for function in program.functions] and told[0] == "train"


def test_compiling_again_touches_no_file_that_stays_the_same(compiled, tmp_path):
    compiled()
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*")}
    compiled()
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*")} == before


def test_program_json_comes_back_as_it_was(compiled):
    program = compiled()
    assert from_json(to_json(program)) == program
    assert program.functions and program.persistent and program.data and program.training


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99}', "null", '{"format": 1}'])
def test_what_is_no_program_is_refused(text):
    with pytest.raises((ValueError, KeyError, TypeError)):
        from_json(text)


SAME = {
    "comments": lambda text: f"# a comment\n{text}# and one more\n",
    "line moves": lambda text: f"\n\n\n{text}",
    "white space": lambda text: re.sub(r"\n", "\n   ", text.replace(", ", ",  ")),
}
OTHER = {
    "a width": lambda text: text.replace("dense(3)", "dense(4)"),
    "a rate": lambda text: re.sub(r"lr=0\.\d+", "lr=0.02", text),
    "a batch": lambda text: re.sub(r"batch \d+", "batch 8", text),
    "a number of steps": lambda text: text.replace("steps 20", "steps 21"),
    "a seed": lambda text: re.sub(r"(steps 20)(\s+seed 5)?", r"\1 seed 6", text),
    "an op": lambda text: text.replace("relu", "tanh"),
    "an optimizer": lambda text: re.sub(r"with \w+\(.*\)", "with adamw(lr=0.01)", text),
    "a loss": lambda text: re.sub(r"(cross_entropy\(.*)\) with", r"\1, smoothing=0.1) with", text),
    "a start": lambda text: text.replace("dense(3)", "dense(3, init=he_normal)"),
}  # fmt: skip


@pytest.mark.parametrize("change", SAME)
def test_the_hash_stays_when_only_the_looks_change(compiled, change):
    assert compiled().hash == compiled(SAME[change]).hash


@pytest.mark.parametrize("change", OTHER)
def test_the_hash_changes_with_the_meaning(compiled, change, net_file):
    before = net_file.read_text()
    program = compiled()
    after = OTHER[change](before)
    assert after != before
    assert compiled(lambda text: after).hash != program.hash


@pytest.mark.parametrize("net_file", ["perceptron"], indirect=True)
def test_the_hash_names_the_data(compiled):
    hashes = {compiled().hash}
    for seed in (0, 1):
        source = f"blobs(count=100, features=12, seed={seed})"
        hashes.add(compiled(lambda text, s=source: re.sub(r"from .*", f"from {s}", text)).hash)
    assert len(hashes) == 3


def test_the_hash_is_the_same_wherever_the_file_lies(compiled, net_file, tmp_path):
    program = compiled()
    elsewhere = tmp_path / "elsewhere" / net_file.name
    elsewhere.parent.mkdir()
    elsewhere.write_text(net_file.read_text())
    moved, _ = compile_file(elsewhere, out=tmp_path / "other")
    assert moved.hash == program.hash
    assert replace(moved, file="", folder="", data=None) == replace(
        program, file="", folder="", data=None
    )


def test_a_folder_that_cannot_be_written_is_the_environments_fault(net_file, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NetError) as raised:
        compile_file(net_file, out=tmp_path / "file" / "out")
    assert raised.value.exit_code == 4
    assert raised.value.diagnostics[0].code == "E0713"


@pytest.mark.parametrize("width", [10**6, 10**9])
def test_a_huge_net_is_laid_out_without_allocating_it(compiled, width):
    """Its arena is a number, so that whoever runs it can refuse it first."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, before[1]))
    try:
        program = compiled(lambda text: text.replace("dense(3)", f"dense({width}) -> dense(3)"))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert program.arena_bytes > 12 * width


def test_an_absurd_size_is_refused(compiled):
    with pytest.raises(NetError):
        compiled(lambda text: text.replace("dense(3)", "dense(99999999999999999999) -> dense(3)"))
