"""How the reference holds each dtype: every float in double precision, the rest as it is.

Or in single precision, to see what float32 makes of it.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

Arrays = Mapping[str, type[np.generic]]
ARRAYS: Arrays = MappingProxyType(
    {
        "f32": np.float64,
        "f16": np.float64,
        "bf16": np.float64,
        "i32": np.int32,
        "u8": np.uint8,
        "bool": np.bool_,
    }
)
FLOATS = ("f32", "f16", "bf16")
SINGLE: Arrays = MappingProxyType({**ARRAYS, **dict.fromkeys(FLOATS, np.float32)})
