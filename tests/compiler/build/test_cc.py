"""Building C and keeping what was built: hits, misses, damage, and machines that lack something."""

import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from netc.compiler.build import cc
from netc.compiler.cache import keep, key_of, look_up
from netc.compiler.diagnostics import NetError
from netc.compiler.ir.verify import InternalError

COMPILER = """#!/bin/sh
if [ "$1" = --version ]; then echo "pretend 1.0$PRETEND"; exit; fi
echo built >> {log}
while [ "$1" != -o ]; do shift; done
echo "library $$" > "$2"
"""


class Machine:
    """A pretended C compiler that writes down each time it is called."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "log"
        self.log.write_text("")
        self.compiler = folder / "compiler"
        self.compiler.write_text(COMPILER.format(log=self.log))
        self.compiler.chmod(0o755)

    def source(self, name: str, text: str = "int x;\n", header: str = "int y;\n") -> Path:
        folder = self.folder / name
        folder.mkdir()
        (folder / "part.h").write_text(header)
        (folder / "net.c").write_text(text)
        return folder / "net.c"

    @property
    def builds(self) -> int:
        return len(self.log.read_text().splitlines())


@pytest.fixture
def machine(tmp_path, monkeypatch):
    made = Machine(tmp_path)
    monkeypatch.setenv("NETC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CC", str(made.compiler))
    cc.find_compiler.cache_clear()
    yield made
    cc.find_compiler.cache_clear()


def test_the_same_source_is_built_once(machine):
    first = cc.build_library(machine.source("a"))
    assert cc.build_library(first.parent / "net.c") == first
    second = cc.build_library(machine.source("b"))
    assert second.read_bytes() == first.read_bytes() and machine.builds == 1


def test_who_asks_for_what_is_being_built_waits_for_it(machine):
    slow = machine.compiler.read_text().replace("echo built", "sleep 0.3; echo built")
    machine.compiler.write_text(slow)
    source = machine.source("ahead")
    cc.build_ahead(source)
    time.sleep(0.1)
    assert cc.build_library(source).is_file() and machine.builds == 1


def test_what_cannot_be_built_ahead_is_told_to_who_asks_for_it(tmp_path, monkeypatch):
    monkeypatch.setenv("NETC_CACHE", str(tmp_path / "cache"))
    (tmp_path / "net.c").write_text("int x = ;\n")
    cc.build_ahead(tmp_path / "net.c")
    with pytest.raises(InternalError, match="rejects .*net.c"):
        cc.build_library(tmp_path / "net.c")


def test_every_part_of_the_key_matters(machine, monkeypatch):
    cc.build_library(machine.source("a"))
    cc.build_library(machine.source("b", text="int z;\n"))
    cc.build_library(machine.source("c", header="int z;\n"))
    assert machine.builds == 3
    monkeypatch.setattr(cc, "FLAGS", (*cc.FLAGS, "-O1"))
    cc.build_library(machine.source("d"))
    assert machine.builds == 4
    monkeypatch.setattr(cc, "processor", lambda: "another")
    cc.build_library(machine.source("e"))
    assert machine.builds == 5
    monkeypatch.setenv("PRETEND", ".1")
    cc.find_compiler.cache_clear()
    cc.build_library(machine.source("f"))
    assert machine.builds == 6


def test_parts_of_a_key_do_not_run_into_each_other():
    assert key_of("ab", "c") != key_of("a", "bc") != key_of("bc", "a")


def test_what_changed_since_is_built_again(machine):
    source = machine.source("a")
    cc.build_library(source)
    source.write_text("int changed;\n")
    cc.build_library(source)
    assert machine.builds == 2


@pytest.mark.parametrize("damage", [b"", b"short", None])
def test_a_damaged_entry_is_a_miss(machine, tmp_path, damage):
    cc.build_library(machine.source("a"))
    (entry,) = (tmp_path / "cache").iterdir()
    data = bytearray(entry.read_bytes())
    data[-1] ^= 1
    entry.write_bytes(data if damage is None else damage)
    cc.build_library(machine.source("b"))
    assert machine.builds == 2


def test_a_cache_that_cannot_be_written_only_takes_longer(machine, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NETC_CACHE", str(tmp_path / "file" / "cache"))
    assert cc.build_library(machine.source("a")).exists()
    assert cc.build_library(machine.source("b")).exists()
    assert machine.builds == 2


def test_nothing_is_left_of_an_entry_that_could_not_be_renamed(tmp_path, monkeypatch):
    monkeypatch.setenv("NETC_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache" / "key").mkdir(parents=True)
    keep("key", b"module")
    assert look_up("key") is None
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["key"]


def test_without_a_compiler_the_user_is_told_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(cc, "find_spec", lambda name: None)
    cc.find_compiler.cache_clear()
    with pytest.raises(NetError) as raised:
        cc.find_compiler()
    cc.find_compiler.cache_clear()
    assert raised.value.exit_code == 4
    assert raised.value.diagnostics[0].code == "E0711"


def test_a_folder_that_cannot_be_written_is_no_fault_of_ours(machine):
    source = machine.source("a")
    library = cc.build_library(source)
    library.unlink()
    library.mkdir()
    (library / "full").write_text("")
    with pytest.raises(NetError) as raised:
        cc.build_library(source)
    assert raised.value.exit_code == 4
    assert raised.value.diagnostics[0].code == "E0713"
    left = {path.name for path in source.parent.iterdir()}
    assert left == {"net.c", library.name, "part.h"}


def test_c_that_does_not_compile_is_our_fault(tmp_path, monkeypatch):
    monkeypatch.setenv("NETC_CACHE", str(tmp_path / "cache"))
    (tmp_path / "net.c").write_text("int x = ;\n")
    with pytest.raises(InternalError, match="rejects .*net.c"):
        cc.build_library(tmp_path / "net.c")


def test_ctrl_c_does_not_reach_the_compiler(machine):
    source = machine.source("slow")
    text = machine.compiler.read_text().replace("echo built", "sleep 1; echo built")
    machine.compiler.write_text(text)
    program = (
        "import signal, pathlib; from netc.compiler.build.cc import build_library\n"
        "signal.signal(signal.SIGINT, lambda *_: print('noted', flush=True))\n"
        "print('ready', flush=True)\n"
        f"build_library(pathlib.Path({str(source)!r}))"
    )
    process = subprocess.Popen((sys.executable, "-c", program), stdout=subprocess.PIPE, text=True,
                               start_new_session=True)  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)
    assert process.stdout.read() == "noted\n"
    assert process.wait() == 0 and list(source.parent.glob("net.*.so"))


def test_processes_that_build_the_same_program_at_once_all_get_it(tmp_path):
    (tmp_path / "net.c").write_text("int answer(void) { return 42; }\n")
    program = (
        "import ctypes, pathlib, sys; from netc.compiler.build.cc import build_library\n"
        "print(ctypes.CDLL(str(build_library(pathlib.Path(sys.argv[1])))).answer())"
    )
    environment = os.environ | {"NETC_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-c", program, str(tmp_path / "net.c")]
    running = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [process.communicate()[0].strip() for process in running] == ["42"] * 4
    left = sorted(path.suffix for path in tmp_path.iterdir())
    assert left == ["", ".c", ".so"]


def test_a_square_root_is_an_instruction_and_no_call(tmp_path):
    """A call, for the sake of errno, keeps the loop around it from becoming vector code."""
    (tmp_path / "net.c").write_text(
        "#include <math.h>\n"
        "void roots(float *x, int n) { for (int i = 0; i < n; i++) x[i] = sqrtf(x[i]); }\n"
    )
    library = cc.build_library(tmp_path / "net.c").read_bytes()
    assert b"roots" in library and b"sqrtf" not in library


def test_a_macro_makes_another_library_of_the_same_source(machine):
    source = machine.source("a")
    first, second = cc.build_library(source), cc.build_library(source, "COUNTED")
    assert second.name.startswith("net.counted.") and first != second and machine.builds == 2
    assert cc.build_library(source, "COUNTED") == second and machine.builds == 2


@pytest.fixture
def real_compiler(tmp_path, monkeypatch):
    monkeypatch.setenv("NETC_CACHE", str(tmp_path / "cache"))
    cc.instruction_sets.cache_clear()
    yield cc.find_compiler()
    cc.instruction_sets.cache_clear()


X86 = [("x86-64", set()), ("x86-64-v3", {"avx", "avx2", "fma"}), ("nehalem", set())]
ARM = [("armv8-a", {"asimd"})]


@pytest.mark.parametrize(("march", "sets"), X86 if platform.machine() == "x86_64" else ARM)
def test_a_compiler_tells_what_vectors_a_processor_has(real_compiler, march, sets):
    assert cc.instruction_sets(march) == sets
    assert f"-march={march}" in cc.march_flags(march)


def test_this_processor_has_the_vectors_that_the_compiler_sees(real_compiler):
    command = (*real_compiler.command, *cc.march_flags(cc.NATIVE), "-dM", "-E", "-x", "c", "-")
    told = subprocess.run(command, input="", capture_output=True, text=True, check=True).stdout
    seen = {name for macro, name in cc.VECTOR_SETS.items() if f"#define {macro} " in told}
    assert seen == cc.instruction_sets(cc.NATIVE) & set(cc.VECTOR_SETS.values())


def test_a_processor_that_the_compiler_does_not_know_is_told_of(real_compiler, tmp_path):
    (tmp_path / "net.c").write_text("int x;\n")
    with pytest.raises(NetError) as raised:
        cc.build_library(tmp_path / "net.c", march="z80")
    assert raised.value.diagnostics[0].code == "E0716" and raised.value.exit_code == 2
    assert "z80" in str(raised.value) and not list(tmp_path.glob("*.so"))


def test_each_processor_has_a_library_of_its_own(machine, monkeypatch):
    source = machine.source("a")
    monkeypatch.setattr(cc, "instruction_sets", lambda march: frozenset())
    first, second = cc.build_library(source), cc.build_library(source, march="other")
    assert first.name != second.name and machine.builds == 2
