"""Multi-head self-attention (Vaswani et al., 2017) forward and backward.

x is (N, T, F). ``w`` (3F, F) and ``b`` (3F,) make queries, keys and values, ``w_out`` (F, F) and ``b_out``
(F,) the output. Heads stand one behind the other in the features.
"""

from __future__ import annotations

import math

from foveate.reference.activations import softmax, softmax_backward
from foveate.reference.windows import Array


def attention(x: Array, w: Array, b: Array, w_out: Array, b_out: Array, *, heads: int) -> Array:
    """softmax(Q Kᵀ / √d) V, heads joined and mixed: (N, T, F) to the same."""
    _, _, value = _projected(x, w, b, heads)
    return _joined(attention_weights(x, w, b, heads=heads) @ value) @ w_out.T + b_out


def attention_weights(x: Array, w: Array, b: Array, *, heads: int) -> Array:
    """How much of token j goes into token i, (N, heads, T, T) [..., i, j]; each row sums to 1."""
    return softmax(_scores(x, w, b, heads), axis=3)


def attention_backward(
    grad: Array, x: Array, w: Array, b: Array, w_out: Array, *, heads: int
) -> tuple[Array, Array, Array, Array, Array]:
    """(dx, dw, db, dw_out, db_out). A token's gradient comes by three ways: by query, by key, by value."""
    query, key, value = _projected(x, w, b, heads)
    weights = attention_weights(x, w, b, heads=heads)
    joined = _joined(weights @ value)
    dw_out, db_out = _summed(grad, joined), grad.sum((0, 1))
    dheads = _split(grad @ w_out, heads)  # (N, heads, T, d)
    dvalue = _turned(weights) @ dheads
    dscores = softmax_backward(dheads @ _turned(value), _scores(x, w, b, heads), axis=3)
    dscores = dscores / math.sqrt(query.shape[3])
    dquery, dkey = dscores @ key, _turned(dscores) @ query
    features = x.shape[2]
    dx, dw, db = 0 * x, 0 * w, 0 * b
    for i, part in enumerate((dquery, dkey, dvalue)):
        rows, flat = slice(i * features, (i + 1) * features), _joined(part)
        dx = dx + flat @ w[rows]
        dw[rows], db[rows] = _summed(flat, x), flat.sum((0, 1))
    return dx, dw, db, dw_out, db_out


def _projected(x: Array, w: Array, b: Array, heads: int) -> tuple[Array, Array, Array]:
    """Queries, keys and values, (N, heads, T, d) each."""
    features, y = x.shape[2], x @ w.T + b
    query, key, value = (_split(y[..., i * features : (i + 1) * features], heads) for i in range(3))
    return query, key, value


def _scores(x: Array, w: Array, b: Array, heads: int) -> Array:
    query, key, _ = _projected(x, w, b, heads)
    return query @ _turned(key) / math.sqrt(query.shape[3])


def _split(x: Array, heads: int) -> Array:
    """(N, T, F) to (N, heads, T, F/heads)."""
    n, tokens, features = x.shape
    return x.reshape(n, tokens, heads, features // heads).transpose(0, 2, 1, 3)


def _joined(x: Array) -> Array:
    """And back."""
    n, heads, tokens, depth = x.shape
    return x.transpose(0, 2, 1, 3).reshape(n, tokens, heads * depth)


def _turned(x: Array) -> Array:
    return x.swapaxes(2, 3)


def _summed(grad: Array, x: Array) -> Array:
    """The gradient of a dense layer's weights, over all tokens of all pictures."""
    return grad.reshape(-1, grad.shape[2]).T @ x.reshape(-1, x.shape[2])
