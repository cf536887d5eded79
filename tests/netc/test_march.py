"""A program for another processor: vectors of its width, its name, a library of its own."""

import json
import platform
from pathlib import Path

import pytest

import netc as api
from netc.compiler.build import cc
from netc.runtime import cpu

PLAIN = "x86-64" if platform.machine() == "x86_64" else "armv8-a"  # what every such machine runs


def test_a_program_for_another_processor_has_its_vectors_and_trains_alike(netc, small_file):
    losses = {}
    for march in (cc.NATIVE, PLAIN):
        assert netc("compile", small_file, "--march", march).code == 0
        assert json.loads(Path("build/small/program.json").read_text())["march"] == march
        told = json.loads(netc("train", "--json").out.splitlines()[-1])
        losses[march] = told["test"]["loss"]
    text = Path("build/small/c/train.c").read_text()
    assert "vector_size(16)" in text and "vector_size(64)" not in text
    assert losses[PLAIN] == pytest.approx(losses[cc.NATIVE], rel=1e-4)


def test_the_library_is_built_for_the_processor_that_the_program_names(small_file, monkeypatch):
    built = []
    flags = cc.march_flags
    monkeypatch.setattr(cc, "march_flags", lambda march: built.append(march) or flags(march))
    program = api.compile(small_file, device="cpu", march=PLAIN)
    program.start().run("small", x=[[0.0] * 4])
    assert built and set(built) == {PLAIN}


def test_a_program_for_wider_vectors_than_there_are_is_refused(small_file, monkeypatch):
    program = api.compile(small_file, device="cpu", march=PLAIN)
    monkeypatch.setattr(cpu, "instruction_sets", lambda march: frozenset({"avx512f", "avx9"}))
    monkeypatch.setattr(cpu, "processor_flags", lambda: frozenset({"avx512f"}))
    with pytest.raises(api.NetError, match=f"E0717: the program is for {PLAIN}.* no avx9") as told:
        program.start()
    assert told.value.exit_code == 4
