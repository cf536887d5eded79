"""Steps that would leave numbers that are not finite: found, taken back and left out.

What `--on-nan skip` means. Whether a step is left out depends on the step alone, so that a resumed
run leaves out the same ones.
"""

import numpy as np

from netc.runtime.device import Fields
from netc.runtime.functions import numbers
from netc.runtime.session import Session


def train_or_skip(
    session: Session, fields: Fields, order: np.ndarray, steps: int
) -> np.ndarray:
    """As `session.train`; a step after which the loss or a tensor is not finite changes nothing
    but the number of steps done, and its numbers are NaN."""
    before = session.tensors()
    log = session.train(fields, order, steps)
    if is_sound(session, log):
        return log
    session.restore(before, session.seed)
    if steps == 1:
        session.skip_step()
        return np.full_like(log, np.nan)
    half = steps // 2
    rows = half * (len(order) // steps)
    first = train_or_skip(session, fields, order[:rows], half)
    return np.concatenate([first, train_or_skip(session, fields, order[rows:], steps - half)])


def is_sound(session: Session, log: np.ndarray) -> bool:
    loss = numbers(session.function("train")).index("loss")
    return bool(np.isfinite(log[:, loss]).all()) and bad_tensor(session.tensors()) is None


def bad_tensor(tensors: dict[str, np.ndarray]) -> str | None:
    """The first tensor that holds a number that is not finite."""
    for name, tensor in tensors.items():
        if tensor.dtype.kind == "f" and not np.isfinite(tensor).all():
            return name
    return None
