"""Each command does what the design says, and ends with the code that it fixed."""

import errno
import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import netc.commands.explain as explain
from netc.cli import COMMANDS, LATER
from netc.compiler.language.about import names
from netc.compiler.language.settings import SETTINGS
from netc.runtime import checkpoint
from netc.runtime.data.generated import blobs
from netc.runtime.data.sources import SOURCES
from netc.runtime.files import SYSTEM

DATA = blobs(count=200, features=4, classes=3).train


def test_compile_then_train_then_eval_then_run(netc, small_file):
    compiled = netc("compile", small_file)
    assert compiled.code == 0
    assert "parameters   67" in compiled.out and "build/small/c/" in compiled.out
    trained = netc("train")
    assert trained.code == 0
    assert trained.out.startswith("test  loss ") and "(40 samples)" in trained.out
    assert "epoch 4/4" in trained.err
    measured = netc("eval")
    assert measured.code == 0
    assert measured.out.split("(")[0] == trained.out.split("(")[0]
    np.save("x.npy", DATA["x"][:21])
    assert netc("run", "--inputs", "x.npy", "--out", "y.npz").code == 0
    with np.load("y.npz") as outputs:
        assert outputs["output"].shape == (21, 3)
        hits = outputs["output"].argmax(axis=1) == DATA["label"][:21]
    np.savez("inputs.npz", x=DATA["x"][:21])
    printed = netc("run", "--inputs", "inputs.npz", "--json")
    assert np.shape(json.loads(printed.out)["output"]) == (21, 3)
    np.savez("rows.npz", x=DATA["x"][:21], label=DATA["label"][:21])
    again = json.loads(netc("eval", "--data", "rows.npz", "--json").out)
    assert again["accuracy"] == pytest.approx(hits.mean(), abs=1e-6) and again["samples"] == 21


def test_train_compiles_the_file_that_it_is_given(netc, small_file):
    assert netc("train", small_file, "--epochs", 1, "--quiet").code == 0
    assert Path("runs/small-1/finished.json").is_file()


def test_train_without_a_build_says_how_to_get_one(netc):
    result = netc("train")
    assert result.code == 1
    assert "E0613" in result.err and "netc compile FILE" in result.err


def test_json_tells_a_machine_everything(netc, small_file):
    result = netc("train", small_file, "--json", "--epochs", 2)
    told = [json.loads(line) for line in result.out.splitlines()]
    assert [one["event"] for one in told] == ["epoch", "epoch", "done"]
    assert told[-1]["test"]["accuracy"] <= 1 and told[-1]["finished"]
    broken = netc("train", "none.net", "--json")
    assert json.loads(broken.out)["severity"] == "error" and broken.code == 1
    assert broken.err == ""


def test_quiet_tells_nothing_but_the_result(netc, small_file):
    result = netc("train", small_file, "--quiet", "--epochs", 1)
    assert result.err == ""
    assert len(result.out.splitlines()) == 1


def test_stopping_and_resuming_by_the_command_that_is_told(netc, small_file):
    whole = netc("train", small_file)
    stopped = netc("train", small_file, "--max-steps", 13)
    assert stopped.code == 0 and stopped.out == ""
    command = stopped.err.splitlines()[-1].split()
    assert command[0] == "netc"
    resumed = netc(*command[1:])
    assert resumed.out == whole.out
    last = [Path(f"runs/small-{number}/step-00000040.safetensors") for number in (1, 2)]
    assert last[0].read_bytes() == last[1].read_bytes()


def test_a_run_and_a_checkpoint_know_their_program(netc, small_file, in_folder):
    netc("train", small_file, "--max-steps", 13)
    Path("other.net").write_text(small_file.read_text().replace("dense(8)", "dense(9)"))
    netc("compile", "other.net")
    resumed = netc("train", "--resume", "runs/small-1")
    assert resumed.code == 0 and "resumed after step 13" in resumed.err
    measured = netc("eval", "--checkpoint", "runs/small-1/best.safetensors")
    assert measured.code == 0 and measured.out.startswith("test  loss ")
    assert netc("eval").code == 1  # the last build was never trained


def test_resume_shows_the_line_that_was_changed(netc, small_file):
    netc("train", small_file, "--max-steps", 13)
    small_file.write_text(small_file.read_text().replace("dense(8)", "dense(9)"))
    result = netc("train", small_file, "--resume")
    assert result.code == 1
    assert "E0610" in result.err and "dense(8)" in result.err and "dense(9)" in result.err


def test_definitions_override_constants(netc, in_folder, small_text):
    text = "const width = 8\n\n" + small_text.replace("dense(8)", "dense(width)")
    Path("wide.net").write_text(text)
    assert "parameters   131" in netc("compile", "wide.net", "-D", "width=16").out


def test_check_runs_the_cuda_kernels_in_the_emulator(netc, small_file):
    result = netc("check", small_file, "--emulate")
    assert result.code == 0
    assert " CUDA kernels run without a fault" in result.err
    assert not (small_file.parent / "build").exists()


def test_check_builds_nothing(netc, small_file):
    result = netc("check", small_file)
    assert (result.code, result.out) == (0, "")
    assert "67 parameters" in result.err
    assert sorted(path.name for path in Path().iterdir()) == ["small.net"]
    told = json.loads(netc("check", small_file, "--json").out)
    assert f"{told['memory_bytes']:,} bytes" in netc("compile", small_file).out
    listed = netc("check", small_file, "--weights")
    assert "small.dense_1.kernel: f32[4, 8]" in listed.out


def test_show_lists_kernels_and_prints_one(netc, small_file):
    netc("compile", small_file)
    listed = netc("show").out.splitlines()
    name = next(line.split()[0] for line in listed if "dense_2" in line)
    source = netc("show", name)
    assert source.code == 0
    assert source.out.startswith(f"// {name}: ") and source.out.rstrip().endswith("}")
    assert source.out.count(f"{name}(") == 1
    assert netc("show", "nothing_like_it").code == 1
    for line in listed[1:]:
        assert netc("show", line.split()[0]).out.startswith(f"// {line.split()[0]}: ")


def test_both_targets_are_built_and_shown(netc, small_file):
    assert netc("compile", small_file, "--target", "all").code == 0
    assert len(list(Path("build/small/cuda").glob("*.sm_80.cubin"))) == 6
    assert len(list(Path("build/small/c").glob("*.so"))) == 6
    name = netc("show").out.splitlines()[1].split()[0]
    source = netc("show", name, "--target", "cuda").out
    assert source.startswith(f"// {name}: ") and "__global__" in source


def test_emit_and_dump_print_the_ir(netc, small_file):
    emitted = netc("compile", small_file, "--emit", "ir").out
    assert emitted.count('graph "') == 6
    dumped = netc("compile", small_file, "--dump", "simplify").out
    assert "# train after simplify" in dumped
    wrong = netc("compile", small_file, "--dump", "simplfy")
    assert wrong.code == 2 and "did you mean `simplify`?" in wrong.err


def test_fmt_formats_in_place_and_from_standard_input(netc, small_file, small_text, netc_process):
    assert netc("fmt", small_file, "--check").code == 0
    small_file.write_text(small_text.replace("    ", "  "))
    assert netc("fmt", small_file, "--check").code == 1
    assert netc("fmt", small_file).code == 0
    assert small_file.read_text() == small_text
    piped = netc_process("fmt", input=small_text.replace("    ", "\t"))
    assert (piped.code, piped.out) == (0, small_text)


def test_new_makes_a_program_that_trains(netc, monkeypatch):
    assert netc("new", "demo").code == 0
    monkeypatch.chdir("demo")
    assert netc("fmt", "demo.net", "--check").code == 0
    trained = netc("train", "demo.net", "--epochs", 2)
    assert trained.code == 0 and "(400 samples)" in trained.out


def test_new_changes_nothing_that_is_there(netc):
    Path("demo").mkdir()
    assert netc("new", "demo").code == 1
    assert list(Path("demo").iterdir()) == []


def test_explain_knows_codes_layers_and_ops(netc):
    assert netc("explain", "e0203").out.startswith("E0203: ")
    assert "weight kernel" in netc("explain", "dense").out
    assert netc("explain", "matmul").out.startswith("matmul(a, b)")
    wrong = netc("explain", "dens")
    assert wrong.code == 1 and "did you mean `dense`?" in wrong.err


def test_every_block_of_the_prelude_and_every_op_can_be_explained():
    named = [*explain.prelude(), *explain.files("ops"), *explain.files("optimizers")]
    assert len(named) > 60
    for name in named:
        assert name in explain.explanation(name)


def test_every_source_of_data_can_be_explained():
    for name in SOURCES:
        if name != "idx":  # it has the fields that its files have
            assert explain.explanation(name).startswith(f"{name}(...): data with the fields")


def test_a_kernel_of_the_last_build_is_explained_by_its_lines(netc, small_file):
    netc("compile", small_file)
    name = next(line.split()[0] for line in netc("show").out.splitlines() if "dense_2" in line)
    told = netc("explain", name).out
    assert f"{name}: a matmul kernel of `train`" in told
    assert "2 | return x -> dense(8) -> tanh -> dropout(0.1) -> dense(3)" in told


def test_devices_name_the_processor_and_the_compiler(netc):
    result = netc("devices", "--json")
    assert result.code == 0
    assert {"cpu", "cuda", "reference"} <= set(json.loads(result.out))


def test_help_lists_what_is_here_and_nothing_else(netc):
    told = netc("--help").out
    assert all(f"    {name} " in told for name in COMMANDS)
    assert not any(f"    {name} " in told for name in LATER)
    for name in COMMANDS:
        result = netc(name, "--help")
        assert result.code == 0 and f"netc {name}" in result.out


@pytest.mark.parametrize("name", LATER)
def test_what_is_not_built_says_so(netc, name):
    result = netc(name)
    assert result.code == 2 and "E0901" in result.err


@pytest.mark.parametrize("words", [["--help"], ["explain", "E0203"], ["explain", "dense"]])
def test_help_and_explain_load_nothing_heavy(netc_process, in_folder, words):
    code = (
        "import sys; from netc.cli import main; main(sys.argv[1:]);"
        "print([m for m in ('numpy', 'lark', 'jinja2', 'safetensors') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_command_after_saving(small, in_folder, number, code):
    _, folder = small
    words = [sys.executable, "-m", "netc", "train", str(folder), "--epochs", "100000"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    while not list(Path("runs").glob("*/step-*.safetensors")):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert "Traceback" not in err and "--resume runs/small-1" in err and out == ""


def test_a_second_signal_stops_at_once_and_the_run_can_go_on(small, in_folder, netc):
    _, folder = small
    whole = netc("train", folder, "--epochs", 200, "--quiet", "--out", "whole")
    words = [sys.executable, "-m", "netc", "train", str(folder), "--epochs", "200"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    while not list(Path("runs").glob("*/step-*.safetensors")):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in err
    assert netc("train", folder, "--resume", "--quiet").out == whole.out


def test_a_reader_that_leaves_is_no_error(small_file, netc):
    netc("compile", small_file)
    words = f"'{sys.executable}' -m netc compile small.net --emit ir | head -n 1; exit $PIPESTATUS"
    done = subprocess.run(["bash", "-c", words], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_no_c_compiler_is_a_fault_of_the_environment(netc_process, small_file, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    environment = {"PATH": str(empty), "CC": "", "NETC_CACHE": str(tmp_path / "cache")}
    result = netc_process("train", small_file, environment=environment)
    assert result.code == 4
    assert "E0711" in result.err and "Traceback" not in result.err


def test_a_fault_of_netc_itself_ends_with_101_and_a_file(netc_process, small_file, tmp_path):
    netc_process("compile", small_file)
    source = Path("build/small/c/train.c")
    source.write_text(source.read_text() + "\nthis is no C\n")
    environment = {"TMPDIR": str(tmp_path), "NETC_CACHE": str(tmp_path / "cache")}
    result = netc_process("train", environment=environment)
    assert result.code == 101
    assert "netc itself failed" in result.err and "Traceback" not in result.err
    (report,) = tmp_path.glob("netc-crash-*.txt")
    assert str(report) in result.err and "Traceback" in report.read_text()
    shown = netc_process("train", environment=environment | {"NETC_DEBUG": "1"})
    assert "Traceback" in shown.err


def test_a_folder_that_cannot_be_written_is_a_fault_of_the_environment(netc, small_file):
    Path("runs").write_text("in the way")
    result = netc("train", small_file)
    assert result.code == 4 and "runs" in result.err


def test_colour_only_where_it_is_wanted(netc, monkeypatch):
    assert "\x1b" not in netc("nothing").err
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in netc("nothing").err
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in netc("nothing").err


def test_a_full_disk_ends_with_4_and_leaves_the_last_checkpoint(netc, small_file, monkeypatch):
    netc("train", small_file, "--max-steps", 10)
    good = Path("runs/small-1/step-00000010.safetensors").read_bytes()

    def full(descriptor, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    save = partial(checkpoint.save_step, system=replace(SYSTEM, write=full))
    with monkeypatch.context() as change:
        change.setattr(checkpoint, "save_step", save)
        result = netc("train", small_file, "--resume")
    assert result.code == 4 and "the disk is full" in result.err
    assert Path("runs/small-1/step-00000010.safetensors").read_bytes() == good
    assert netc("train", small_file, "--resume").code == 0


def test_nan_in_the_data_ends_with_3(netc, small_file):
    x = DATA["x"].copy()
    x[3] = np.nan
    np.savez("bad.npz", x=x, label=DATA["label"])
    result = netc("train", small_file, "--data", "bad.npz")
    assert result.code == 3 and "E0611" in result.err


def test_every_setting_can_be_explained():
    for name in SETTINGS:
        assert explain.explanation(name).startswith(f"`{name} ")


def test_a_dry_run_measures_a_step_and_keeps_nothing(netc, small_file):
    result = netc("train", small_file, "--dry-run")
    assert result.code == 0 and not Path("runs").exists()
    assert "40 steps, 10 in an epoch" in result.out and "160" in result.out
    told = json.loads(netc("train", small_file, "--dry-run", "--steps", 99, "--json").out)
    assert told["steps"] == 99 and told["step_seconds"] > 0 and told["left_out"] == 0


@pytest.mark.parametrize(
    "wanted, code", [("accuracy>=0.5", 0), ("loss <= 90%", 0), ("accuracy >= 1.1", 3)]
)
def test_a_target_that_is_missed_ends_with_3(netc, small_file, wanted, code):
    result = netc("train", small_file, "--require", wanted)
    assert result.code == code and result.out.startswith("test  loss")
    assert ("E0616" in result.err) == bool(code)
    assert Path("runs/small-1/finished.json").exists()


@pytest.mark.parametrize("wanted", ["acuracy>=0.9", "accuracy", "accuracy>0.9", "loss<=x"])
def test_a_target_that_is_none_is_wrong_use(netc, small_file, wanted):
    assert netc("train", small_file, "--require", wanted).code == 2
    assert not Path("runs").exists()


def test_every_function_and_choice_of_the_language_can_be_explained():
    named = list(names())
    assert len(named) > 90 and {"cumsum", "one_cycle", "orthogonal", "idx"} <= set(named)
    for name in named:
        assert explain.explanation(name).lstrip("# ").startswith(name)
    assert explain.explanation("one_cycle").startswith("one_cycle(peak, steps=total, rise=0.3")


@pytest.mark.parametrize("command", ["check", "compile"])
def test_a_warning_is_told_and_ends_nothing(netc, small_file, command):
    text = small_file.read_text()
    small_file.write_text(text.replace("    return x", "    layer spare = dense(2)\n    return x"))
    found = netc(command, small_file)
    assert found.code == 0 and "warning[E0340]: the layer `spare` is never used" in found.err
    (told,) = json.loads(netc("check", small_file, "--json").out)["warnings"]
    assert told["severity"] == "warning"
