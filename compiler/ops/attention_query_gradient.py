"""attention_query_gradient(query, key, value, upstream, log_sum, delta[, mask]): that of attention.

upstream [..., T, D] is the gradient of the means, log_sum [..., T] what attention found, and delta
[..., T] the sum of upstream * mean, less the gradient of log_sum. -> [..., T, C].
"""

import numpy as np

from netc.compiler.ir.operation import Family, Op, OpError
from netc.compiler.ir.tensor import TensorType
from netc.compiler.ops.attending import attend, check_operands, flops, score_slopes


def type_rule(
    query: TensorType, key: TensorType, value: TensorType, upstream: TensorType,
    log_sum: TensorType, delta: TensorType, mask: TensorType | None = None, *, causal: bool,
) -> TensorType:  # fmt: skip
    check_slopes("attention_query_gradient", query, key, value, upstream, log_sum, delta, mask)
    return query


def check_slopes(name: str, query, key, value, upstream, log_sum, delta, mask) -> None:
    check_operands(name, query, key, value, mask)
    rows = query.with_shape(query.shape[:-1])
    if upstream != query.with_shape((*rows.shape, value.shape[-1])) or {log_sum, delta} != {rows}:
        raise OpError(
            f"{name} takes [..., T, D], [..., T] and [..., T] after the operands of attention, "
            f"got {upstream}, {log_sum} and {delta}"
        )


def reference(
    query: np.ndarray, key: np.ndarray, value: np.ndarray, upstream: np.ndarray,
    log_sum: np.ndarray, delta: np.ndarray, mask: np.ndarray | None = None, *, causal: bool,
) -> np.ndarray:  # fmt: skip
    return score_slopes(query, key, value, upstream, log_sum, delta, mask, causal) @ key


OP = Op(
    "attention_query_gradient", Family.ATTEND, type_rule, reference,
    attend=lambda node, read: attend("query", node, read), flops=flops(3), expensive=True,
)  # fmt: skip
