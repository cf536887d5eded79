"""attention_key_value_gradient(query, key, value, upstream, log_sum, delta[, mask]): of attention.

The operands are those of attention_query_gradient. -> [..., S, C + D]: the gradient by each key,
and behind it that by its value; both are sums of one walk over the queries.
"""

import numpy as np

from netc.compiler.ir.operation import Family, Op
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.attending import attend, flops, score_slopes, weights
from netc.compiler.ops.attention_query_gradient import check_slopes


def type_rule(
    query: TensorType, key: TensorType, value: TensorType, upstream: TensorType,
    log_sum: TensorType, delta: TensorType, mask: TensorType | None = None, *, causal: bool,
) -> TensorType:  # fmt: skip
    check_slopes("attention_key_value_gradient", query, key, value, upstream, log_sum, delta, mask)
    return key.with_shape((*key.shape[:-1], key.shape[-1] + value.shape[-1]))


def reference(
    query: np.ndarray, key: np.ndarray, value: np.ndarray, upstream: np.ndarray,
    log_sum: np.ndarray, delta: np.ndarray, mask: np.ndarray | None = None, *, causal: bool,
) -> np.ndarray:  # fmt: skip
    slopes = score_slopes(query, key, value, upstream, log_sum, delta, mask, causal)
    shares = weights(query, key, log_sum, mask, causal)
    by_key, by_value = (
        np.swapaxes(one, -1, -2) @ of for one, of in ((slopes, query), (shares, upstream))
    )
    return np.concatenate((by_key, by_value), axis=-1)


OP = Op(
    "attention_key_value_gradient", Family.ATTEND, type_rule, reference,
    attend=lambda node, read: attend("key_value", node, read), flops=flops(4), expensive=True,
)  # fmt: skip
