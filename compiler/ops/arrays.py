"""How the reference holds each dtype: every float in double precision, the rest as it is."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

ARRAYS: Mapping[str, type[np.generic]] = MappingProxyType(
    {
        "f32": np.float64,
        "f16": np.float64,
        "bf16": np.float64,
        "i32": np.int32,
        "u8": np.uint8,
        "bool": np.bool_,
    }
)
