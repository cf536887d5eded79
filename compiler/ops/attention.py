"""attention(query, key, value[, mask]): the mean of the values, weighted by how their keys fit.

query [..., T, C], key [..., S, C], value [..., S, D], mask bool [..., T, S] -> [..., T, D + 1]: the
mean, and behind it the logarithm of the sum of the weights' exponentials, from which the gradients
find each weight again. No tensor of T x S is ever stored. A query that may look at nothing gets 0.
"""

import numpy as np

from netc.compiler.ir.operation import Family, Op
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.attending import allowed, attend, check_operands, flops, scores, weights


def type_rule(
    query: TensorType, key: TensorType, value: TensorType, mask: TensorType | None = None, *,
    causal: bool,
) -> TensorType:  # fmt: skip
    check_operands("attention", query, key, value, mask)
    return query.with_shape((*query.shape[:-1], value.shape[-1] + 1))


def part(build, x, start: int, stop: int):
    """Columns `start` to `stop` of the last axis."""
    shape = x.type.shape
    starts, stops = (0,) * (len(shape) - 1) + (start,), (*shape[:-1], stop)
    return build.slice(x, starts=starts, stops=stops, steps=(1,) * len(shape))


def gradient(build, node, upstream):
    query, key, value, *mask = node.inputs
    width, rows = value.type.shape[-1], query.type.shape[:-1]
    mean, above = part(build, node.output, 0, width), part(build, upstream, 0, width)
    log_sum, slope = (
        build.reshape(part(build, one, width, width + 1), shape=rows)
        for one in (node.output, upstream)
    )
    delta = build.subtract(build.sum(build.multiply(mean, above), axes=(len(rows),)), slope)
    operands = (query, key, value, above, log_sum, delta, *mask)
    by_query = build.attention_query_gradient(*operands, **node.named)
    both = build.attention_key_value_gradient(*operands, **node.named)
    depth = query.type.shape[-1]
    by_key, by_value = part(build, both, 0, depth), part(build, both, depth, depth + width)
    return by_query, by_key, by_value, *(None for _ in mask)


def reference(
    query: np.ndarray, key: np.ndarray, value: np.ndarray, mask: np.ndarray | None = None, *,
    causal: bool,
) -> np.ndarray:  # fmt: skip
    seen = allowed(query.shape[-2], key.shape[-2], mask, causal)
    sums = np.sum(np.where(seen, np.exp(scores(query, key)), 0), axis=-1)
    log_sum = np.log(np.where(sums > 0, sums, 1))
    mean = weights(query, key, log_sum, mask, causal) @ value
    return np.concatenate((mean, log_sum[..., None]), axis=-1)


OP = Op(
    "attention", Family.ATTEND, type_rule, reference, gradient,
    attend=lambda node, read: attend("forward", node, read), flops=flops(2), expensive=True,
)  # fmt: skip
