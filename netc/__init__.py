"""netc compiles neural networks: `netc.compile("mnist.net").start().step(image=x, label=y)`."""

from importlib import import_module
from typing import TYPE_CHECKING

from netc.compiler.collector import without_collector

if TYPE_CHECKING:
    from netc.api import Program, compile, load, train
    from netc.compiler.diagnostics import NetError
    from netc.runtime.loop import Run
    from netc.runtime.session import Session

__all__ = ["NetError", "Program", "Run", "Session", "compile", "load", "train"]

HOMES = {
    "NetError": "netc.compiler.diagnostics",
    "Run": "netc.runtime.loop",
    "Session": "netc.runtime.session",
}


def __getattr__(name: str):
    """Load what is asked for: the command line starts without NumPy."""
    if name not in __all__:
        raise AttributeError(f"module 'netc' has no attribute '{name}'")
    with without_collector():
        return getattr(import_module(HOMES.get(name, "netc.api")), name)


def __dir__() -> list[str]:
    return sorted(__all__)
