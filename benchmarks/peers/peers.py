"""Who is measured, and where each lives: in an environment of its own, made when missing; netc's
is made anew each time, from the source that lies here."""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ENVIRONMENTS = ROOT / ".peers"
PACKAGES = {  # environment -> what is installed into it
    "torch": ("torch", "numpy"),
    "jax": ("jax", "numpy"),
    "tensorflow": ("tensorflow-cpu", "keras"),
    "tinygrad": ("tinygrad>=0.14", "numpy"),
    "onnxruntime": ("onnxruntime", "onnx", "numpy"),
}
# glibc told to keep memory between steps: what a user finds who looks for the page faults.
KEEP_MEMORY = (("MALLOC_MMAP_THRESHOLD_", "4294967296"), ("MALLOC_TRIM_THRESHOLD_", "4294967296"))
SOURCE = ("compiler", "emulator", "grammar", "netc", "runtime", "templates")
ABOUT = ("pyproject.toml", "README.md")
NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
ALL = ("cnn", "mlp", "lenet", "resnet8", "resnet18", "lstm", "gpt")


@dataclass(frozen=True)
class Peer:
    """A framework as it is used in one way. `nets` are those that it is asked for, `runs` says
    whether only for outputs."""

    name: str
    environment: str
    words: tuple[str, ...]
    nets: tuple[str, ...] = ALL
    variables: tuple[tuple[str, str], ...] = ()
    only_runs: bool = False


NETC = Peer("netc", "netc", ("with_netc.py",))
PEERS = (
    Peer("PyTorch", "torch", ("with_torch.py", "eager")),
    Peer("PyTorch tuned", "torch", ("with_torch.py", "tuned"), ALL, KEEP_MEMORY),
    Peer(
        "PyTorch compiled", "torch", ("with_torch.py", "compiled"),
        ("mlp", "resnet8", "gpt"), KEEP_MEMORY,
    ),
    Peer("JAX", "jax", ("with_jax.py",)),
    Peer("Keras", "tensorflow", ("with_keras.py", "graph"), ALL[:-1]),
    Peer("Keras XLA", "tensorflow", ("with_keras.py", "xla"), ("cnn", "mlp", "lenet")),
    Peer("tinygrad", "tinygrad", ("with_tinygrad.py",), ("cnn", "mlp", "lenet")),
    Peer("onnxruntime", "onnxruntime", ("with_onnxruntime.py",), ("cnn",), only_runs=True),
)  # fmt: skip


def python_of(peer: Peer) -> str:
    """The interpreter that runs a peer; without an environment the one that runs this."""
    if not peer.environment:
        return sys.executable
    return str(ENVIRONMENTS / peer.environment / "bin" / "python")


def install(peer: Peer) -> str | None:
    """Make a peer's environment where it is missing; what went wrong, or None."""
    folder = ENVIRONMENTS / peer.environment
    if peer is not NETC and (folder / "installed").exists():
        return None
    with tempfile.TemporaryDirectory() as copy:
        packages = (own_source(Path(copy)),) if peer is NETC else PACKAGES[peer.environment]
        print(f"installing {peer.name}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run((sys.executable, "-m", "venv", folder), check=True)
        pip = (python_of(peer), "-m", "pip", "install", "--quiet", *packages)
        done = subprocess.run(pip, capture_output=True, text=True)
    if done.returncode:
        return done.stderr.strip().splitlines()[-1]
    (folder / "installed").touch()
    return None


def own_source(folder: Path) -> str:
    """A copy of netc's source: who builds a package of it leaves files beside it."""
    for name in SOURCE:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ABOUT:
        shutil.copy(ROOT / name, folder)
    return str(folder)


def installed_megabytes(peer: Peer) -> float:
    """What lies in a peer's environment, without what every environment starts with."""
    folder = Path(python_of(peer)).parents[1] / "lib"
    packages = [one for path in folder.glob("python*/site-packages") for one in path.iterdir()]
    usual = ("pip", "setuptools", "wheel", "pkg_resources", "__pycache__")
    return sum(size(one) for one in packages if not one.name.startswith(usual)) / 1e6


def size(path: Path) -> int:
    if path.is_symlink() or path.is_file():
        return path.lstat().st_size
    files = (one for one in path.rglob("*") if not one.is_dir() and one.suffix != ".pyc")
    return sum(one.lstat().st_size for one in files)


def environment_of(peer: Peer, threads: int) -> dict[str, str]:
    """The variables that a peer runs with: the same threads for everybody, and Python keeps the
    bytecode of modules, as it does for users."""
    count = str(threads)
    inherited = {name: value for name, value in os.environ.items() if name != NO_BYTECODE}
    told = {"THREADS": count, "OMP_NUM_THREADS": count, "DEV": "CPU", "CPU_COUNT": count}
    return inherited | told | dict(peer.variables)
