"""A text file comes in; windows of its bytes as tokens, and the bytes that follow, go out."""

from pathlib import Path

import numpy as np

from netc.runtime.data.dataset import DataSet, data_set
from netc.runtime.data.reading import reading
from netc.runtime.errors import fail

MOST_TEXT = 1 << 30  # bytes; each becomes two i32


def read_text(path: Path, window: int) -> DataSet:
    """token: i32[N, window] and next: i32[N, window], the same one byte later.

    Windows lie side by side: every byte is a token once, and what is left at the end is dropped.
    """
    with reading(path):
        if Path(path).stat().st_size > MOST_TEXT:
            raise ValueError(f"the text is larger than {MOST_TEXT} bytes")
        codes = np.frombuffer(Path(path).read_bytes(), np.uint8).astype(np.int32)
    count = (len(codes) - 1) // window
    if count < 1:
        message = f"`{path}` has {len(codes)} bytes, a window of {window} needs {window + 1}"
        raise fail("E0508", message)
    size = count * window
    token, following = codes[:size], codes[1 : size + 1]
    shape = (count, window)
    return data_set(f"`{path}`", {"token": token.reshape(shape), "next": following.reshape(shape)})
