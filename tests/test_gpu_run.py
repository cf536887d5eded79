"""`make gpu`, as far as it goes without a GPU: on a stand-in for the driver, or saying why not."""

import ast
import importlib.util
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from netc.compiler.driver import compile_file
from netc.runtime import cuda

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "benchmarks" / "gpu"


def load(name: str):
    spec = importlib.util.spec_from_file_location(f"gpu_{name}", SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TORCH_EXAMPLES = load("torch_examples").EXAMPLES
WAYS = ("eager", "graph", "compiled")  # in which PyTorch makes a step


@pytest.fixture
def check(tmp_path, monkeypatch):
    """check.py, with its results in an empty folder."""
    module = load("check")
    monkeypatch.setattr(module, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


@pytest.fixture
def stand_in(monkeypatch, fake_driver):
    """The device `cuda` on the stand-in, for all that opens it."""
    monkeypatch.setattr(cuda, "load_driver", fake_driver)
    monkeypatch.setattr(cuda, "compile_modules", fake_driver.modules)


def pytest_of(*words: str) -> subprocess.CompletedProcess:
    command = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words)
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=250)


def no_library(name):
    raise OSError(name)


def driver_that_finds(count: int, status: int = 0):
    def device_count(place) -> int:
        place._obj.value = count
        return 0

    return lambda name: SimpleNamespace(cuInit=lambda flags: status, cuDeviceGetCount=device_count)


def test_without_a_gpu_it_says_so_and_does_nothing(check, monkeypatch, capsys):
    for library, reason in (
        (no_library, "there is no GPU here: no NVIDIA driver is installed"),
        (driver_that_finds(0), "there is no GPU here: the driver finds none"),
        (driver_that_finds(1, status=100), "there is no GPU here: the driver finds none"),
        (driver_that_finds(1, status=803), "the NVIDIA driver does not start (error 803)"),
    ):
        monkeypatch.setattr(check.ctypes, "CDLL", library)
        monkeypatch.setattr(check, "run", None)
        assert check.main() == 4
        assert f"make gpu: {reason}; nothing was run" in capsys.readouterr().err
    assert not check.RESULTS.exists()
    monkeypatch.setattr(check.ctypes, "CDLL", driver_that_finds(1))
    assert check.why_no_gpu() is None


def test_only_what_was_measured_is_written(check, monkeypatch):
    monkeypatch.setattr(check, "gpu", lambda: "some GPU")
    check.write({}, sys.executable)
    assert not check.RESULTS.exists()
    check.write({"netc": {"launch_seconds": 1e-6}}, sys.executable)
    (path,) = check.RESULTS.glob("gpu-*.json")
    found = json.loads(path.read_text())
    assert found.keys() == {"date", "gpu", "versions", "netc"} and found["gpu"] == "some GPU"
    assert {"netc", "numpy", "python"} <= found["versions"].keys()


def test_a_script_that_fails_has_no_figures(check, tmp_path, monkeypatch):
    monkeypatch.setattr(check, "HERE", tmp_path)
    (tmp_path / "good.py").write_text("print('words')\nprint('{\"a\": 1}')")
    (tmp_path / "bad.py").write_text("print('{\"a\": 1}')\nraise SystemExit(3)")
    late = "import time\nprint('{\"a\": 2}\\n{\"a\"', end='', flush=True)\ntime.sleep(99)"
    (tmp_path / "late.py").write_text(late)
    assert check.measured(sys.executable, "good.py", 20) == {"a": 1}
    assert check.measured(sys.executable, "bad.py", 20) is None
    assert check.measured(sys.executable, "late.py", 3) == {"a": 2}


def test_the_tests_of_a_gpu_are_collected_only_when_they_are_asked_for():
    assert "no tests collected" in pytest_of("--collect-only", "tests/gpu").stdout
    found = pytest_of("--collect-only", "tests/gpu", "--gpu").stdout
    assert "test_every_kernel_stores_what_the_reference_does[mnist]" in found


def test_the_tests_of_a_gpu_pass_on_the_stand_in():
    done = pytest_of("tests/gpu", "--gpu=stand-in", "-k", "feed or mlp")
    assert done.returncode == 0, done.stdout[-3000:]
    assert "........ " in done.stdout  # four tests of two examples


def test_figures_come_of_steps_kernels_and_copies(stand_in, tmp_path, monkeypatch):
    times = load("netc_times")
    monkeypatch.setattr(times, "CHUNK_SECONDS", 0.0)
    monkeypatch.setattr(times, "CHUNKS", 1)
    copy = times.COPY.format(n=1000)
    for seconds in (
        times.step_seconds(ROOT / "examples" / "feed.net", tmp_path / "feed"),
        times.kernel_seconds(copy, tmp_path / "copy"),
        times.kernel_seconds(copy, tmp_path / "copy", times.driver_copy),
        times.kernel_seconds(times.PRODUCT.format(n=24), tmp_path / "product"),
    ):
        assert 0 < seconds < 60


@pytest.mark.parametrize("name", TORCH_EXAMPLES)
def test_pytorch_is_given_the_network_and_the_batch_of_the_example(name, tmp_path):
    example = TORCH_EXAMPLES[name]
    program, _ = compile_file(ROOT / "examples" / f"{name}.net", out=tmp_path)
    train = program.function("train")
    weights = [one.tensor.shape for one in program.persistent if one.role == "weight"]
    assert Counter(weights) == example.weights
    assert example.has_the_weights_of([tuple(reversed(shape)) for shape in weights])
    assert not example.has_the_weights_of(weights[1:])
    assert train.batch == example.batch
    assert train.fields[0].shape == (example.batch, *example.sample)
    assert example.classes in {size for shape in weights for size in shape}
    text = (ROOT / "examples" / f"{name}.net").read_text()
    assert ("clip 1.0" in text) == (example.clip == 1.0)


def test_pytorch_is_measured_on_what_the_table_has():
    """PyTorch itself need not be here: it holds its networks to the table when it runs."""
    tree = ast.parse((SCRIPTS / "torch_times.py").read_text())
    (networks,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "NETWORKS"
    )
    assert sorted(key.value for key in networks.keys) == sorted(TORCH_EXAMPLES)


def test_the_page_says_what_was_measured_last():
    page = load("page")
    text = page.page(page.newest())
    assert page.PAGE.read_text(encoding="utf-8") == text
    found = json.loads(page.newest().read_text(encoding="utf-8"))
    ratio = (
        min(found["torch"][f"step_seconds_{way}"]["mnist"] for way in WAYS)
        / found["netc"]["step_seconds"]["mnist"]
    )
    (line,) = (line for line in text.splitlines() if line.startswith("mnist "))
    assert line.endswith(f"{ratio:.2f}")
