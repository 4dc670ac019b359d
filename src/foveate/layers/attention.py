"""Multi-head self-attention (Vaswani et al.: Attention is all you need, 2017, arXiv:1706.03762, section 3.2).

    softmax(Q Kᵀ / √d) V

where Q, K and V are three linear maps of the same tokens, cut into heads of d features each. The key names
(``in_proj_weight``, ``in_proj_bias``, ``out_proj``) are those of ``torch.nn.MultiheadAttention``.
"""

from __future__ import annotations

import math

from foveate.errors import InputError
from foveate.operators.blueprint import (
    MAX_CHANNELS,
    Argument,
    Arguments,
    BlueprintLayer,
    Shape,
    Whole,
    a_map,
)
from foveate.operators.optional_torch import F, Tensor, nn, torch
from foveate.operators.table import in_blueprints


class MultiHeadAttention(nn.Module):
    """Every token asks all tokens what they hold, once in each head. (N, T, features) to the same.

    ``dropout`` sets attention weights to 0 in training.

    In training torch's fused function computes all at once. In evaluation each step is on its own, so that
    attention weights can be looked at: the submodule ``softmax`` gives them, (N, heads, T, T), and
    `attention_weights` does for tokens at hand. ``[n, m, i, j]`` is how much of token j goes into token i, in
    head m; each row sums to 1.

    Raises InputError where the features cannot be shared out evenly among the heads.
    """

    def __init__(self, features: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        if features % heads:
            raise InputError(
                f"{features} features cannot be shared out among {heads} heads of attention; take a number "
                "of heads that divides them."
            )
        self.heads = heads
        self.dropout = dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * features, features))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * features))
        self.softmax = nn.Softmax(dim=-1)
        self.out_proj = nn.Linear(features, features)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self._projected(x)
        if self.training:
            heads = F.scaled_dot_product_attention(query, key, value, dropout_p=self.dropout)
        else:
            heads = self._weights(query, key) @ value  # (N, heads, T, d)
        return self.out_proj(heads.transpose(1, 2).flatten(2))

    def attention_weights(self, x: Tensor) -> Tensor:
        """How much of each token goes into each: tokens (N, T, features) to (N, heads, T, T)."""
        query, key, _ = self._projected(x)
        return self._weights(query, key)

    def _projected(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, (N, heads, T, d) each."""
        projected = F.linear(x, self.in_proj_weight, self.in_proj_bias)  # (N, T, 3 features)
        heads = projected.unflatten(2, (3 * self.heads, -1)).transpose(1, 2)  # (N, 3 heads, T, d)
        query, key, value = heads.chunk(3, dim=1)
        return query, key, value

    def _weights(self, query: Tensor, key: Tensor) -> Tensor:
        scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[3])  # (N, heads, T, T)
        return self.softmax(scores)

    def extra_repr(self) -> str:
        return f"features={self.out_proj.in_features}, heads={self.heads}"


class MapAttention(nn.Module):
    """Attention among the places of a map, which is added to the map. (N, C, H, W) to the same.

    Places know nothing of where they lie; a convolution before it tells them. (Wang et al.: *Non-local neural
    networks*, 2018, arXiv:1711.07971.)
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(channels, heads)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)  # (N, H W, C)
        return x + self.attention(tokens).transpose(1, 2).reshape(x.shape)


def _shape(args: Arguments, shape: Shape) -> Shape:
    if a_map(shape)[0] % args["heads"]:
        raise InputError(
            f"{shape[0]:,} channels cannot be shared out among {args['heads']} heads; take a number of heads "
            "that divides them"
        )
    return shape


in_blueprints(
    {
        "attention": BlueprintLayer(
            lambda shape, heads: MapAttention(shape[0], heads),
            "convolution",
            "Every place looks at all places, and adds what it finds there.",
            shape=_shape,
            arguments={"heads": Argument(Whole(1, MAX_CHANNELS), 4)},
            parameters=lambda args, shape: 4 * shape[0] * (shape[0] + 1),
            scalar="heads",
        )
    }
)
