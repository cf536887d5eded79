"""Everything that only a GPU can tell: its tests, then its figures, in one JSON file.

`make gpu` runs it with the system's Python, so that what is installed there is used, PyTorch above
all; nothing need be downloaded where the wheels that are missing lie in `wheels/`. Ends with 4 and
says why where there is no GPU, with 1 where a test fails. A figure that was not measured is absent.
"""

import ctypes
import datetime
import json
import os
import platform
import shutil
import site
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
ENVIRONMENT = ROOT / "build" / "gpu"
RESULTS = ROOT / "benchmarks" / "results"
NO_GPU, FAILED = 4, 1
SECONDS = 600  # for everything
NVRTC = """
try:
    import nvidia.cu13.lib
except ImportError:
    from cuda.bindings import nvrtc
    nvrtc.nvrtcVersion()
"""
# What runs where a package is there, and the package.
NEEDED = (
    ("import numpy", "numpy>=1.26"),
    ("import lark", "lark>=1.2"),
    ("import jinja2", "jinja2>=3.1.6"),
    ("import safetensors", "safetensors>=0.4.3"),
    ("import platformdirs", "platformdirs>=4"),
    ("import pytest", "pytest>=8"),
    ("import setuptools", "setuptools>=68"),
    ("import cuda.bindings.driver", "cuda-python>=13.0,<14"),
    (NVRTC, "nvidia-cuda-nvrtc>=13.0.88,<14"),
)
SMALL = """
net small(x: f32[N, 20]) { return x -> dense(17) -> relu -> dense(3) }
train {
    take x, label from blobs(count=200, features=20, classes=3)
    minimize cross_entropy(small(x), label) with adam(lr=0.01)
    batch 16
}
"""


def main() -> int:
    start = time.monotonic()
    reason = why_no_gpu()
    if reason is not None:
        print(f"make gpu: {reason}; nothing was run", file=sys.stderr)
        return NO_GPU
    python = prepare()
    if python is None:
        return FAILED

    def left() -> float:
        return max(1.0, SECONDS - (time.monotonic() - start))

    tests = (python, "-m", "pytest", "tests/gpu", "--gpu", "-q", *side_by_side(python))
    passed = run(tests, left()) is not None
    passed &= sanitize(python, left())
    found = {"netc": measured(python, "netc_times.py", left())}
    if find_spec("torch") is not None:
        found["torch"] = measured(python, "torch_times.py", left())
    write({name: figures for name, figures in found.items() if figures}, python)
    return 0 if passed else FAILED


def why_no_gpu() -> str | None:
    """What is missing, in words; None where a GPU can be used. Loads nothing but the driver."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return "there is no GPU here: no NVIDIA driver is installed"
    count = ctypes.c_int(0)
    status = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    if status not in (0, 100):  # CUDA_ERROR_NO_DEVICE
        return f"the NVIDIA driver does not start (error {status})"
    return None if count.value and not status else "there is no GPU here: the driver finds none"


def prepare() -> str | None:
    """A Python that has netc and what it needs; None, and what is missing is told, where not."""
    python = str(ENVIRONMENT / "bin" / "python")
    if not Path(python).exists():
        if run((sys.executable, "-m", "venv", "--without-pip", str(ENVIRONMENT)), 120) is None:
            return None
        share_packages()
    missing = [package for code, package in NEEDED if not works(python, code)]
    if missing and run((*pip(python), *missing), 300) is None:
        names = " ".join(repr(package) for package in missing)
        print(f"make gpu: cannot install {names}; where there is a package index,", file=sys.stderr)
        print(f"    pip download --dest wheels {names}", file=sys.stderr)
        print(f"and put the folder wheels into {ROOT}", file=sys.stderr)
        return None
    own = ("--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    return python if run((*pip(python), *own), 120) is not None else None


def share_packages() -> None:
    """The environment sees what this Python sees, also where that is an environment itself: its
    own option for this is about the packages of the system only."""
    (packages,) = ENVIRONMENT.glob("lib/python*/site-packages")
    lines = [f"import site; site.addsitedir({folder!r})\n" for folder in site.getsitepackages()]
    (packages / "shared.pth").write_text("".join(lines))


def side_by_side(python: str) -> tuple[str, ...]:
    """Tests run in several processes where pytest-xdist is installed."""
    return ("-n", "auto", "--dist", "worksteal") if works(python, "import xdist") else ()


def pip(python: str) -> tuple[str, ...]:
    wheels = ROOT / "wheels"
    carried = ("--no-index", "--find-links", str(wheels)) if wheels.is_dir() else ()
    return (python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *carried)


def works(python: str, code: str) -> bool:
    return subprocess.run((python, "-c", code), capture_output=True).returncode == 0


def sanitize(python: str, seconds: float) -> bool:
    """A few steps of training under compute-sanitizer, where it is installed."""
    tool = shutil.which("compute-sanitizer")
    if tool is None:
        print("compute-sanitizer is not installed: left out")
        return True
    path = ENVIRONMENT / "small.net"
    path.write_text(SMALL)
    train = (python, "-m", "netc", "train", str(path), "--device", "cuda", "--steps", "3")
    out = ("--quiet", "--out", str(ENVIRONMENT / "runs"))
    tools = ("memcheck", "racecheck", "initcheck", "synccheck")
    checks = [
        run((tool, "--tool", name, "--error-exitcode", "1", *train, *out), seconds / len(tools))
        for name in tools
    ]
    return None not in checks


def measured(python: str, script: str, seconds: float) -> dict | None:
    """The figures of the last line that a script prints, also where its time was up; none where it
    fails. Both are told."""
    output = run((python, str(HERE / script)), seconds, capture=True)
    return json.loads(output.splitlines()[-1]) if output else None


def run(command: tuple[str, ...], seconds: float, capture: bool = False) -> str | None:
    """What a command prints, empty where it may print itself; None where it fails. What it printed
    until its time was up is what counts, where it is asked for."""
    pipe = subprocess.PIPE if capture else None
    try:
        done = subprocess.run(command, cwd=ROOT, stdout=pipe, text=True, timeout=seconds)
    except subprocess.TimeoutExpired as late:
        print(f"make gpu: {' '.join(command)} took longer than {seconds:.0f} s", file=sys.stderr)
        printed = (late.stdout or b"").decode()
        return printed[: printed.rfind("\n") + 1] or None
    if done.returncode:
        print(f"make gpu: {' '.join(command)} ended with {done.returncode}", file=sys.stderr)
        return None
    return done.stdout or ""


def write(found: dict[str, dict], python: str) -> None:
    """One file of this day's figures; none where nothing was measured."""
    if not found:
        print("make gpu: nothing was measured, nothing is written", file=sys.stderr)
        return
    now = datetime.datetime.now(datetime.UTC)
    facts = {"date": now.isoformat(timespec="seconds"), "gpu": gpu(), "versions": versions(python)}
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"gpu-{now:%Y-%m-%d-%H%M%S}.json"
    path.write_text(json.dumps(facts | found, indent=1) + "\n", encoding="utf-8")
    print(path.relative_to(ROOT))


def gpu() -> str:
    """Name, driver and clocks, as nvidia-smi tells them."""
    fields = "name,driver_version,clocks.max.sm,clocks.max.mem,power.limit"
    command = ("nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader", "--id=0")
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except OSError:
        return "nvidia-smi is not installed"


def versions(python: str) -> dict[str, str]:
    names = ("netc", "numpy", "cuda-bindings", "nvidia-cuda-nvrtc", "torch")
    code = (
        "import json, importlib.metadata as m; there = {d.name for d in m.distributions()}; "
        f"print(json.dumps({{n: m.version(n) for n in {names!r} if n in there}}))"
    )
    found = subprocess.run((python, "-c", code), capture_output=True, text=True).stdout
    own = {"python": platform.python_version(), "system": os.uname().release}
    return json.loads(found or "{}") | own


if __name__ == "__main__":
    sys.exit(main())
