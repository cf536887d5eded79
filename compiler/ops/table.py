"""Every op by its name. An op is a file of this folder that has an `OP`; nothing else lists it."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from netc.compiler import ops
from netc.compiler.ir.operation import Op


def found() -> Iterator[Op]:
    """The ops of all files, in the order of the files' names."""
    for name in sorted(file.name for file in iter_modules(ops.__path__)):
        module = import_module(f"{ops.__name__}.{name}")
        if hasattr(module, "OP"):
            yield module.OP


OPS: Mapping[str, Op] = MappingProxyType({op.name: op for op in found()})
