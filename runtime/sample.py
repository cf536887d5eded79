"""A trained net that foretells the next letter and the start of a text come in; the text goes on.

Letters are bytes, as the data source `text` gives them: the net takes token: i32[N, T] and returns
logits f32[N, T, V], whose row t is about the letter behind place t.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from netc.compiler.program import FunctionFacts
from netc.runtime.data.dataset import words
from netc.runtime.errors import fail
from netc.runtime.session import Session

BYTES = 256
DROPPED = 11  # bits: 53 of 64 make a fraction


@dataclass(frozen=True)
class Taste:
    """How a letter is chosen: the likeliest at temperature 0, else at random by its probability,
    sharpened below 1 and blurred above. The seed and the place in the text decide which."""

    temperature: float = 1.0
    seed: int = 0

    def choose(self, logits: np.ndarray, place: int) -> int:
        if self.temperature == 0:
            return int(logits.argmax())
        scaled = (logits.astype(np.float64) - logits.max()) / self.temperature
        reached = np.cumsum(np.exp(scaled))
        drawn = float(words(self.seed, place, 1)[0] >> np.uint64(DROPPED)) * 2.0**-53
        return min(int(np.searchsorted(reached, drawn * reached[-1], "right")), len(reached) - 1)


def write_on(
    session: Session, net: str, prompt: bytes, length: int, taste: Taste
) -> Iterator[int]:
    """The `length` letters that follow the prompt, one by one.

    The net sees as much of the text before a letter as it has places. Raises NetError (E0530) for a
    net that does not foretell letters, or a prompt with letters that it does not know.
    """
    if not session.program.batches(f"run_{net}"):
        raise session.no_net(net)
    function = session.function(f"run_{net}")
    window, letters = sizes_of(net, function)
    check_prompt(net, prompt, letters)
    text = list(prompt)
    for place in range(length):
        rows = session.run(net, **{function.fields[0].name: seen(text, window)})[0]
        if place == 0:
            check_order(session, net, function, text, rows)
        text.append(taste.choose(rows[min(len(text), window) - 1], place))
        yield text[-1]


def seen(text: list[int], window: int, filler: int = 0) -> np.ndarray:
    """i32[1, window]: the end of the text, and behind it what the net must not look at."""
    part = text[-window:]
    return np.array([part + [filler] * (window - len(part))], np.int32)


def sizes_of(net: str, function: FunctionFacts) -> tuple[int, int]:
    """(places, letters) of a net that foretells letters."""
    fields = [field for field in function.fields if field.dtype == "i32" and len(field.shape) == 2]
    outputs = [tensor for _, tensor in function.outputs if len(tensor.shape) == 3]
    if len(function.fields) == len(fields) == len(function.outputs) == len(outputs) == 1:
        places, letters = fields[0].shape[1], outputs[0].shape[2]
        if outputs[0].shape[1] == places and letters <= BYTES:
            return places, letters
    taken = ", ".join(f"{one.dtype}{list(one.shape)}" for one in function.fields)
    given = ", ".join(f"{one.dtype}{list(one.shape)}" for _, one in function.outputs)
    raise fail(
        "E0530",
        f"`{net}` cannot write: it takes {taken} and returns {given}",
        help="a net that writes takes `token: i32[N, T]` and returns logits `[N, T, V]`, V <= 256",
    )


def check_prompt(net: str, prompt: bytes, letters: int) -> None:
    if not prompt:
        raise fail("E0530", "there is nothing to start from", help='--sample "Once upon a time"')
    strange = next((letter for letter in prompt if letter >= letters), None)
    if strange is not None:
        message = f"`{net}` knows bytes below {letters}, and the start of the text has {strange}"
        raise fail("E0530", message)


def check_order(
    session: Session, net: str, function: FunctionFacts, text: list[int], rows: np.ndarray
) -> None:
    """Refuse a net whose rows change with what stands behind them: it cannot write in order."""
    window = rows.shape[0]
    other = seen(text, window, filler=rows.shape[1] - 1)
    again = session.run(net, **{function.fields[0].name: other})[0]
    known = min(len(text), window)
    if not np.array_equal(rows[:known], again[:known]):
        raise fail(
            "E0530",
            f"`{net}` looks ahead: what it foretells depends on what comes later",
            help="`causal=true` makes attention look only backwards",
        )
