"""Every error code -> its page. Loads nothing but text, so that `netc explain` starts at once."""

from netc.compiler.explanations.code import Code
from netc.compiler.explanations.names import NAMES
from netc.compiler.explanations.outside import OUTSIDE
from netc.compiler.explanations.shapes import SHAPES
from netc.compiler.explanations.syntax import SYNTAX
from netc.compiler.explanations.training import TRAINING

CODES: tuple[Code, ...] = SYNTAX + SHAPES + NAMES + TRAINING + OUTSIDE


def find_code(code: str) -> Code | None:
    """The page of a code, in either case; None for a code that does not exist."""
    return next((page for page in CODES if page.code == code.upper()), None)
