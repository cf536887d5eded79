"""A code and a message come in; the NetError that tells a user about it goes out."""

from netc.compiler.diagnostics import Diagnostic, NetError

ENVIRONMENT = 4  # the exit code for a full disk, a missing permission and the like


def fail(
    code: str, message: str, *, help: str | None = None, notes: tuple[str, ...] = (),
    exit_code: int = 1,
) -> NetError:
    """An error without a place in the source; the caller raises it."""
    helps = () if help is None else (help,)
    diagnostic = Diagnostic(code, message, span=None, notes=tuple(notes), helps=helps)
    return NetError(diagnostic, exit_code=exit_code)
