"""What the tests of kernels with rounded operands share."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def hard_to_round() -> np.ndarray:
    """Middles between neighbours, what is too large and too small, and what is no number."""
    random = np.random.default_rng(9)
    found = [random.integers(0, 2**32, 400, np.uint64).astype(np.uint32).view(np.float32)]
    for drop in (12, 15):
        whole = random.integers(1, 2**11, 400) + 0.5
        found.append(whole * 2.0 ** random.integers(-36, 8, 400) * 2.0 ** (drop - 12))
    found.append([0.0, -0.0, 65504, 65519, 65520, 1e38, -3.4e38, np.inf, -np.inf, np.nan])
    return np.concatenate([np.asarray(part, np.float32) for part in found])
