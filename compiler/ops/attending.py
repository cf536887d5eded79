"""What attention and its two gradients share: their types, their weights in NumPy, their loads.

A query at place m may look at the keys that `mask`[m, n] allows and, if `causal`, at n <= m only.
The weight of a key is exp(score - log_sum), where score = query . key / sqrt(C), and log_sum is the
logarithm of the sum of exp(score) over the keys that the query may look at; 0 if there are none.
"""

from math import prod

import numpy as np

from netc.compiler.ir.operation import OpError
from netc.compiler.ir.tensor import TensorType
from netc.compiler.scalar.expression import Attend
from netc.compiler.scalar.index import unravel


def check_operands(
    name: str, query: TensorType, key: TensorType, value: TensorType, mask: TensorType | None
) -> None:
    """Raises OpError unless they are [..., T, C], [..., S, C], [..., S, D] and bool [..., T, S]."""
    given = ", ".join(map(str, (query, key, value, *((mask,) if mask else ()))))
    operands = (query, key, value)
    if any(one.dtype != "f32" or len(one.shape) < 2 for one in operands):
        raise OpError(f"{name} takes f32 tensors [..., places, channels], got {given}")
    leading, (queries, depth), keys = query.shape[:-2], query.shape[-2:], key.shape[-2]
    fits = key.shape == (*leading, keys, depth) and value.shape[:-1] == (*leading, keys)
    fits = fits and (mask is None or mask == TensorType("bool", (*leading, queries, keys)))
    if not fits:
        wanted = "[..., T, C], [..., S, C], [..., S, D] and bool [..., T, S]"
        raise OpError(f"{name} takes {wanted}, got {given}")


def attend(form: str, node, read) -> Attend:
    """The loads of a node: its inputs are query, key, value, for a gradient three more, a mask."""
    given = iter(node.inputs)
    query, key, value = next(given), next(given), next(given)
    slopes = tuple(next(given) for _ in range(3)) if form != "forward" else ()
    mask = next(given, None)
    leading, (queries, depth) = query.type.shape[:-2], query.type.shape[-2:]
    keys, width = value.type.shape[-2:]

    def load(of):
        return lambda batch, *places: read(of, (*unravel(batch, leading), *places))

    return Attend(
        form=form,
        batch=prod(leading),
        queries=queries,
        keys=keys,
        depth=depth,
        width=width,
        causal=node.named["causal"],
        query=load(query),
        key=load(key),
        value=load(value),
        slopes=tuple(map(load, slopes)),
        mask=load(mask) if mask else None,
    )


def allowed(queries: int, keys: int, mask: np.ndarray | None, causal: bool) -> np.ndarray:
    """Whether a query may look at a key: bool[..., T, S]."""
    order = np.arange(queries)[:, None] >= np.arange(keys) if causal else np.full((1, 1), True)
    return order if mask is None else mask & order


def scores(query: np.ndarray, key: np.ndarray) -> np.ndarray:
    return query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])


def weights(
    query: np.ndarray, key: np.ndarray, log_sum: np.ndarray, mask: np.ndarray | None, causal: bool
) -> np.ndarray:
    """f[..., T, S]: how much each query takes of each key; 0 where it may not look."""
    seen = allowed(query.shape[-2], key.shape[-2], mask, causal)
    return np.where(seen, np.exp(scores(query, key) - log_sum[..., None]), 0)


def score_slopes(query, key, value, upstream, log_sum, delta, mask, causal) -> np.ndarray:
    """The gradient by each score, times what query . key is divided by."""
    part = upstream @ np.swapaxes(value, -1, -2) - delta[..., None]
    return weights(query, key, log_sum, mask, causal) * part / np.sqrt(query.shape[-1])


def flops(products: int):
    """The cost of so many products of [T, C or D] by [S, C or D], and of the weights."""

    def count(node) -> int:
        query, _, value = node.inputs[:3]
        pairs = query.type.count // query.type.shape[-1] * value.type.shape[-2]
        half = 2 if node.named["causal"] else 1
        channels = (query.type.shape[-1] + value.type.shape[-1]) / 2
        return int(pairs * (2 * products * channels + 8)) // half

    return count
