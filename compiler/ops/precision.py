"""What a product does to its operands before it multiplies: the meaning of `precision`.

Products are summed in f32 whatever the precision is, and their results, like all that is not an
operand of a product, stay f32.
"""

import numpy as np

from netc.compiler.ir.operation import OpError

# precision: bits of the fraction that are kept
FRACTION = {"f32": 23, "tf32": 10, "bf16": 7, "f16": 10}


def check_precision(precision: str) -> None:
    """Raises OpError for what is no precision."""
    if precision not in FRACTION:
        raise OpError(f"a precision is one of {', '.join(FRACTION)}, got {precision}")


def rounded(array: np.ndarray, precision: str) -> np.ndarray:
    """Each element as the nearest number of the precision, of two equally near the even one.

    The result has the dtype of the array. What is too large becomes infinite; f16 has no exponents
    beyond -14 to 15, where the others have those of f32.
    """
    array = np.asarray(array)
    if precision == "f32":
        return array
    single = array.astype(np.float32)
    if precision == "f16":
        with np.errstate(over="ignore"):
            return single.astype(np.float16).astype(array.dtype)
    drop = np.uint32(23 - FRACTION[precision])
    bits = single.view(np.uint32)
    half = (np.uint32(1) << (drop - np.uint32(1))) - np.uint32(1)
    nearest = (bits + half + (bits >> drop & np.uint32(1))) >> drop << drop
    return np.where(np.isnan(single), single, nearest.view(np.float32)).astype(array.dtype)
