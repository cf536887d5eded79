"""A trained session and inputs of other sizes than the program's in; a session for them out."""

from collections.abc import Mapping

import numpy as np

from netc.api import Program
from netc.compiler.diagnostics import Source
from netc.compiler.driver import compile_file
from netc.compiler.language.model import load_model
from netc.compiler.language.open_sizes import open_sizes
from netc.runtime.session import Session


def fitted(session: Session, program: Program, net: str, inputs: Mapping[str, object]) -> Session:
    """The session, or one with its weights of the same program compiled for these inputs.

    A net may leave sizes open, as the length of a sequence, `x: f32[N, T, 8]`: the training data
    decides them, and inputs of another length need other kernels.
    """
    function = program.facts.function(f"run_{net}")
    shapes = {name: np.shape(value) for name, value in inputs.items()}
    if function is None or all(
        shapes.get(field.name, ())[1:] == field.shape[1:] for field in function.fields
    ):
        return session
    text = (program.folder / f"{program.name}.net").read_text(encoding="utf-8")
    source, defines = Source(program.facts.file, text), dict(program.facts.defines)
    sizes = open_sizes(load_model(source, defines), net, shapes)
    if not sizes:
        return session
    told = "-".join(f"{name}{size}" for name, size in sorted(sizes.items()))
    folder = program.folder / "sizes" / f"{net}-{told}"
    facts, _ = compile_file(source, defines=defines, out=folder, sizes={net: sizes})
    other = Program(facts, folder, program.device, program.threads).start(session.seed)
    other.restore(session.tensors(), session.seed)
    session.close()
    return other
